/** The largest step by which a received clock may advance this one. Larger steps could exhaust the range. */
const clockStep = 2 ** 40

/** The highest clock that the wire carries. At this value the server continues, but its journal no longer orders events. */
const maxClock = 2 ** 52

/** The Lamport clock of a live node: the clock of its last event, or a later one that it received. */
export class LamportClock {
  #now: number

  /** `last` is the clock of the last event of an earlier run. */
  constructor(last: number) {
    this.#now = Math.min(last, maxClock)
  }

  get now(): number {
    return this.#now
  }

  /** Advances the clock for a local event. */
  tick(): void {
    this.#now = Math.min(this.#now + 1, maxClock)
  }

  /** Advances the clock for a message that was sent at `clock`. */
  follow(clock: number): void {
    if (clock > this.#now) this.#now = Math.min(clock, this.#now + clockStep)
  }
}
