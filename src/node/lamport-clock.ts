/** A clock ahead of this server's by more is followed by only so far: to follow it further would use up the numbers. */
const clockStep = 2 ** 40

/** The highest clock that the wire carries. What happens from there on has no order in a journal; the server goes on. */
const maxClock = 2 ** 52

/** Lamport's clock of a live node: that of its last event, or of a later one that it heard of. */
export class LamportClock {
  #now: number

  /** `last` is the clock of the last event of an earlier run. */
  constructor(last: number) {
    this.#now = Math.min(last, maxClock)
  }

  get now(): number {
    return this.#now
  }

  /** An event happens here. */
  tick(): void {
    this.#now = Math.min(this.#now + 1, maxClock)
  }

  /** A message arrives that was sent at `clock`. */
  follow(clock: number): void {
    if (clock > this.#now) this.#now = Math.min(clock, this.#now + clockStep)
  }
}
