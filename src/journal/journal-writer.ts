import { closeSync, fstatSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs'
import { privateFile } from '../storage/permissions.ts'
import { type JournalLine, parseJournal } from './journal-lines.ts'

/** Writes a journal to a file. If a write fails, the journal ends and the server continues. */
export class JournalWriter {
  readonly #file: number
  readonly #failed: (error: Error) => void
  #lines: string[] = []
  #isOpen = true
  /** The clock of the last line that the file held. */
  readonly lastClock: number

  /**
   * Appends to the file at `path`, or creates it. Calls `failed` once, when a write fails. Throws when the file cannot be
   * opened, or is not a journal.
   */
  constructor(path: string, failed: (error: Error) => void) {
    this.#failed = failed
    this.#file = openSync(path, 'a', privateFile)
    try {
      const held = fstatSync(this.#file).isFile() ? readFileSync(path, 'utf8') : ''
      this.lastClock = parseJournal(held).at(-1)?.clock ?? 0
      // Removes a last line that `kill -9` has truncated.
      const whole = held.slice(0, held.lastIndexOf('\n') + 1)
      if (whole !== held) ftruncateSync(this.#file, Buffer.byteLength(whole))
    } catch (error) {
      closeSync(this.#file)
      throw error
    }
  }

  /** Buffers a line; the next `flush` writes it. */
  record(line: JournalLine): void {
    if (this.#isOpen) this.#lines.push(`${JSON.stringify(line)}\n`)
  }

  /** Writes the buffered lines. Call it before the datagrams of their events leave. */
  flush(): void {
    if (!this.#isOpen || this.#lines.length === 0) return
    const bytes = Buffer.from(this.#lines.join(''))
    this.#lines = []
    try {
      // A write may be partial without an error, as on a full disk.
      for (let written = 0; written < bytes.length; ) written += writeSync(this.#file, bytes, written)
    } catch (error) {
      this.#end()
      this.#failed(error instanceof Error ? error : new Error(String(error)))
    }
  }

  close(): void {
    this.flush()
    this.#end()
  }

  #end(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    closeSync(this.#file)
  }
}
