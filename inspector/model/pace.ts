/** How often the page draws. */

/** A drawing that takes no longer is made each frame, in milliseconds: half of a frame is left for whatever else there is. */
const budgetMs = 8
/** Drawings are so far apart at most, in milliseconds. One that takes longer than that counts as one that takes so long. */
const mostApartMs = 100
/** How much of what a drawing is held to take is what the last one took. */
const weightOfLast = 0.25

/**
 * Each frame is drawn as long as that is quick. When it is not, as when much happens at once or the machine is busy, drawings
 * are so far apart that they take half of the time, and the page answers its reader in the other half.
 */
export class Pace {
  #tookMs = 0
  #beganMs = Number.NEGATIVE_INFINITY
  #isSlow = false

  /** A drawing began at `beganMs` and took so many milliseconds, until it was handed to the screen. */
  drew(beganMs: number, tookMs: number): void {
    this.#tookMs += (Math.min(tookMs, mostApartMs) - this.#tookMs) * weightOfLast
    this.#beganMs = beganMs
    // Near the edge it does not go back and forth.
    this.#isSlow = this.#tookMs > (this.#isSlow ? budgetMs / 2 : budgetMs)
  }

  /** Milliseconds from `nowMs` on in which nothing is to be drawn; 0 when the next frame may be. */
  waitMs(nowMs: number): number {
    if (!this.#isSlow) return 0
    const apartMs = Math.min(mostApartMs, 2 * this.#tookMs)
    return Math.max(0, this.#beganMs + apartMs - nowMs)
  }

  /** Drawings take so long that not each frame has one. */
  get isSlow(): boolean {
    return this.#isSlow
  }
}
