/** What can be made to happen to a cluster, and what happens then. */
import type { Batch, Command, NodeId } from '../../machines/batch.ts'
import type { Names, RoleName } from '../../machines/inbox.ts'
import type { ClientMessage, NodeMessage, ServerMessage } from '../../machines/messages.ts'
import type { Execution } from '../../machines/outcome.ts'
import type { DurableState } from '../core/durable.ts'
import type { Fact } from '../core/facts.ts'
import type { Party } from '../core/names.ts'
import type { ClusterState, Flying, Link } from './cluster.ts'

/** One chosen event. Datagrams are named by their id. */
export type ClusterEvent =
  /** A client asks for something, `server` first. */
  | {
      readonly type: 'request'
      readonly client: string
      readonly server: NodeId
      readonly command: Command
    }
  /** The client's program needs the answer no more. */
  | { readonly type: 'give.up'; readonly client: string; readonly seq: number }
  /** A further copy of a request is sent, to whichever server: what a client's program might do. */
  | { readonly type: 'resend'; readonly client: string; readonly seq: number; readonly server: NodeId }
  /** A datagram arrives; at a server that is down it is lost. */
  | { readonly type: 'deliver'; readonly flight: number }
  | { readonly type: 'drop'; readonly flight: number }
  /** A second one like it flies. */
  | { readonly type: 'duplicate'; readonly flight: number }
  /** The sync under way ends well. */
  | { readonly type: 'sync'; readonly server: NodeId }
  /** The sync under way fails, and the server halts; the first `survived` of its unsynced writes are on the disk. */
  | { readonly type: 'sync.failed'; readonly server: NodeId; readonly survived: number }
  | { readonly type: 'timer'; readonly server: NodeId; readonly role: RoleName; readonly id: string }
  | { readonly type: 'client.timer'; readonly client: string; readonly seq: number; readonly id: string }
  /** The server is gone at once; the first `survived` of its unsynced writes are on the disk. */
  | { readonly type: 'crash'; readonly server: NodeId; readonly survived: number }
  /** A server that is down starts from its disk. */
  | { readonly type: 'restart'; readonly server: NodeId }
  /** A new server starts with an empty disk: under the next number, or in the place of one that is down. */
  | { readonly type: 'join'; readonly server: NodeId }
  /** A server says hello to `via` and is told how far that one is: it catches up. It is how a server joins. */
  | { readonly type: 'greet'; readonly server: NodeId; readonly via: NodeId }
  | { readonly type: 'cut'; readonly links: readonly Link[] }
  /** Ends every cut. */
  | { readonly type: 'heal' }

/** A role of a server, or the machine that carries a request. */
export type Actor =
  | { readonly server: NodeId; readonly role: RoleName }
  | { readonly client: string; readonly seq: number }

/** What was seen to happen, in order. */
export type Happening =
  /** Somebody said something. `own`: to itself, heard at once; `lost`: the way is cut or the address is not known. */
  | {
      readonly type: 'said'
      readonly from: Party
      readonly to: Party
      /** Between servers, of what flies. */
      readonly names?: Names
      readonly message: NodeMessage | ClientMessage | ServerMessage
      readonly fate: 'flies' | 'own' | 'lost'
    }
  /** A datagram came to nobody. */
  | { readonly type: 'lost'; readonly flight: Flying }
  | {
      readonly type: 'executed'
      readonly server: NodeId
      readonly batch: Batch
      readonly execution: Execution
    }
  /** `before` is what was durable until then. */
  | {
      readonly type: 'synced'
      readonly server: NodeId
      readonly before: DurableState
      readonly durable: DurableState
    }
  | { readonly type: 'started'; readonly server: NodeId; readonly durable: DurableState }
  /** `lost` of its writes never reached the disk. */
  | { readonly type: 'crashed'; readonly server: NodeId; readonly lost: number }
  /** The states that the machine was in, from the one before the event to the one after it. */
  | { readonly type: 'moved'; readonly actor: Actor; readonly path: readonly string[] }
  /** Nobody said anything and nothing moved; `actors` remember what they heard, and if there are none it was ignored. */
  | { readonly type: 'noted'; readonly party: Party; readonly actors: readonly Actor[] }

/** What an event makes of a cluster. */
export interface ClusterStep {
  readonly state: ClusterState
  readonly happenings: readonly Happening[]
  /** What invariants are judged by. */
  readonly facts: readonly Fact[]
}
