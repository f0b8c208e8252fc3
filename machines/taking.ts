/** When a learner has a snapshot taken. */
import { type Batch, requestCount } from './batch.ts'
import type { LearnerContext } from './learner-context.ts'
import { countedMembers } from './members.ts'

/**
 * The bytes of a snapshot that count as one request: a server takes its next snapshot only after it has executed as many requests as
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

function isTaking({ isDrawing, writing }: LearnerContext): boolean {
  return isDrawing || writing !== null
}

/** A server takes its first snapshot later than the servers before it, and so all later ones: the servers take turns. */
function requestsBetween({ snapshot, members, self, limits }: LearnerContext): number {
  const { snapshotEvery } = limits
  if (snapshot !== null) return Math.max(snapshotEvery, (snapshot.lengthBytes - smallBytes) / bytesPerRequest)
  const counted = countedMembers(members)
  return snapshotEvery * (1 + Math.max(0, counted.indexOf(self)) / Math.max(1, counted.length))
}
