/** Checks of the invariants that `timekeeper-context.ts` states. */
import { type Invariants, isIn } from './invariant.ts'
import type { TimekeeperContext } from './timekeeper-context.ts'

export const timekeeperInvariants: Invariants<TimekeeperContext> = {
  dueInMs: (step) => {
    const { dueInMs } = step.context
    if (isIn(step, 'idle') !== (dueInMs === null)) {
      return dueInMs === null
        ? 'it keeps the time, and there is no deadline'
        : `it is idle, and a deadline is due in ${dueInMs} ms`
    }
    const hasPassed = isIn(step, 'yielding') || isIn(step, 'proposing')
    return hasPassed && dueInMs !== 0 ? `the deadline has passed, and is due in ${dueInMs} ms` : null
  },
}
