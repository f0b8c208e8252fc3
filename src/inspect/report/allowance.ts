import { performance } from 'node:perf_hooks'

/**
 * How much a server may tell of itself, so that telling costs it a few percent of its time and never more. Each window of
 * time has the same allowance, and begins at a multiple of its length by the clock: so servers whose clocks agree tell of
 * the same moments when they have too much to tell, and what one said can be followed to where it was heard.
 */
export class Allowance {
  readonly #windowMs: number
  readonly #weight: number
  readonly #most: number
  readonly #share: () => number
  #window = Number.NaN
  #left: number

  /**
   * `weight` may be spent in each window of `windowMs`. What is not spent is saved for a burst, until `most` is left: by
   * default nothing is. `share` gives what part of the weight is granted for the time since it was last asked: 0 to 1.
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
      // What was overspent is taken from the windows after it. A clock may also go back.
      const passed = window > this.#window ? window - this.#window : 1
      this.#left = Math.min(this.#most, this.#left + passed * this.#weight * this.#share())
      this.#window = window
    }
    return this.#left > 0
  }

  /** Takes `weight` from what is left; it may be more than that. */
  spend(weight: number): void {
    this.#left -= weight
  }

  /** Milliseconds from `nowMs` to the next window. */
  untilNextMs(nowMs: number): number {
    return this.#windowMs - (nowMs % this.#windowMs)
  }
}

/**
 * Gives, when it is asked, what part of the time since it was asked last in which this process had something to do it was
 * given a processor for: 0 to 1. On a machine that is busy with others that is little, and so is what may be told.
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
