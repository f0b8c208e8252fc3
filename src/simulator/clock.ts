/** The clocks of a simulated machine. */
import { Random, seedFor } from './random.ts'

/** 2027-01-15: the wall-clock time at which a run begins. */
export const epochMs = 1_800_000_000_000

/** The rates of clocks: the fewest and the most milliseconds of a monotonic clock in one of virtual time. */
export const slowestRate = 0.95
const fastestRate = 1.05

/** Milliseconds of the monotonic clock of `machine` for each millisecond of virtual time. */
export function clockRateOf(seed: number, machine: string): number {
  return (
    new Random(seedFor(seed, `the clock of ${machine}`)).between(slowestRate * 10_000, fastestRate * 10_000) /
    10_000
  )
}
