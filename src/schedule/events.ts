/** The events that a caller can apply to a cluster, and the happenings that they cause. */
import type { Batch, Command, Json, NodeId } from '../../machines/batch.ts'
import type { Names, RoleName } from '../../machines/inbox.ts'
import type { ClientMessage, NodeMessage, ServerMessage } from '../../machines/messages.ts'
import type { Execution } from '../../machines/outcome.ts'
import type { SnapshotName } from '../../machines/snapshot-name.ts'
import type { DurableState } from '../core/durable.ts'
import type { Fact } from '../core/facts.ts'
import type { Party } from '../core/names.ts'
import type { ClusterState, Flying, Link } from './cluster.ts'

/** One chosen event. Datagrams are named by their id. */
export type ClusterEvent =
  /** A client sends a new request, to `server` first. With `avoid` it has just left that server. */
  | {
      readonly type: 'request'
      readonly client: string
      readonly server: NodeId
      readonly command: Command
      readonly avoid?: NodeId
    }
  /** A client sends a new read to `server`. */
  | { readonly type: 'read'; readonly client: string; readonly server: NodeId; readonly body: Json }
  /** The client's program no longer needs the answer. */
  | { readonly type: 'give.up'; readonly client: string; readonly seq: number }
  /** The client's program sends another copy of a request, to any server. With `avoid` it has just left that server. */
  | {
      readonly type: 'resend'
      readonly client: string
      readonly seq: number
      readonly server: NodeId
      readonly avoid?: NodeId
    }
  /** A datagram arrives. It is lost when the receiving server is down. */
  | { readonly type: 'deliver'; readonly flight: number }
  | { readonly type: 'drop'; readonly flight: number }
  /** The network adds a copy of the datagram. */
  | { readonly type: 'duplicate'; readonly flight: number }
  /** The current sync succeeds. */
  | { readonly type: 'sync'; readonly server: NodeId }
  /** The current sync fails, and the server halts. The first `survived` of its unsynced writes are on the disk. */
  | { readonly type: 'sync.failed'; readonly server: NodeId; readonly survived: number }
  | { readonly type: 'timer'; readonly server: NodeId; readonly role: RoleName; readonly id: string }
  | { readonly type: 'client.timer'; readonly client: string; readonly id: string }
  /** The server crashes. The first `survived` of its unsynced writes are on the disk. */
  | { readonly type: 'crash'; readonly server: NodeId; readonly survived: number }
  /** A server that is down starts from its disk. */
  | { readonly type: 'restart'; readonly server: NodeId }
  /** A new server starts with an empty disk, under the next id, or in place of a server that is down. */
  | { readonly type: 'join'; readonly server: NodeId }
  /** A server greets `via`, receives its first unexecuted instance, and catches up. A joining server does this. */
  | { readonly type: 'greet'; readonly server: NodeId; readonly via: NodeId }
  | { readonly type: 'cut'; readonly links: readonly Link[] }
  /** Ends every cut. */
  | { readonly type: 'heal' }
  /** Time passes, in milliseconds. No timer fires: those that are due now are late. */
  | { readonly type: 'wait'; readonly ms: number }

/** A role of a server, or the machine that carries the session of a client. */
export type Actor = { readonly server: NodeId; readonly role: RoleName } | { readonly client: string }

/** An observed happening. A step lists its happenings in order. */
export type Happening =
  /**
   * A party sent a message. `own`: to itself, received at once. `lost`: the link is cut, or the sender does not know the address.
   * `flies`: the datagram is in flight.
   */
  | {
      readonly type: 'said'
      readonly from: Party
      readonly to: Party
      /** Present on messages between servers that are in flight. */
      readonly names?: Names
      readonly message: NodeMessage | ClientMessage | ServerMessage
      readonly fate: 'flies' | 'own' | 'lost'
    }
  /** A datagram arrived at a server that is down. */
  | { readonly type: 'lost'; readonly flight: Flying }
  | {
      readonly type: 'executed'
      readonly server: NodeId
      readonly batch: Batch
      readonly execution: Execution
    }
  /** A server asks its disk to hold a snapshot, which it drew or received. */
  | { readonly type: 'stored'; readonly server: NodeId; readonly snapshot: SnapshotName }
  /** A snapshot replaced the replicated state of a server. */
  | { readonly type: 'installed'; readonly server: NodeId; readonly snapshot: SnapshotName }
  /** `before` is the durable state before the sync. */
  | {
      readonly type: 'synced'
      readonly server: NodeId
      readonly before: DurableState
      readonly durable: DurableState
    }
  | { readonly type: 'started'; readonly server: NodeId; readonly durable: DurableState }
  /** `lost` is the number of writes that did not reach the disk. */
  | { readonly type: 'crashed'; readonly server: NodeId; readonly lost: number }
  /** The states of the machine, from the state before the event to the state after it. */
  | { readonly type: 'moved'; readonly actor: Actor; readonly path: readonly string[] }
  /** No message was sent and no machine changed its state. The context of `actors` changed; if there are none, the event was ignored. */
  | { readonly type: 'noted'; readonly party: Party; readonly actors: readonly Actor[] }

/** The result of an event at a cluster. */
export interface ClusterStep {
  readonly state: ClusterState
  readonly happenings: readonly Happening[]
  /** The facts for the invariants. */
  readonly facts: readonly Fact[]
}
