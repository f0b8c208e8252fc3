/** Cuts the lines of a snapshot into slices. */
import type { Instance } from '../../machines/batch.ts'
import { joined, utf8 } from '../core/bytes.ts'
import type { Capture } from '../core/replicated-state.ts'

const nothing = new Uint8Array()

export class LineCapture implements Capture {
  readonly instance: Instance
  readonly #lines: Iterator<string>
  readonly #release: () => void
  /** What was drawn beyond the last slice. */
  #rest: Uint8Array = nothing
  #state: 'drawing' | 'complete' | 'failed' | 'ended' = 'drawing'

  constructor(instance: Instance, lines: Iterator<string>, release: () => void) {
    this.instance = instance
    this.#lines = lines
    this.#release = release
  }

  next(mostBytes: number): Uint8Array | null {
    if (!(mostBytes >= 1)) throw new RangeError(`a slice of ${mostBytes} bytes: it must have at least one`)
    if (this.#state === 'failed' || this.#state === 'ended') {
      throw new Error(`the capture at instance ${this.instance} has ${this.#state}: begin another one`)
    }
    if (this.#rest.length < mostBytes && this.#state === 'drawing') this.#draw(mostBytes)
    if (this.#rest.length === 0) return null
    const slice = this.#rest.subarray(0, mostBytes)
    this.#rest = this.#rest.subarray(mostBytes)
    return slice
  }

  end(): void {
    if (this.#state === 'ended') return
    this.#state = 'ended'
    this.#rest = nothing
    this.#release()
    this.#lines.return?.()
  }

  /** Draws lines until they fill a slice, or until there are no more. */
  #draw(mostBytes: number): void {
    let text = ''
    // A text has at least as many bytes as characters.
    while (this.#rest.length + text.length < mostBytes) {
      const line = this.#nextLine()
      if (line === null) break
      text += line
    }
    const drawn = utf8(text)
    this.#rest = this.#rest.length === 0 ? drawn : joined([this.#rest, drawn])
  }

  #nextLine(): string | null {
    try {
      const { done, value } = this.#lines.next()
      if (done !== true) return value
      this.#state = 'complete'
      return null
    } catch (error) {
      this.#state = 'failed'
      throw error
    }
  }
}
