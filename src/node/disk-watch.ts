/** Watches the room on the disk of a server, so that the server stops to take requests before a write fails. */
import { type Operation, promised, until } from '../core/process.ts'

/** The bytes below which a disk has little room, beside room for a snapshot, unless an option says otherwise: 16 segments of the log. */
export const defaultLowWaterBytes = 256 * 1_048_576

/** The interval of the measurements, in milliseconds. In this time no server writes as much as the low-water mark leaves. */
const watchEveryMs = 1_000

/** The room on the disk, as measured last. */
export interface Space {
  readonly freeBytes: number
  /** The server takes no requests of clients below this. */
  readonly lowWaterBytes: number
  readonly isLow: boolean
}

export interface DiskWatchOptions {
  /** Measures the bytes that may still be written. */
  readonly freeBytes: Operation<number>
  readonly lowWaterBytes: number
  /** The size of the last snapshot: while the next one is written, the disk holds both. */
  readonly snapshotBytes: () => number
  /** Called when the disk has little room now, or has room again. */
  readonly changed: (space: Space) => void
  /** Called with the reason when the room cannot be measured, once until it can be again. */
  readonly failed: (reason: string) => void
}

export class DiskWatch {
  readonly #options: DiskWatchOptions
  #space: Space | null = null
  #timer: NodeJS.Timeout | null = null
  #isFailing = false
  #isStopped = false

  constructor(options: DiskWatchOptions) {
    this.#options = options
  }

  /** The room as it was measured last; `null` before that. */
  get space(): Space | null {
    return this.#space
  }

  /** Measures now, and then once a second until `stop`. Does not keep the process alive. */
  start(): void {
    void this.measure().then(() => {
      if (this.#isStopped) return
      this.#timer = setTimeout(() => this.start(), watchEveryMs).unref()
    })
  }

  stop(): void {
    this.#isStopped = true
    if (this.#timer !== null) clearTimeout(this.#timer)
  }

  /**
   * Measures the room. Little room ends only a quarter above the mark: otherwise each file that another program writes and deletes would
   * turn the clients away and back.
   */
  async measure(): Promise<void> {
    const { freeBytes: operation, snapshotBytes, changed, failed } = this.#options
    try {
      const freeBytes = await promised(until(operation))
      if (this.#isStopped) return
      this.#isFailing = false
      const wasLow = this.#space?.isLow === true
      const lowWaterBytes = this.#options.lowWaterBytes + snapshotBytes()
      const isLow = freeBytes < (wasLow ? lowWaterBytes * 1.25 : lowWaterBytes)
      this.#space = { freeBytes, lowWaterBytes, isLow }
      if (isLow !== wasLow) changed(this.#space)
    } catch (error) {
      if (this.#isFailing || this.#isStopped) return
      this.#isFailing = true
      failed(String((error as Error).message))
    }
  }
}
