/** Tells of what may happen often: at most once in `intervalMs`, with how often it has happened since it was last told of. */
export class Seldom {
  readonly #intervalMs: number
  #toldMs = Number.NEGATIVE_INFINITY
  #times = 0

  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs
  }

  /** It has happened. Calls `tell` unless that was done a moment ago. */
  happened(tell: (times: number) => void): void {
    this.#times += 1
    const nowMs = performance.now()
    if (nowMs - this.#toldMs < this.#intervalMs) return
    this.#toldMs = nowMs
    const times = this.#times
    this.#times = 0
    tell(times)
  }
}
