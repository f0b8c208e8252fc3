import { type Process, run } from '../../src/core/process.ts'

/** How far a process came: it waits for an operation, it threw, or it has a result. */
export type Settled<R> =
  | { readonly status: 'waiting' }
  | { readonly status: 'failed'; readonly error: Error }
  | { readonly status: 'ended'; readonly result: R }

/** Runs a process up to the first operation that does not end at once. */
export function settled<R>(process: Process<R>): Settled<R> {
  let how: Settled<R> = { status: 'waiting' }
  run(process, (error, result) => {
    how = error === null ? { status: 'ended', result: result as R } : { status: 'failed', error }
  })
  return how
}

/** Runs a process whose operations end at once. Throws its error. */
export function ended<R>(process: Process<R>): R {
  const how = settled(process)
  if (how.status === 'failed') throw how.error
  if (how.status === 'waiting') throw new Error('an operation of the process did not end')
  return how.result
}
