/** Processes in virtual time: those of src/core/process.ts, whose operations never fail. An error in one ends the run. */
import { until as ended, type Process, run as runProcess } from '../core/process.ts'
import type { Timeline } from './timeline.ts'

export type { Process } from '../core/process.ts'

/** Starts an operation that calls `resume` with its result, and waits for that. */
export function* until<T>(begin: (resume: (value: T) => void) => void): Process<T> {
  return yield* ended<T>((settle) => begin((value) => settle(null, value)))
}

/** Waits for `waitMs`. */
export function* sleep(timeline: Timeline, waitMs: number): Process {
  yield* until<void>((resume) => timeline.schedule(waitMs, resume))
}

/** Runs a process from one wait to the next, and calls `done` at its end. Throws the error of the process. */
export function run(routine: Process, done: () => void = () => undefined): void {
  runProcess(routine, (error) => {
    if (error !== null) throw error
    done()
  })
}
