import type { Writable } from 'node:stream'
import type { Operation } from '../core/process.ts'

/** The lines are written in chunks of about this many characters. */
const chunkLength = 64 * 1_024

/** Writes many lines to a stream. Its buffer does not grow without bound if the caller waits for `drained` now and then. */
export class LineWriter {
  readonly #stream: Writable
  #text = ''
  #isClosed = false

  constructor(stream: Writable) {
    this.#stream = stream
    stream.once('error', () => {
      this.#isClosed = true
    })
  }

  /** True when the reader of the stream has closed its end: more lines are pointless. */
  get isClosed(): boolean {
    return this.#isClosed
  }

  write(line: string): void {
    this.#text += `${line}\n`
    if (this.#text.length >= chunkLength) this.flush()
  }

  flush(): void {
    if (this.#text !== '' && !this.#isClosed) this.#stream.write(this.#text)
    this.#text = ''
  }

  /** Writes all lines and waits until the stream has taken them. */
  readonly drained: Operation<void> = (ended) => {
    this.flush()
    if (this.#isClosed) ended(null)
    // Calls back after the chunks before it, with or without an error.
    else this.#stream.write('', () => ended(null))
  }
}
