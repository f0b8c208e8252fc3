/** Records in a file: a line that names the version of the recording, then one JSON text a line. */
import { createWriteStream, openSync, type WriteStream } from 'node:fs'
import { privateFile } from '../../storage/permissions.ts'
import { recordingHead } from '../records/record-lines.ts'

/** The limit of bytes that wait to be written. A disk that is slower than the cluster ends the recording. */
const mostWaitingBytes = 64 * 1024 * 1024

/** Writes records to a new file. A failed write ends the recording; the hub continues. */
export class RecordWriter {
  readonly #file: WriteStream
  readonly #failed: (error: Error) => void
  #isOpen = true

  /** `failed` is called once, when writing has failed. Throws when the file exists already or cannot be created. */
  constructor(path: string, failed: (error: Error) => void) {
    this.#failed = failed
    this.#file = createWriteStream(path, { fd: openSync(path, 'wx', privateFile) })
    this.#file.on('error', (error) => this.#fail(error))
    this.write(recordingHead)
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
