/** The clocks of the machine, in milliseconds: the monotonic clock stops while it sleeps, and the wall clock can be set. */
export interface MachineClocks {
  readonly monotonicMs: () => number
  readonly wallMs: () => number
}

const machineClocks: MachineClocks = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
}

/** The wall clock counts whole milliseconds: a smaller step back is not one. */
const wallStepMs = 2

/**
 * A clock that does not run slower than real time: between two readings it adds what the monotonic or the wall clock measured, whichever
 * is more. So it also counts the time that the machine sleeps, and a wall clock that is set back takes nothing away. Each lease needs it:
 * a client must not believe in its session longer than the cluster does.
 */
export class LeaseClock {
  readonly #clocks: MachineClocks
  /** The wall clock minus the monotonic clock, at the last reading. */
  #aheadMs: number
  /** What the wall clock measured beyond the monotonic clock. Invariant: never decreases. */
  #extraMs = 0

  constructor(clocks: MachineClocks = machineClocks) {
    this.#clocks = clocks
    this.#aheadMs = clocks.wallMs() - clocks.monotonicMs()
  }

  /** Milliseconds since an arbitrary start; never less than the reading before. */
  readMs(): number {
    const monotonicMs = this.#clocks.monotonicMs()
    const aheadMs = this.#clocks.wallMs() - monotonicMs
    const gainedMs = aheadMs - this.#aheadMs
    if (gainedMs > 0) this.#extraMs += gainedMs
    if (gainedMs > 0 || gainedMs < -wallStepMs) this.#aheadMs = aheadMs
    return monotonicMs + this.#extraMs
  }
}

/** Makes the clock of leases from the clocks of a machine. A test may make another one. */
export type NewLeaseClock = (clocks: MachineClocks) => Pick<LeaseClock, 'readMs'>

export const newLeaseClock: NewLeaseClock = (clocks) => new LeaseClock(clocks)
