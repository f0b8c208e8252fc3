/** Whether the proposer of an unsettled batch is gone, by what inquiries find. */
import type { Instance } from './batch.ts'
import type { RoundTrip } from './round-trip.ts'
import { leaderPatience, type Timing } from './timing.ts'

/** A batch that was accepted, and that no server which answered knows to be chosen. */
export interface Unsettled {
  readonly instance: Instance
  /**
   * When an inquiry first found it, or when this server last gave its proposer up; `null` when no other server answered that inquiry.
   */
  readonly sinceMs: number | null
  /** How often this server has given its proposer up. */
  readonly givenUp: number
}

interface Inquiry {
  readonly timing: Timing
  readonly roundTrip: RoundTrip | null
  readonly firstUnchosen: Instance
  readonly unsettledSince: Unsettled | null
  readonly answeredAtMs: number | null
}

/**
 * Returns what is known of the batch after an inquiry that found it unsettled, and whether its proposer counts as gone: when earlier
 * inquiries found the same, the first of them as long ago as it takes to give up a leader. Inquiries may be a moment apart, since each
 * client that waits asks again, and a leader that is alive needs the time of a round trip and a sync. An inquiry that only this server
 * answered found its own batch, in a cluster of one.
 */
export function afterUnsettled(inquiry: Inquiry): { readonly isGone: boolean; readonly next: Unsettled } {
  const { timing, roundTrip, firstUnchosen: instance, unsettledSince: before, answeredAtMs } = inquiry
  const found = { instance, sinceMs: answeredAtMs, givenUp: 0 }
  if (before === null || before.instance !== instance) return { isGone: false, next: found }
  const { sinceMs, givenUp } = before
  const patienceMs = leaderPatience({ timing, roundTrip, givenUp, slowestMs: 0 })
  const isGone = answeredAtMs === null || (sinceMs !== null && answeredAtMs - sinceMs >= patienceMs)
  if (isGone) return { isGone, next: { ...found, givenUp: givenUp + 1 } }
  return { isGone, next: { ...before, sinceMs: sinceMs ?? answeredAtMs } }
}
