import { createWriteStream, type WriteStream } from 'node:fs'
import type { Batch } from '../../machines/batch.ts'
import type { Execution } from '../../machines/outcome.ts'
import { privateFile } from '../storage/permissions.ts'

/** A line for each request of `batch` that the service executed, in order: `INSTANCE.INDEX UID SEQ COMMAND`. */
export function traceLines(batch: Batch, { instance, outcomes }: Execution): string[] {
  return outcomes.flatMap(({ uid, seq, outcome }) => {
    // A request that is chosen again only repeats its recorded outcome, of another instance: it is not executed here.
    if (outcome.kind !== 'executed' || outcome.instance !== instance) return []
    const request = batch.requests[outcome.index]
    if (request === undefined || request.uid !== uid || request.seq !== seq) return []
    return [
      `${instance}.${outcome.index} ${uid.replace(/[\s%]/g, encodeURIComponent)} ${seq} ${JSON.stringify(request.command)}`,
    ]
  })
}

/**
 * The seed's trace, in a file. It is written anew at each start, since a server executes again what is stored; so two
 * servers' files are compared by `diff`.
 */
export class Trace {
  readonly #file: WriteStream

  /** `failed` is called when the file cannot be written: the trace ends there, and the server goes on. */
  constructor(path: string, failed: (error: Error) => void) {
    this.#file = createWriteStream(path, { flags: 'w', mode: privateFile })
    this.#file.on('error', failed)
  }

  record(batch: Batch, execution: Execution): void {
    if (this.#file.destroyed) return
    for (const line of traceLines(batch, execution)) this.#file.write(`${line}\n`)
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#file.destroyed) resolve()
      else this.#file.end(() => resolve())
    })
  }
}
