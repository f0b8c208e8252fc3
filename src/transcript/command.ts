/** The commands of a transcript: what somebody who writes one may ask for, a line each. `parse.ts` has their grammar. */
import type { NodeId } from '../../machines/batch.ts'
import type { Party } from '../core/names.ts'
import type { Actor, ClusterEvent } from '../schedule/events.ts'

/** Which datagrams: those from one party to another, those of a type, or both; all of them without either. */
export interface Pattern {
  readonly route: { readonly from: Party; readonly to: Party } | null
  readonly message: string | null
}

/** What is done to a datagram. */
export type Handling = 'deliver' | 'drop' | 'duplicate'

/** An event that is named in full without a look at the cluster. */
export type PlainEvent = Extract<
  ClusterEvent,
  { type: 'give.up' | 'resend' | 'sync' | 'restart' | 'greet' | 'cut' | 'heal' }
>

export type TranscriptCommand =
  /** Founds the cluster; the first command of every transcript. */
  | { readonly verb: 'servers'; readonly count: number; readonly service: 'lock' | 'kv' }
  | { readonly verb: 'event'; readonly event: PlainEvent }
  /** `words` say what is asked for. */
  | { readonly verb: 'request'; readonly client: string; readonly server: NodeId; readonly words: string }
  /** One datagram: of those that fit, the one that has flown longest is number 1. */
  | { readonly verb: 'one'; readonly handling: Handling; readonly pattern: Pattern; readonly nth: number }
  /** Every datagram that flies now and fits, the one that has flown longest first. */
  | { readonly verb: 'all'; readonly handling: Handling; readonly pattern: Pattern }
  /** The timer of this delay, in whichever state it was begun. */
  | { readonly verb: 'timer'; readonly actor: Actor; readonly delay: string }
  /** The first `keeping` of the unsynced writes are on the disk. */
  | {
      readonly verb: 'crash' | 'fail-sync'
      readonly server: NodeId
      readonly keeping: number | 'all'
    }
  /** A new server begins with an empty disk, and says hello to `via`, if that is given. */
  | { readonly verb: 'join'; readonly server: NodeId; readonly via: NodeId | null }
  /** Syncs and delivers until nothing flies; with timers, until the cluster is at rest. Quietly: only their number is told. */
  | { readonly verb: 'settle'; readonly withTimers: boolean; readonly quietly: boolean }
  /** Fails unless the role, or the machine that carries the request, is in this state. */
  | { readonly verb: 'expect'; readonly actor: Actor; readonly state: string }
  /** Prints the whole cluster. */
  | { readonly verb: 'show' }

/** A command that makes something happen, and nothing else. */
export type EventCommand = Exclude<
  TranscriptCommand,
  { readonly verb: 'servers' | 'settle' | 'expect' | 'show' }
>
