/** The commands of a transcript, one for each line. Their grammar is in `parse.ts`. */
import type { NodeId } from '../../machines/batch.ts'
import type { Party } from '../core/names.ts'
import type { EndingSession } from '../schedule/cluster.ts'
import type { Actor, ClusterEvent } from '../schedule/events.ts'
import type { KnownService } from '../services/known.ts'

/** Selects datagrams by route, by message type, or by both. Without either, selects all datagrams. */
export interface Pattern {
  readonly route: { readonly from: Party; readonly to: Party } | null
  readonly message: string | null
}

/** The action on a datagram. */
export type Handling = 'deliver' | 'drop' | 'duplicate'

/** An event that a command defines completely, without the state of the cluster. */
export type PlainEvent = Extract<
  ClusterEvent,
  { type: 'give.up' | 'resend' | 'sync' | 'restart' | 'greet' | 'cut' | 'heal' | 'wait' }
>

export type TranscriptCommand =
  /** Founds the cluster. The first command of every transcript. */
  | {
      readonly verb: 'servers'
      readonly count: number
      readonly service: KnownService
      readonly ending: EndingSession | null
      /** A server takes a snapshot after this many requests; `null` for none. */
      readonly snapshotEvery: number | null
    }
  | { readonly verb: 'event'; readonly event: PlainEvent }
  /** A client sends a request. `words` are the text of its command. With `avoid` it has just left that server. */
  | {
      readonly verb: 'request'
      readonly client: string
      readonly server: NodeId
      readonly words: string
      readonly avoid?: NodeId
    }
  /** A client sends a read. `words` are the text of its command. */
  | { readonly verb: 'read'; readonly client: string; readonly server: NodeId; readonly words: string }
  /** One datagram: the `nth` oldest in flight that matches the pattern, counted from 1. */
  | { readonly verb: 'one'; readonly handling: Handling; readonly pattern: Pattern; readonly nth: number }
  /** Every datagram in flight that matches the pattern, the oldest first. */
  | { readonly verb: 'all'; readonly handling: Handling; readonly pattern: Pattern }
  /** The timer with this delay. The state that started it does not matter. */
  | { readonly verb: 'timer'; readonly actor: Actor; readonly delay: string }
  /** The first `keeping` of the unsynced writes are on the disk. */
  | {
      readonly verb: 'crash' | 'fail-sync'
      readonly server: NodeId
      readonly keeping: number | 'all'
    }
  /** A new server starts with an empty disk, and greets `via`, if that is given. */
  | { readonly verb: 'join'; readonly server: NodeId; readonly via: NodeId | null }
  /**
   * Syncs and delivers until no datagram is in flight; with timers, until the cluster is idle. Quietly: reports only the number of
   * events.
   */
  | { readonly verb: 'settle'; readonly withTimers: boolean; readonly quietly: boolean }
  /** Fails unless the role, or the machine of the client, is in this state. */
  | { readonly verb: 'expect'; readonly actor: Actor; readonly state: string }
  /** Prints the whole cluster. */
  | { readonly verb: 'show' }

/** A command that only causes events. */
export type EventCommand = Exclude<
  TranscriptCommand,
  { readonly verb: 'servers' | 'settle' | 'expect' | 'show' }
>
