/**
 * How much time the next batch of a server brings to the replicated clock: pure functions over plain data.
 *
 * A batch brings the time since its proposer first saw the batch that is chosen at the instance below. That one had been
 * proposed by then. So the intervals that the chosen batches bring are disjoint, and between two of them the replicated clock
 * advances by no more than the time between their proposals, as the fastest clock of a server counts it. A sight of another
 * batch at the same instance does not count: the chosen one may have been proposed long after it.
 *
 * What is seen late or forgotten makes the replicated clock slower, never faster: a batch was proposed before it is executed,
 * and what a server has stored was proposed before it starts.
 */
import type { Batch, Instance } from '../../machines/batch.ts'
import { maxElapsedMs } from '../../machines/limits.ts'

/** What a server remembers. Times are milliseconds of its monotonic clock. */
export interface Elapsed {
  /** When the batch that was executed last was first seen. A whole number, not below the moment of its proposal. */
  readonly sinceMs: number
  /** The batch that was stamped last, and when: a whole number, up to which its time is counted. */
  readonly stamped: { readonly batch: Batch; readonly atMs: number } | null
  /**
   * The first sight of each batch at an instance that is not executed here.
   * Invariant: at most `mostSights`, whatever others send, and no two are of one batch at one instance.
   */
  readonly sights: readonly Sight[]
}

interface Sight {
  readonly instance: Instance
  readonly batch: Batch
  readonly atMs: number
}

export const mostSights = 32

/** What is remembered when, which a test may replace. */
export interface ElapsedRules {
  readonly begin: typeof beginElapsed
  readonly withStamp: typeof withStamp
  readonly withSight: typeof withSight
  readonly withExecution: typeof withExecution
}

/** Of a server that starts at `nowMs`. */
export function beginElapsed(nowMs: number): Elapsed {
  return { sinceMs: Math.ceil(nowMs), stamped: null, sights: [] }
}

/** `batch`, which goes to the proposer at `nowMs`, with the time that it brings. */
export function withStamp(
  elapsed: Elapsed,
  batch: Batch,
  nowMs: number,
): { readonly elapsed: Elapsed; readonly batch: Batch } {
  const atMs = Math.floor(nowMs)
  const elapsedMs = Math.min(Math.max(0, atMs - elapsed.sinceMs), maxElapsedMs)
  const stamped = { ...batch, elapsedMs }
  return { elapsed: { ...elapsed, stamped: { batch: stamped, atMs } }, batch: stamped }
}

/** An accept for `batch` was received at `nowMs`, from this server itself or from another. */
export function withSight(elapsed: Elapsed, instance: Instance, batch: Batch, nowMs: number): Elapsed {
  const { sights } = elapsed
  if (sightOf(elapsed, instance, batch) !== undefined) return elapsed
  const sight = { instance, batch, atMs: seenAtMs(elapsed, batch, nowMs) }
  if (sights.length < mostSights) return { ...elapsed, sights: [...sights, sight] }
  const highest = sights.reduce((one, other) => (other.instance > one.instance ? other : one))
  if (highest.instance <= instance) return elapsed
  return { ...elapsed, sights: [...sights.filter((other) => other !== highest), sight] }
}

/** `batch`, which is chosen at `instance`, was executed at `nowMs`. Instances come in order. */
export function withExecution(elapsed: Elapsed, instance: Instance, batch: Batch, nowMs: number): Elapsed {
  return {
    sinceMs: sightOf(elapsed, instance, batch)?.atMs ?? seenAtMs(elapsed, batch, nowMs),
    stamped: elapsed.stamped,
    sights: elapsed.sights.filter((sight) => sight.instance > instance),
  }
}

/** The time of one's own batch is counted to a whole millisecond, and from there on: nothing is lost under load. */
function seenAtMs({ stamped }: Elapsed, batch: Batch, nowMs: number): number {
  return stamped !== null && stamped.batch === batch ? stamped.atMs : Math.ceil(nowMs)
}

function sightOf({ sights }: Elapsed, instance: Instance, batch: Batch): Sight | undefined {
  return sights.find((sight) => sight.instance === instance && isSame(sight.batch, batch))
}

/**
 * By what tells two batches of one instance apart as far as time goes. Of two that are the same by this the first one's
 * proposal counts for both: they bring the same time, and a client had sent each of their requests by then.
 */
function isSame(one: Batch, other: Batch): boolean {
  return (
    one === other ||
    (one.node === other.node &&
      one.elapsedMs === other.elapsedMs &&
      one.requests.length === other.requests.length &&
      one.requests.every(({ uid, seq }, index) => {
        const request = other.requests[index]
        return request !== undefined && request.uid === uid && request.seq === seq
      }))
  )
}

/** The rules that hold unless a test wants others. */
export const elapsedRules: ElapsedRules = { begin: beginElapsed, withStamp, withSight, withExecution }
