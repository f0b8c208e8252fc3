import { run } from '../../core/process.ts'
import { type LogPosition, samePosition } from './layout.ts'
import type { LogWriter } from './log-writer.ts'

/** Delays an action. The returned function cancels it. */
export type After = (delayMs: number, action: () => void) => () => void

/**
 * The time without a group after which the writes of the learner are written, and then `head`. No role waits for either, and a
 * write of the learner usually joins the next one of the acceptor.
 */
const quietMs = 10
/** Under load `head` is written after this many times `quietMs`. */
const ticksUnderLoad = 10

export interface UpkeepOptions {
  readonly after: After
  /** True while a group is being written. */
  readonly isWriting: () => boolean
  readonly hasWaiting: () => boolean
  /** Writes the writes that wait. */
  readonly writeWaiting: () => void
  /** Called when a write of `head` has ended, with its error or `null`. */
  readonly ended: (error: Error | null) => void
}

/** Writes of `head` that somebody wants. */
interface OwedHead {
  writes: number
  readonly vouched: () => void
}

/** The work of a store that no role waits for: it writes `head`, and the writes of the learner that wait alone. */
export class Upkeep {
  readonly #writer: LogWriter
  readonly #options: UpkeepOptions
  /** The last place that `head` names. */
  #vouched: LogPosition
  #isWritingHead = false
  /** The writes of `head` that `vouchTwice` still wants. */
  #owed: OwedHead | null = null
  #ticksSinceHead = 0
  #wroteSinceTick = false
  #cancelTick: (() => void) | null = null
  #isOver = false

  /** For a log whose `head` names the present end of `writer`. */
  constructor(writer: LogWriter, options: UpkeepOptions) {
    this.#writer = writer
    this.#options = options
    this.#vouched = writer.end
  }

  get isWritingHead(): boolean {
    return this.#isWritingHead
  }

  /** True when `head` does not name the last synced group. */
  get headLags(): boolean {
    return !samePosition(this.#vouched, this.#writer.end)
  }

  /** A group was synced. `head` names a new segment at once. */
  groupEnded(): void {
    this.#wroteSinceTick = true
    if (this.#vouched.segment !== this.#writer.end.segment) this.#writeHead()
    this.arm()
  }

  /**
   * Writes `head` twice, so that each of its blocks names the present end of the log or a later one, and then calls `vouched`. Another
   * call before that takes the place of this one.
   */
  vouchTwice(vouched: () => void): void {
    this.#owed = { writes: 2, vouched }
    this.#writeHead()
  }

  /** Makes sure that what waits is written, and that `head` follows. */
  arm(): void {
    const isDue = this.#options.isWriting() || this.#options.hasWaiting() || this.headLags
    if (this.#cancelTick !== null || !isDue || this.#isOver) return
    this.#cancelTick = this.#options.after(quietMs, () => {
      this.#cancelTick = null
      this.#tick()
      this.arm()
    })
  }

  /** Does nothing any more. */
  end(): void {
    this.#isOver = true
    this.#cancelTick?.()
    this.#cancelTick = null
  }

  #tick(): void {
    const isQuiet = !this.#options.isWriting() && !this.#wroteSinceTick
    this.#wroteSinceTick = false
    this.#ticksSinceHead += 1
    if (isQuiet && this.#options.hasWaiting()) this.#options.writeWaiting()
    else if (this.headLags && (isQuiet || this.#ticksSinceHead >= ticksUnderLoad)) this.#writeHead()
  }

  #writeHead(): void {
    if (this.#isWritingHead || this.#isOver) return
    this.#isWritingHead = true
    this.#ticksSinceHead = 0
    const { end } = this.#writer
    const owed = this.#owed
    run(this.#writer.writeHead(), (error) => {
      this.#isWritingHead = false
      if (error === null) {
        this.#vouched = end
        this.#pay(owed)
      }
      this.#options.ended(error)
    })
  }

  /** A write has ended that was begun when `owed` was wanted. */
  #pay(owed: OwedHead | null): void {
    if (this.#owed === null) return
    if (this.#owed === owed) owed.writes -= 1
    if (this.#owed.writes > 0) {
      this.#writeHead()
      return
    }
    const { vouched } = this.#owed
    this.#owed = null
    vouched()
  }
}
