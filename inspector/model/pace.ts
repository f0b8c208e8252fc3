/** How often the page draws. */

/**
 * A drawing that takes no longer is repeated in each frame, in milliseconds. The other half of a frame is left for other work.
 */
const budgetMs = 8
/** The longest interval between drawings, in milliseconds. A drawing that takes longer counts as one that takes this long. */
const mostApartMs = 100
/** The weight of the last drawing in the average duration. */
const weightOfLast = 0.25

/**
 * Every frame is drawn while a drawing is fast. When drawing is slow, because much happens at once or the machine is busy,
 * drawings are spaced so that they take half of the time. In the other half the page answers its reader.
 */
export class Pace {
  #tookMs = 0
  #beganMs = Number.NEGATIVE_INFINITY
  #isSlow = false

  /** A drawing began at `beganMs` and took this many milliseconds, until it was passed to the screen. */
  drew(beganMs: number, tookMs: number): void {
    this.#tookMs += (Math.min(tookMs, mostApartMs) - this.#tookMs) * weightOfLast
    this.#beganMs = beganMs
    // Hysteresis: near the limit the state does not change back and forth.
    this.#isSlow = this.#tookMs > (this.#isSlow ? budgetMs / 2 : budgetMs)
  }

  /** Milliseconds from `nowMs` on without a drawing; 0 when the next frame may be drawn. */
  waitMs(nowMs: number): number {
    if (!this.#isSlow) return 0
    const apartMs = Math.min(mostApartMs, 2 * this.#tookMs)
    return Math.max(0, this.#beganMs + apartMs - nowMs)
  }

  /** Drawings take too long for every frame. */
  get isSlow(): boolean {
    return this.#isSlow
  }
}
