import { performance } from 'node:perf_hooks'

/**
 * How much a server may report, so that reporting never costs more than a few percent of its time. Each window of time has the
 * same allowance and begins at a multiple of its length by the clock. So under load, servers whose clocks agree report the same
 * moments, and a message can be followed from its sender to its receiver.
 */
export class Allowance {
  readonly #windowMs: number
  readonly #weight: number
  readonly #most: number
  readonly #share: () => number
  #window = Number.NaN
  #left: number

  /**
   * `weight` may be spent in each window of `windowMs`. The unspent rest is saved for a burst, up to `most`; by default nothing
   * is saved. `share` returns which part of the weight is granted for the time since its last call: 0 to 1.
   */
  constructor({
    windowMs,
    weight,
    most = weight,
    share = () => 1,
  }: {
    readonly windowMs: number
    readonly weight: number
    readonly most?: number
    readonly share?: () => number
  }) {
    this.#windowMs = windowMs
    this.#weight = weight
    this.#most = most
    this.#share = share
    this.#left = most
  }

  /** True when something is left in the window of `nowMs`, milliseconds since 1970. */
  isLeft(nowMs: number): boolean {
    const window = Math.floor(nowMs / this.#windowMs)
    if (window !== this.#window) {
      // Overspending reduces the following windows. The clock may also go back.
      const passed = window > this.#window ? window - this.#window : 1
      this.#left = Math.min(this.#most, this.#left + passed * this.#weight * this.#share())
      this.#window = window
    }
    return this.#left > 0
  }

  /** Spends `weight`, which may be more than is left. */
  spend(weight: number): void {
    this.#left -= weight
  }

  /** Milliseconds from `nowMs` to the next window. */
  untilNextMs(nowMs: number): number {
    return this.#windowMs - (nowMs % this.#windowMs)
  }
}

/**
 * Returns a function that measures, since its last call, the part of the time with work in which this process had a CPU: 0 to 1.
 * On a machine that is busy with other processes the part is small, and so is the allowance.
 */
export function processorShare(): () => number {
  let cpu = process.cpuUsage()
  let { active } = performance.eventLoopUtilization()
  return () => {
    const [cpuNow, loopNow] = [process.cpuUsage(), performance.eventLoopUtilization()]
    const usedMs = (cpuNow.user + cpuNow.system - cpu.user - cpu.system) / 1_000
    const activeMs = loopNow.active - active
    cpu = cpuNow
    active = loopNow.active
    return activeMs <= 0 ? 1 : Math.min(1, usedMs / activeMs)
  }
}
