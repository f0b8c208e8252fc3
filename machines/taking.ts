/** When a learner has a snapshot taken, and when it offers one in place of batches. */
import { type Batch, type Instance, requestCount } from './batch.ts'
import type { LearnerContext } from './learner-context.ts'
import { countedMembers } from './members.ts'
import type { SnapshotName } from './snapshot-name.ts'

/**
 * The bytes of a snapshot that count as one request: to install them takes as long as to execute it. A server takes its next snapshot only after it has executed as many requests as
 * the last one had of these, so that it spends a small part of its time on snapshots, however large they are.
 */
const bytesPerRequest = 256

/** A snapshot of this size costs hardly more than its sync. */
const smallBytes = 65_536

/** The requests of batches. An empty batch counts too: it occupies a place in storage. */
export function requestsIn(batches: readonly Batch[]): number {
  return batches.reduce((sum, batch) => sum + Math.max(1, requestCount(batch)), 0)
}

/** True when enough was chosen since the last snapshot, and none is being taken or installed. */
export function isSnapshotDue(context: LearnerContext): boolean {
  return !isTaking(context) && context.requestsSince >= requestsBetween(context)
}

/** True when a snapshot that is wanted is not taken: one is being taken or installed, or the last one holds the present state. */
export function hasNothingToTake(context: LearnerContext): boolean {
  return isTaking(context) || context.firstUnchosen <= (context.snapshot?.instance ?? 0)
}

/**
 * True when a server that asks for this page executes more up to the snapshot than the snapshot costs it. The batches of the page stand
 * for those behind it. For little, or where the page reaches the snapshot, the page is better: a snapshot takes syncs, and replaces the
 * whole state.
 */
export function isCheaper(
  { snapshot, limits }: LearnerContext,
  { from, batches }: { readonly from: Instance; readonly batches: readonly Batch[] | null },
): boolean {
  const count = batches?.length ?? 0
  if (snapshot === null || batches === null || count === 0 || from + count >= snapshot.instance) return false
  const requests = (requestsIn(batches) / count) * (snapshot.instance - from)
  return requests >= Math.max(limits.snapshotEvery / 2, costOf(snapshot))
}

/** The requests whose execution costs as much as this snapshot. */
function costOf({ lengthBytes }: SnapshotName): number {
  return (lengthBytes - smallBytes) / bytesPerRequest
}

function isTaking({ isDrawing, writing }: LearnerContext): boolean {
  return isDrawing || writing !== null
}

/** A server takes its first snapshot later than the servers before it, and so all later ones: the servers take turns. */
function requestsBetween({ snapshot, members, self, limits }: LearnerContext): number {
  const { snapshotEvery } = limits
  if (snapshot !== null) return Math.max(snapshotEvery, costOf(snapshot))
  const counted = countedMembers(members)
  return snapshotEvery * (1 + Math.max(0, counted.indexOf(self)) / Math.max(1, counted.length))
}
