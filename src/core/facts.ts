/**
 * The facts of a run that are visible outside the roles. Invariants are judged by them. Every engine reports the same facts in
 * the order in which they happen.
 */
import type { Address, Batch, Instance, Json, NamedRequest, NodeId } from '../../machines/batch.ts'
import type { Member } from '../../machines/members.ts'
import type { NodeMessage } from '../../machines/messages.ts'
import type { Execution, RequestOutcome } from '../../machines/outcome.ts'
import type { Respond } from '../../machines/outputs.ts'
import type { SnapshotName } from '../../machines/snapshot-name.ts'
import type { DurableState } from './durable.ts'

export type Fact =
  /** A client sent the request for the first time, to any server. Requests that change the members are included. */
  | { readonly type: 'requested'; readonly request: NamedRequest }
  /** A client sent a read that must not be stale, for the first time, to any server. */
  | { readonly type: 'read.asked'; readonly uid: string; readonly seq: number; readonly body: Json }
  /**
   * A server started with this disk. `members` are the members after it executed the chosen batches on that disk. The fact
   * precedes everything that the server sends or syncs. It comes before or after the `executed` facts of the stored batches.
   */
  | {
      readonly type: 'started'
      readonly node: NodeId
      readonly incarnation: string
      readonly durable: DurableState
      readonly members: readonly Member[]
    }
  /** A server crashed or halted. It sends nothing until it starts again. */
  | { readonly type: 'crashed'; readonly node: NodeId }
  /** A role sent a message to a server, possibly to its own. The network may lose the message. */
  | { readonly type: 'said'; readonly node: NodeId; readonly to: NodeId; readonly message: NodeMessage }
  /** The disk holds this state now, and a crash cannot undo it. */
  | { readonly type: 'synced'; readonly node: NodeId; readonly durable: DurableState }
  /**
   * The replica executed a batch, or executed it again at a start. `digest` is the digest of the whole replicated state after the
   * batch; `null` when the engine computes none at this instance.
   */
  | {
      readonly type: 'executed'
      readonly node: NodeId
      readonly instance: Instance
      readonly batch: Batch
      readonly execution: Execution
      readonly digest: string | null
    }
  /** A server asks its storage to hold a snapshot, which it drew or received. */
  | { readonly type: 'stored'; readonly node: NodeId; readonly snapshot: SnapshotName }
  /** A snapshot replaced the replicated state of a server. `members` are the members at its instance. */
  | {
      readonly type: 'installed'
      readonly node: NodeId
      readonly snapshot: SnapshotName
      readonly members: readonly Member[]
    }
  /** After that, a server looked up the requests that its queue holds: these have ended. */
  | { readonly type: 'recalled'; readonly node: NodeId; readonly ended: readonly RequestOutcome[] }
  /** A server answered a client. */
  | {
      readonly type: 'responded'
      readonly node: NodeId
      readonly to: Address
      readonly message: Respond['message']
    }
