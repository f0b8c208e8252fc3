/** Records in a file, a line of JSON each. */
import { createWriteStream, openSync, type WriteStream } from 'node:fs'
import { privateFile } from '../../storage/permissions.ts'

/** What waits to be written, at most, in bytes: a disk that is slower than the cluster ends the recording. */
const mostWaitingBytes = 64 * 1024 * 1024

/** Writes records to a new file. What it cannot write ends it, and the hub goes on. */
export class RecordWriter {
  readonly #file: WriteStream
  readonly #failed: (error: Error) => void
  #isOpen = true

  /** `failed` is called once, when nothing more can be written. Throws when the file cannot be made, or is there already. */
  constructor(path: string, failed: (error: Error) => void) {
    this.#failed = failed
    this.#file = createWriteStream(path, { fd: openSync(path, 'wx', privateFile) })
    this.#file.on('error', (error) => this.#fail(error))
  }

  /** Writes the JSON of a record. */
  write(text: string): void {
    if (!this.#isOpen) return
    this.#file.write(`${text}\n`)
    if (this.#file.writableLength > mostWaitingBytes) this.#fail(new Error('the disk is too slow'))
  }

  close(): Promise<void> {
    this.#isOpen = false
    return new Promise((resolve) => {
      if (this.#file.destroyed) resolve()
      else this.#file.end(() => resolve())
    })
  }

  #fail(error: Error): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#file.destroy()
    this.#failed(error)
  }
}
