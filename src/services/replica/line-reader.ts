/** Lines of UTF-8 from bytes that come in parts of any length. */
import { joined } from '../../core/bytes.ts'

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const lineFeed = 0x0a

/** A longer line is no line of a snapshot. The first one is short: other bytes are recognised before many of them are kept. */
const longestBytes = { first: 65_536, other: 128 * 1_048_576 } as const

export class LineReader {
  readonly #take: (line: string) => void
  /** The bytes after the last line feed. */
  #rest: Uint8Array[] = []
  #restBytes = 0
  #hasTaken = false

  constructor(take: (line: string) => void) {
    this.#take = take
  }

  /** True when the last line has no end yet. */
  get hasRest(): boolean {
    return this.#restBytes > 0
  }

  /** Passes on each line that ends in `bytes`. Throws when they are no text. */
  add(bytes: Uint8Array): void {
    const end = bytes.lastIndexOf(lineFeed) + 1
    if (end > 0) {
      const text = decoded([...this.#rest, bytes.subarray(0, end)])
      this.#rest = []
      this.#restBytes = 0
      for (const line of text.slice(0, -1).split('\n')) {
        this.#hasTaken = true
        this.#take(line)
      }
    }
    if (end === bytes.length) return
    // A copy: the caller may use its bytes for something else.
    this.#rest.push(bytes.slice(end))
    this.#restBytes += bytes.length - end
    const longest = this.#hasTaken ? longestBytes.other : longestBytes.first
    if (this.#restBytes > longest) throw new Error(`not a snapshot: a line has more than ${longest} bytes`)
  }
}

function decoded(parts: readonly Uint8Array[]): string {
  const [first] = parts
  try {
    return decoder.decode(parts.length === 1 ? first : joined(parts))
  } catch {
    throw new Error('not a snapshot: its bytes are no UTF-8 text')
  }
}
