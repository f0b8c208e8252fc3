/** Something that goes on in virtual time, written as one does what one waits for: `yield* until(…)`. */
import type { Timeline } from './timeline.ts'

/** Begins something, and has `resume` called with what came of it. */
type Begin<T> = (resume: (value: T) => void) => void

// What is resumed with fits what was begun: `until` sees to it.
// biome-ignore lint/suspicious/noExplicitAny: one process waits for values of several types
export type Process<R = void> = Generator<Begin<any>, R, any>

/** What comes of what `begin` begins. */
export function* until<T>(begin: Begin<T>): Process<T> {
  return yield begin
}

/** Waits for `waitMs`. */
export function* sleep(timeline: Timeline, waitMs: number): Process {
  yield* until<void>((resume) => timeline.schedule(waitMs, resume))
}

/** Runs it, from one wait to the next; `ended` is called at its end. What it throws ends the run. */
export function run(routine: Process, ended: () => void = () => undefined): void {
  const resume = (value?: unknown): void => {
    const next = routine.next(value)
    if (next.done) ended()
    else next.value(resume)
  }
  resume()
}
