/**
 * How much time the next batch of a server adds to the replicated clock: pure functions over plain data.
 *
 * A batch adds the time since its proposer first saw the batch that is chosen at the previous instance. At that moment the
 * previous batch was already proposed. So the intervals of the chosen batches are disjoint. Between two batches the replicated
 * clock advances by at most the time between their proposals, as measured by the fastest clock of a server. A sight of another
 * batch at the same instance does not count, because the chosen batch may have been proposed much later.
 *
 * A late or forgotten sight makes the replicated clock slower, never faster: a batch is proposed before it is executed, and each
 * stored batch was proposed before the server starts.
 */
import type { Batch, BatchGroup, Instance } from '../../machines/batch.ts'
import { maxElapsedMs } from '../../machines/limits.ts'

/** The memory of a server. All times are milliseconds of its monotonic clock. */
export interface Elapsed {
  /** When this server first saw the batch that it executed last. A whole number, at or after the moment of that batch's proposal. */
  readonly sinceMs: number
  /** The batch that was stamped last, and the time of the stamp in whole milliseconds. The batch adds the time up to this moment. */
  readonly stamped: { readonly batch: Batch; readonly atMs: number } | null
  /**
   * The first sight of each batch at an instance that this server has not executed. Invariant: at most `mostSights` entries,
   * regardless of what other servers send, and at most one for each batch and instance.
   */
  readonly sights: readonly Sight[]
}

interface Sight {
  readonly instance: Instance
  readonly batch: Batch
  readonly atMs: number
}

export const mostSights = 32

/** The rules of this file, which a test may replace. */
export interface ElapsedRules {
  readonly begin: typeof beginElapsed
  readonly withStamp: typeof withStamp
  readonly withSight: typeof withSight
  readonly withExecution: typeof withExecution
}

/** The memory of a server that starts at `nowMs`. */
export function beginElapsed(nowMs: number): Elapsed {
  return { sinceMs: Math.ceil(nowMs), stamped: null, sights: [] }
}

/** Stamps `batch` with the time that it adds. The batch goes to the proposer at `nowMs`. */
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

/** Records that an accept for `batch` arrived at `nowMs`, from this server or another. */
export function withSight(elapsed: Elapsed, instance: Instance, batch: Batch, nowMs: number): Elapsed {
  const { sights } = elapsed
  if (sightOf(elapsed, instance, batch) !== undefined) return elapsed
  const sight = { instance, batch, atMs: seenAtMs(elapsed, batch, nowMs) }
  if (sights.length < mostSights) return { ...elapsed, sights: [...sights, sight] }
  const highest = sights.reduce((one, other) => (other.instance > one.instance ? other : one))
  if (highest.instance <= instance) return elapsed
  return { ...elapsed, sights: [...sights.filter((other) => other !== highest), sight] }
}

/** Records that the chosen `batch` at `instance` was executed at `nowMs`. Instances are executed in order. */
export function withExecution(elapsed: Elapsed, instance: Instance, batch: Batch, nowMs: number): Elapsed {
  return {
    sinceMs: sightOf(elapsed, instance, batch)?.atMs ?? seenAtMs(elapsed, batch, nowMs),
    stamped: elapsed.stamped,
    sights: elapsed.sights.filter((sight) => sight.instance > instance),
  }
}

/** A server's own batch counts to a whole millisecond, and the next interval starts there, so no time is lost under load. */
function seenAtMs({ stamped }: Elapsed, batch: Batch, nowMs: number): number {
  return stamped !== null && stamped.batch === batch ? stamped.atMs : Math.ceil(nowMs)
}

function sightOf({ sights }: Elapsed, instance: Instance, batch: Batch): Sight | undefined {
  return sights.find((sight) => sight.instance === instance && isSame(sight.batch, batch))
}

/**
 * Compares two batches of one instance as far as time is concerned. If they are equal by this rule, the proposal of the first
 * counts for both: they add the same time, and clients had sent each of their requests by then.
 */
function isSame(one: Batch, other: Batch): boolean {
  return (
    one === other ||
    (one.node === other.node &&
      one.elapsedMs === other.elapsedMs &&
      one.groups.length === other.groups.length &&
      one.groups.every((group, place) => isSameGroup(group, other.groups[place])))
  )
}

function isSameGroup({ uid, requests }: BatchGroup, other: BatchGroup | undefined): boolean {
  return (
    uid === other?.uid &&
    requests.length === other.requests.length &&
    requests.every(({ seq }, place) => seq === other.requests[place]?.seq)
  )
}

/** The default rules. */
export const elapsedRules: ElapsedRules = { begin: beginElapsed, withStamp, withSight, withExecution }
