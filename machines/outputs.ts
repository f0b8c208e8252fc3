/** The closed set of what a role may ask of the world. Each is carried out in one place, `src/core/node-core.ts`. */
import type { Ballot } from './ballot.ts'
import type { AcceptedRecord, Address, Batch, ChosenBatch, Instance, NodeId } from './batch.ts'
import type { RoleEvent, RoleName } from './inbox.ts'
import type { Busy, NodeMessage, Queued, Response } from './messages.ts'

/** Send a message to a server; to oneself it goes straight to the role that hears it. */
export interface Send {
  readonly type: 'send'
  readonly to: NodeId
  /** The directory that is meant, where it is not the one that stands in the members: an answer goes to the one that asked. */
  readonly incarnation?: string
  readonly message: NodeMessage
}

/** Tell another role of this node. */
export interface Tell {
  readonly type: 'tell'
  readonly role: RoleName
  readonly event: RoleEvent
}

/**
 * Write to storage. The acceptor's writes are synced and answered with `persisted`; if one fails the node halts.
 * What the learner writes (`chosen`) is kept in order with them but may be synced later, and is not answered.
 */
export interface Persist {
  readonly type: 'persist'
  readonly write: Write
}

export type Write =
  | {
      readonly by: 'acceptor'
      readonly promised: Ballot | null
      readonly accepted: readonly AcceptedRecord[]
    }
  | { readonly by: 'learner'; readonly chosen: readonly ChosenBatch[] }

/** Execute a chosen batch; answered with `batch.executed`. Instances come in order, each once. */
export interface Execute {
  readonly type: 'execute'
  readonly instance: Instance
  readonly batch: Batch
}

/** Read chosen batches from `from` on, a page; answered with `chosen.read`. */
export interface Read {
  readonly type: 'read'
  readonly from: Instance
  readonly to: NodeId
  readonly incarnation: string
}

/** Answer a client. */
export interface Respond {
  readonly type: 'respond'
  readonly to: Address
  readonly message: Response | Queued | Busy
}

/**
 * What another server sent that no honest one sends, or that rests on what an honest one can no longer have chosen.
 * `stranger`: of a server that is no member and does not name this one's directory. `round`, `instance`: too far above what is known here. `batch`: an accept carries another batch than the one that was
 * accepted here at the same ballot. `void`: a record was accepted above an instance at which nothing can be chosen below the
 * ballot. `chosen`: a batch is said to be chosen where another one is known to be.
 */
export type Oddity = 'stranger' | 'round' | 'instance' | 'batch' | 'void' | 'chosen'

/** Count what `sender` sent under the name of the oddity, and log it. The role has dropped it. */
export interface Flag {
  readonly type: 'flag'
  readonly oddity: Oddity
  readonly sender: NodeId
}

/** End this server: what it holds is proven to contradict what a quorum chose. */
export interface Halt {
  readonly type: 'halt'
  readonly reason: string
}

export type Output = Send | Tell | Persist | Execute | Read | Respond | Flag | Halt
