/** The context of a request queue, and its initial value. */
import type { NodeId } from './batch.ts'
import { type HeldRequests, nothingHeld } from './held-requests.ts'
import type { Limits } from './limits.ts'
import type { Member } from './members.ts'
import type { RoundTrip } from './round-trip.ts'
import { emptyTable, type Table } from './table.ts'
import type { Timing } from './timing.ts'

export interface RequestQueueInput {
  readonly self: NodeId
  readonly incarnation: string
  readonly members: readonly Member[]
  readonly timing: Timing
  readonly limits: Limits
  /** The server of the highest promise of this node's acceptor; `null` without a promise. */
  readonly leader: NodeId | null
}

/** A delayed request that its client asked for again. */
export interface AskedAgain {
  readonly uid: string
  readonly seq: number
}

/** All fields are volatile: a client without an answer asks again. */
export interface RequestQueueContext {
  readonly self: NodeId
  readonly incarnation: string
  readonly members: readonly Member[]
  readonly timing: Timing
  readonly limits: Limits
  /** Invariant: empty while this server is not counted, because nothing that it proposes can be chosen. */
  readonly held: HeldRequests
  /** The orders of the requests in the proposer's batch. Invariant: all of them are in `held.ready`. */
  readonly offered: readonly number[]
  /** The proposer leads and is free. */
  readonly isWanted: boolean
  /** A deadline of the replicated clock has passed, and no batch was executed since: an empty one is to be proposed, if nothing else is. */
  readonly isTimeWanted: boolean
  /**
   * The delayed requests that clients asked for again, by id. Their clients are answered when this server has shown that it misses nothing:
   * a quorum knew no news, or the batch that the proposer has is executed.
   */
  readonly askedAgain: Table<AskedAgain>
  readonly isStopping: boolean
  /** The disk has little room left: new requests would fill it. */
  readonly isLowOnSpace: boolean

  /**
   * The server that leads, as far as this one knows: it receives the requests of clients. `null` when none is known. Invariant: a
   * request that is handed over may go to it (`mayGoTo`).
   */
  readonly leader: NodeId | null
  /** Counts the repetitions of handing over, so that a request is repeated only when it was sent in an earlier round. */
  readonly round: number
  /** The number of repetitions since the leader last showed progress with a request that was handed over. */
  readonly tries: number
  /** The time of these repetitions, in milliseconds. Invariant: 0, or below the patience with the leader. */
  readonly silentMs: number
  /** True when the leader has shown progress since the last repetition. */
  readonly wasAnswered: boolean
  /** The number of leaders in a row that were given up as silent: each is waited for twice as long as the one before. */
  readonly givenUp: number
  /** The longest wait for a leader of late that ended with progress, in milliseconds. */
  readonly slowestMs: number
  /** The time from handing a request over to its execution here, as measured; `null` before the first measurement. */
  readonly roundTrip: RoundTrip | null
}

/** The initial context: the queue is empty. */
export function requestQueueContext(input: RequestQueueInput): RequestQueueContext {
  return {
    ...input,
    held: nothingHeld,
    offered: [],
    isWanted: false,
    isTimeWanted: false,
    askedAgain: emptyTable,
    isStopping: false,
    isLowOnSpace: false,
    round: 0,
    tries: 0,
    silentMs: 0,
    wasAnswered: false,
    givenUp: 0,
    slowestMs: 0,
    roundTrip: null,
  }
}
