/** The closed set of a role's outputs. `src/core/node-core.ts` carries out each of them. */
import type { Difference } from './auditing.ts'
import type { Ballot } from './ballot.ts'
import type { AcceptedRecord, Address, Batch, ChosenBatch, Instance, NodeId } from './batch.ts'
import type { RoleEvent, RoleName } from './inbox.ts'
import type { Busy, NodeMessage, Queued, ReadRequest, Response } from './messages.ts'
import type { SnapshotName } from './snapshot-name.ts'

/** Send a message to a server. A message to this server itself goes directly to its role. */
export interface Send {
  readonly type: 'send'
  readonly to: NodeId
  /** The directory of the intended receiver, if it differs from the one in the members: an answer goes to the directory that asked. */
  readonly incarnation?: string
  readonly message: NodeMessage
}

/** Send an event to another role of this node. */
export interface Tell {
  readonly type: 'tell'
  readonly role: RoleName
  readonly event: RoleEvent
}

/**
 * Write to storage. The acceptor's writes are synced and answered with `persisted`; if one fails, the node halts. The learner's
 * writes (`chosen`) keep their order among them, may be synced later, and are not answered. A snapshot is synced at once, after all
 * writes before it.
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
  /**
   * `snapshot` holds the state below its instance from now on, and chosen batches below `floor` may be deleted. Its file was written
   * and synced before. A snapshot above the first unchosen instance is installed: the server then knows all below it, and holds no
   * chosen batch below it, so `floor` is its instance. Otherwise the snapshot was taken here.
   */
  | { readonly by: 'snapshot'; readonly snapshot: SnapshotName; readonly floor: Instance }

/** Execute a chosen batch; answered with `batch.executed`. Instances are in order, each once. */
export interface Execute {
  readonly type: 'execute'
  readonly instance: Instance
  readonly batch: Batch
}

/** Read a page of chosen batches from `from` on; answered with `chosen.read`. */
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

/** Have the service answer these reads of a client from its present state, and send the client what it read. */
export interface Query {
  readonly type: 'query'
  readonly to: Address
  readonly uid: string
  readonly reads: readonly ReadRequest[]
}

/**
 * A message that no correct server sends, or that depends on a batch which can no longer be chosen. `stranger`: the sender is not
 * a member and does not name this server's directory. `round`, `instance`: too far above the known ones. `batch`: an accept
 * contains another batch than the one accepted here at the same ballot. `void`: a record was accepted above an instance at which
 * nothing can be chosen below the ballot. `chosen`: a batch is reported as chosen where another one is known to be chosen.
 * `late`: of an earlier boot of the sender's directory. `copied`: the sender's directory was exposed as a copy.
 */
export type Oddity = 'stranger' | 'round' | 'instance' | 'batch' | 'void' | 'chosen' | 'late' | 'copied'

/** Count and log the oddity of `sender`. The role has dropped the message. */
export interface Flag {
  readonly type: 'flag'
  readonly oddity: Oddity
  readonly sender: NodeId
}

/** Halt this server: its state provably contradicts what a quorum chose, or what a quorum executed. */
export interface Halt {
  readonly type: 'halt'
  readonly reason: string
  /** The core adds to the reason what this server executed at this instance, if it still knows. */
  readonly executedAt?: Instance
}

/**
 * Refuse the requests of clients to the service, because the servers differ from this instance on and no quorum agrees; with `null`,
 * refuse none. Requests about members and sessions are not concerned.
 */
export interface Refuse {
  readonly type: 'refuse'
  readonly dispute: Difference | null
}

export type Output = Send | Tell | Persist | Execute | Read | Respond | Query | Flag | Halt | Refuse
