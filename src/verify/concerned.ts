import type { Batch } from '../../machines/batch.ts'
import type { Member } from '../../machines/members.ts'
import type { Execution } from '../../machines/outcome.ts'
import { Violation } from '../core/violation.ts'

/**
 * A part of invariant 8. Throws a `Violation` when `execution` does not name a member that holds a request of its batch: that server
 * would not learn that it owes an answer. `members` are the members after the execution.
 */
export function checkConcerned(
  { groups }: Batch,
  { instance, concerned }: Execution,
  members: readonly Member[],
): void {
  for (const { heldBy, uid } of groups) {
    if (concerned.includes(heldBy) || !members.some(({ id }) => id === heldBy)) continue
    throw new Violation(
      8,
      `the execution of instance ${instance} does not concern server ${heldBy}, which holds a request of ${uid}`,
    )
  }
}
