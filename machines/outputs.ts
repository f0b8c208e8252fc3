/** The closed set of a role's outputs. `src/core/node-core.ts` carries out each of them. */
import type { Difference } from './auditing.ts'
import type { Ballot } from './ballot.ts'
import type { AcceptedRecord, Address, Batch, ChosenBatch, Instance, NodeId, RequestGroup } from './batch.ts'
import type { Proof } from './boot.ts'
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
 * writes (`chosen`) keep their order among them, may be synced later, and are not answered. The write of a snapshot is synced and
 * answered with `snapshot.held`: from then on the snapshot stands for everything below its instance, and storage may delete the
 * chosen batches below `floor`. A snapshot above the first unchosen instance replaces the chosen and accepted batches below it.
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

/**
 * Draw a picture of the replicated state as it is now, while later batches are executed; answered with `snapshot.drawn`. One at a
 * time.
 */
export interface TakeSnapshot {
  readonly type: 'takeSnapshot'
}

/** Read chunks of a snapshot from `offsetBytes` on; answered with `chunks.read`. */
export interface ReadChunks {
  readonly type: 'readChunks'
  readonly snapshot: SnapshotName
  readonly offsetBytes: number
  readonly to: NodeId
  readonly incarnation: string
}

/**
 * Prepare to keep a snapshot that another server sends: go on with what was kept of this very snapshot before a restart, and drop what
 * was kept of any other; answered with `snapshot.resumed`. One at a time.
 */
export interface ResumeSnapshot {
  readonly type: 'resumeSnapshot'
  readonly snapshot: SnapshotName
}

/** Keep a chunk of that snapshot, in base64; answered with `chunk.kept`. Chunks come in order, after what is kept. */
export interface KeepChunk {
  readonly type: 'keepChunk'
  readonly snapshot: SnapshotName
  readonly offsetBytes: number
  readonly bytes: string
}

/** Make the kept snapshot durable and check it; answered with `snapshot.checked`. */
export interface CheckSnapshot {
  readonly type: 'checkSnapshot'
  readonly snapshot: SnapshotName
}

/** Replace the replicated state by the snapshot, which is checked and later than the state. */
export interface InstallSnapshot {
  readonly type: 'installSnapshot'
  readonly snapshot: SnapshotName
}

/** Look up the outcomes of requests in the replicated state, which was replaced; answered with `requests.recalled`. */
export interface Recall {
  readonly type: 'recall'
  readonly groups: readonly RequestGroup[]
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
 * `late`: of an earlier boot of the sender's directory. `copied`: the sender's directory was exposed as a copy. `snapshot`: the bytes of a
 * snapshot do not have its digest, or are no picture of this service's replicated state.
 */
export type Oddity =
  | 'stranger'
  | 'round'
  | 'instance'
  | 'batch'
  | 'void'
  | 'chosen'
  | 'late'
  | 'copied'
  | 'snapshot'

/** Count and log the oddity of `sender`. The role has dropped the message. */
export interface Flag {
  readonly type: 'flag'
  readonly oddity: Oddity
  readonly sender: NodeId
}

/** Halt this server: its state provably contradicts what a quorum chose or executed, or a quorum has proof that its directory was copied. */
export interface Halt {
  readonly type: 'halt'
  readonly reason: string
  /** The core adds to the reason what this server executed at this instance, if it still knows. */
  readonly executedAt?: Instance
  /** True when no server may start with this directory again. */
  readonly isForEver?: boolean
}

/**
 * Refuse the requests of clients to the service, because the servers differ from this instance on and no quorum agrees; with `null`,
 * refuse none. Requests about members and sessions are not concerned.
 */
export interface Refuse {
  readonly type: 'refuse'
  readonly dispute: Difference | null
}

/** Answer no client with an outcome while the servers compare their outcomes; with false, answer again. */
export interface Doubt {
  readonly type: 'doubt'
  readonly isDoubted: boolean
}

/** Believe the proof of another server that a directory was copied or put back: take no message of it any more. */
export interface Distrust extends Proof {
  readonly type: 'distrust'
  readonly node: NodeId
  readonly incarnation: string
}

/** Send nothing more, and take nothing but exposures: another server has proof that this server may have forgotten votes. */
export interface Withdraw {
  readonly type: 'withdraw'
  readonly reason: string
}

export type Output =
  | Send
  | Tell
  | Persist
  | Execute
  | Read
  | TakeSnapshot
  | ReadChunks
  | ResumeSnapshot
  | KeepChunk
  | CheckSnapshot
  | InstallSnapshot
  | Recall
  | Respond
  | Query
  | Flag
  | Halt
  | Refuse
  | Doubt
  | Distrust
  | Withdraw
