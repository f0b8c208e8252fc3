/**
 * Processes: sequences of operations that wait, written as generators with `yield* until(…)`. An operation ends by a callback, so
 * one process runs on the callbacks of the operating system and on a timeline of virtual time.
 */

/** Starts an operation, which calls `ended` once: with an error, or with `null` and its result. */
export type Operation<T> = (ended: (error: Error | null, result?: T) => void) => void

// `until` ensures that the result has the type that the process waits for.
// biome-ignore lint/suspicious/noExplicitAny: one process waits for results of several types
export type Process<R = void> = Generator<Operation<any>, R, any>

/** Starts an operation and waits for its result. Throws its error. */
export function* until<T>(operation: Operation<T>): Process<T> {
  return yield operation
}

/**
 * Runs a process from one wait to the next, and calls `ended` at its end, with the error that it threw or with its result. An
 * error that `ended` itself throws passes through.
 */
export function run<R>(routine: Process<R>, ended: (error: Error | null, result?: R) => void): void {
  const resume = (error: Error | null, result?: unknown): void => {
    let next: IteratorResult<Operation<unknown>, R>
    try {
      next = error === null ? routine.next(result) : routine.throw(error)
    } catch (thrown) {
      ended(thrown instanceof Error ? thrown : new Error(String(thrown)))
      return
    }
    if (next.done) ended(null, next.value)
    else next.value(resume)
  }
  resume(null)
}

/** Runs a process. The promise settles at its end. */
export function promised<R>(routine: Process<R>): Promise<R> {
  return new Promise((resolve, reject) => {
    run(routine, (error, result) => {
      if (error === null) resolve(result as R)
      else reject(error)
    })
  })
}

/** A process as one operation, for a process that waits for it. */
export function operationOf<R>(routine: Process<R>): Operation<R> {
  return (ended) => run(routine, ended)
}
