import { closeSync, fstatSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs'
import { privateFile } from '../storage/permissions.ts'
import { type JournalLine, parseJournal } from './journal-lines.ts'

/** Writes a journal to a file. It ends when it cannot write; the server goes on. */
export class JournalWriter {
  readonly #file: number
  readonly #failed: (error: Error) => void
  #lines: string[] = []
  #isOpen = true
  /** The clock of the last line that the file held. */
  readonly lastClock: number

  /**
   * Goes on with the file at `path`, or begins it. `failed` is called once, when nothing more can be written. Throws when the
   * file cannot be opened, or holds something else.
   */
  constructor(path: string, failed: (error: Error) => void) {
    this.#failed = failed
    this.#file = openSync(path, 'a', privateFile)
    try {
      const held = fstatSync(this.#file).isFile() ? readFileSync(path, 'utf8') : ''
      this.lastClock = parseJournal(held).at(-1)?.clock ?? 0
      // What `kill -9` cut short is not gone on with.
      const whole = held.slice(0, held.lastIndexOf('\n') + 1)
      if (whole !== held) ftruncateSync(this.#file, Buffer.byteLength(whole))
    } catch (error) {
      closeSync(this.#file)
      throw error
    }
  }

  /** Takes a line; it is written by the next `flush`. */
  record(line: JournalLine): void {
    if (this.#isOpen) this.#lines.push(`${JSON.stringify(line)}\n`)
  }

  /** Writes what was taken: before a datagram that tells of it leaves. */
  flush(): void {
    if (!this.#isOpen || this.#lines.length === 0) return
    const bytes = Buffer.from(this.#lines.join(''))
    this.#lines = []
    try {
      // A write may be short without an error, as on a full disk.
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
