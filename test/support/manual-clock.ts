interface Timer {
  readonly atMs: number
  readonly action: () => void
}

/** A clock that a test advances. */
export class ManualClock {
  #nowMs = 0
  readonly #timers = new Set<Timer>()

  /** The number of timers that are set. */
  get timers(): number {
    return this.#timers.size
  }

  readonly after = (delayMs: number, action: () => void): (() => void) => {
    const timer = { atMs: this.#nowMs + delayMs, action }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  /** Advances time by `ms`. Calls the actions that become due, in the order of their times. */
  advance(ms: number): void {
    const untilMs = this.#nowMs + ms
    for (;;) {
      const [next] = [...this.#timers].sort((a, b) => a.atMs - b.atMs)
      if (next === undefined || next.atMs > untilMs) break
      this.#timers.delete(next)
      this.#nowMs = next.atMs
      next.action()
    }
    this.#nowMs = untilMs
  }
}
