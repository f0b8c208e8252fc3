import { createWriteStream, type WriteStream } from 'node:fs'
import { type Batch, type Instance, requestsOf } from '../../machines/batch.ts'
import type { Execution } from '../../machines/outcome.ts'
import { privateFile } from '../storage/permissions.ts'

/** A line for each request of `batch` that the service executed, in order: `INSTANCE.INDEX UID SEQ COMMAND`. */
export function executedLines(batch: Batch, { instance, outcomes }: Execution): string[] {
  const requests = requestsOf(batch)
  return outcomes.flatMap(({ uid, seq, outcome }) => {
    // A request that is chosen again is not executed here. Its outcome is the recorded one, of an earlier instance.
    if (outcome.kind !== 'executed' || outcome.instance !== instance) return []
    const request = requests[outcome.index]
    if (request === undefined || request.uid !== uid || request.seq !== seq) return []
    return [
      `${instance}.${outcome.index} ${uid.replace(/[\s%]/g, encodeURIComponent)} ${seq} ${JSON.stringify(request.command)}`,
    ]
  })
}

/** The line for the instances from `first` to `last`, which a snapshot replaced: `FIRST-LAST snapshot`. */
export function replacedLine(first: Instance, last: Instance): string {
  return `${first}-${last} snapshot`
}

/**
 * Logs the requests that a server executed to a file. At its start, a server executes the stored requests again and rewrites the
 * file from the beginning. So `diff` can compare the files of two servers. Of what a snapshot replaced, the server knows no requests:
 * a line tells which instances are missing.
 */
export class ExecutedLog {
  readonly #file: WriteStream
  #next: Instance = 0

  /** Calls `failed` when the file cannot be written. The log ends there, and the server continues. */
  constructor(path: string, failed: (error: Error) => void) {
    this.#file = createWriteStream(path, { flags: 'w', mode: privateFile })
    this.#file.on('error', failed)
  }

  record(batch: Batch, execution: Execution): void {
    if (this.#file.destroyed) return
    const { instance } = execution
    if (instance > this.#next) this.#file.write(`${replacedLine(this.#next, instance - 1)}\n`)
    this.#next = instance + 1
    for (const line of executedLines(batch, execution)) this.#file.write(`${line}\n`)
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#file.destroyed) resolve()
      else this.#file.end(() => resolve())
    })
  }
}
