/** Processes in virtual time, written as generators that wait with `yield* until(…)`. */
import type { Timeline } from './timeline.ts'

/** Starts an operation that calls `resume` with its result. */
type Begin<T> = (resume: (value: T) => void) => void

// `until` ensures that the value of `resume` has the type that the process waits for.
// biome-ignore lint/suspicious/noExplicitAny: one process waits for values of several types
export type Process<R = void> = Generator<Begin<any>, R, any>

/** Starts an operation and waits for its result. */
export function* until<T>(begin: Begin<T>): Process<T> {
  return yield begin
}

/** Waits for `waitMs`. */
export function* sleep(timeline: Timeline, waitMs: number): Process {
  yield* until<void>((resume) => timeline.schedule(waitMs, resume))
}

/** Runs a process from one wait to the next, and calls `ended` at its end. An error in the process ends the run. */
export function run(routine: Process, ended: () => void = () => undefined): void {
  const resume = (value?: unknown): void => {
    const next = routine.next(value)
    if (next.done) ended()
    else next.value(resume)
  }
  resume()
}
