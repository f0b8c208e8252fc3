import { defaultClientTiming } from './client-timing.ts'
import { type RoundTrip, timeoutMs } from './round-trip.ts'

/** The waits of the roles, in milliseconds. They are the same in every engine; simulated time costs nothing. */
export interface Timing {
  /**
   * A proposer, a learner or a request queue without an answer asks again after this; doubled at each further try. The proposer
   * and the request queue use it until they have measured a round trip, and then the measured time, within the next two bounds.
   */
  readonly retransmitMs: number
  readonly retransmitLeastMs: number
  readonly retransmitLimitMs: number
  /**
   * A server that handed requests over competes with the leader after this time without progress; doubled each time in a row. So does one
   * whose inquiries found the same unsettled batch for this time.
   */
  readonly leaderPatienceMs: number
  readonly leaderPatienceLimitMs: number
  /**
   * A denied proposer waits 0.5 to 1.5 times this, at random; doubled at each further denial. The limit is far above the time of a
   * prepare and an accept with slow disks, because otherwise proposers that compete would deny each other for ever.
   */
  readonly backoffMs: number
  readonly backoffLimitMs: number
  /** A learner that receives news of later instances waits this long for messages in transit before it asks. */
  readonly graceMs: number
  /**
   * When a deadline of the replicated clock has passed, the leader has an empty batch proposed at once, and each further server after
   * one more such time.
   */
  readonly deadlineGraceMs: number
  /** A learner that asks all servers for news waits this long for a quorum of answers. */
  readonly inquiryMs: number
  /**
   * A client that waits is to ask again after this time for each delayed request at its server, within the limit. So the questions of many
   * waiting clients cost a server hardly more than those of a few.
   */
  readonly questionSpacingMs: number
  /** The longest such time: within it, the client of a request that was lost learns that. */
  readonly questionLimitMs: number
  /**
   * The tries without news after which a learner that catches up gives up its target, and a proposer that waits for it prepares
   * again: the servers that knew more may be gone for good.
   */
  readonly patientTries: number
  /** The tries without a quorum of answers after which a proposer makes its learner ask for news: the members may have changed. */
  readonly newsTries: number
}

export const defaultTiming: Timing = {
  retransmitMs: 30,
  retransmitLeastMs: 5,
  retransmitLimitMs: 1_000,
  leaderPatienceMs: 250,
  leaderPatienceLimitMs: 4_000,
  backoffMs: 12,
  backoffLimitMs: 2_000,
  graceMs: 5,
  deadlineGraceMs: 500,
  inquiryMs: 400,
  questionSpacingMs: 5,
  questionLimitMs: 10_000,
  patientTries: 6,
  newsTries: 6,
}

/** The wait before try `tries` (0 for the first): doubled each time, up to `limitMs`. */
export function doubled(baseMs: number, limitMs: number, tries: number): number {
  return Math.min(limitMs, baseMs * 2 ** Math.min(tries, 20))
}

/** When clients should ask again if `delayed` requests wait; `null` when they do so by themselves. */
export function questionInterval(
  { questionSpacingMs, questionLimitMs }: Timing,
  delayed: number,
): number | null {
  const intervalMs = Math.min(questionLimitMs, questionSpacingMs * delayed)
  return intervalMs > defaultClientTiming.reaskIntervalMs ? intervalMs : null
}

/** What a server knows of how long leaders take. */
interface LeaderPace {
  readonly timing: Timing
  readonly givenUp: number
  readonly slowestMs: number
  readonly roundTrip: RoundTrip | null
}

/**
 * The time without progress after which a leader is given up as silent, when `givenUp` leaders in a row were given up before it. A leader
 * whose disk is slow is not silent: the time is at least three measured round trips, and four times the longest wait of late that ended
 * with progress. That wait is counted in whole intervals, each twice as long as the one before, so the real one may have been twice as long.
 */
export function leaderPatience({ timing, givenUp, slowestMs, roundTrip }: LeaderPace): number {
  const { leaderPatienceMs, leaderPatienceLimitMs } = timing
  return Math.max(
    doubled(leaderPatienceMs, leaderPatienceLimitMs, givenUp),
    Math.min(leaderPatienceLimitMs, 4 * slowestMs),
    3 * retransmitInterval(timing, roundTrip, 0, 1),
  )
}

/** The longest wait of late that ended with progress, after one of `silentMs`. It falls by an eighth at each shorter one. */
export function slowestAfter(slowestMs: number, silentMs: number): number {
  return Math.max(silentMs, (slowestMs * 7) / 8)
}

/**
 * The wait before a message is repeated for the try `tries`: the timeout from measured round trips, doubled each time. `spread` is
 * a factor drawn at random, so that servers do not repeat in step. The wait is never above `retransmitLimitMs`.
 */
export function retransmitInterval(
  { retransmitMs, retransmitLeastMs, retransmitLimitMs }: Timing,
  roundTrip: RoundTrip | null,
  tries: number,
  spread: number,
): number {
  const bounds = { initialMs: retransmitMs, minMs: retransmitLeastMs, maxMs: retransmitLimitMs }
  const wait = doubled(timeoutMs(roundTrip, bounds), retransmitLimitMs, tries) * spread
  return Math.min(retransmitLimitMs, Math.ceil(wait))
}
