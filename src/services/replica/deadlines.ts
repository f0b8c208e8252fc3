/** What becomes due when a batch has advanced the replicated clock. */
import type { BatchRun } from './batch-run.ts'

/**
 * Fires the timers and ends the sessions that are due, in the order of their deadlines: so many at once that the servers do not stand
 * still for long. The next batches continue.
 */
export function passDeadlines(run: BatchRun): void {
  const { limits, sessions, service } = run.state
  while (run.passed < limits.deadlines) {
    const session = sessions.firstDue(run.time.clockMs)
    const endsMs = session?.deadlineMs ?? Number.POSITIVE_INFINITY
    if (session !== null && endsMs < (service.deadlineMs ?? Number.POSITIVE_INFINITY)) {
      run.endSession(session)
      continue
    }
    const fired = service.fireDue(run.time)
    if (fired === null) return
    run.fired(fired)
  }
}
