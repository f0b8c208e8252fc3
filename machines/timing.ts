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
  /** A server that handed requests over competes with the leader after this time without progress; doubled each time in a row. */
  readonly leaderPatienceMs: number
  readonly leaderPatienceLimitMs: number
  /** A denied proposer waits 0.5 to 1.5 times this, at random; doubled at each further denial. */
  readonly backoffMs: number
  readonly backoffLimitMs: number
  /** A learner that receives news of later instances waits this long for messages in transit before it asks. */
  readonly graceMs: number
  /** A learner that asks all servers for news waits this long for a quorum of answers. */
  readonly inquiryMs: number
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
  backoffLimitMs: 500,
  graceMs: 5,
  inquiryMs: 400,
  patientTries: 6,
  newsTries: 6,
}

/** The wait for requests that have arrived together with others: until every message is handled that has arrived by now. */
export const gatherMs = 0

/** The wait before try `tries` (0 for the first): doubled each time, up to `limitMs`. */
export function doubled(baseMs: number, limitMs: number, tries: number): number {
  return Math.min(limitMs, baseMs * 2 ** Math.min(tries, 20))
}

/**
 * The time without progress after which a leader is given up as silent, when `givenUp` leaders in a row were given up before it: at least
 * three measured round trips, because a leader whose disk is slow is not silent.
 */
export function leaderPatience(timing: Timing, givenUp: number, roundTrip: RoundTrip | null): number {
  const { leaderPatienceMs, leaderPatienceLimitMs } = timing
  return Math.max(
    doubled(leaderPatienceMs, leaderPatienceLimitMs, givenUp),
    3 * retransmitInterval(timing, roundTrip, 0, 1),
  )
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
