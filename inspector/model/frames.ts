import { Pace } from './pace.ts'

/** The browser's frames and timers. */
export interface Screen {
  now(): number
  /** Calls `run` in the next frame. */
  atFrame(run: () => void): void
  /** Calls `run` after the current frame is laid out and painted. */
  afterFrame(run: () => void): void
  /** Calls `run` after this many milliseconds. Returns a function that cancels it. */
  later(run: () => void, ms: number): () => void
  /** Drawing became slow, or fast again. */
  isSlow(isSlow: boolean): void
}

/** Draws in frames, at a pace that leaves time for the reader. */
export class Frames {
  readonly #screen: Screen
  readonly #pace = new Pace()
  #draw: () => void = () => undefined
  #callOff: (() => void) | null = null
  #isAsked = false

  constructor(screen: Screen) {
    this.#screen = screen
  }

  /** Schedules one call of `draw`: in the next frame when it is urgent, as for a reader's command. */
  readonly schedule = (draw: () => void, isUrgent: boolean): void => {
    this.#draw = draw
    if (this.#isAsked) return
    const waitMs = isUrgent ? 0 : this.#pace.waitMs(this.#screen.now())
    if (waitMs > 0) {
      this.#callOff ??= this.#screen.later(() => this.#ask(), waitMs)
      return
    }
    this.#callOff?.()
    this.#ask()
  }

  #ask(): void {
    this.#callOff = null
    this.#isAsked = true
    this.#screen.atFrame(() => {
      this.#isAsked = false
      const beganMs = this.#screen.now()
      this.#draw()
      this.#screen.afterFrame(() => this.#drew(beganMs))
    })
  }

  #drew(beganMs: number): void {
    const wasSlow = this.#pace.isSlow
    this.#pace.drew(beganMs, this.#screen.now() - beganMs)
    if (this.#pace.isSlow !== wasSlow) this.#screen.isSlow(this.#pace.isSlow)
  }
}
