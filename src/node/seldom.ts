/** Limits reports of frequent events: at most one report in `intervalMs`, with the number of events since the last report. */
export class Seldom {
  readonly #intervalMs: number
  #reportedMs = Number.NEGATIVE_INFINITY
  #times = 0

  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs
  }

  /** Counts an event. Calls `report` unless the last report was less than `intervalMs` ago. */
  happened(report: (times: number) => void): void {
    this.#times += 1
    const nowMs = performance.now()
    if (nowMs - this.#reportedMs < this.#intervalMs) return
    this.#reportedMs = nowMs
    const times = this.#times
    this.#times = 0
    report(times)
  }
}
