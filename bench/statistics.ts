/** The value below which `share` of `values` lie; `NaN` when there are none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

/** The middle value, or the mean of the two in the middle; `NaN` when there are none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  if (sorted.length % 2 === 1) return sorted[middle]!
  return sorted.length === 0 ? Number.NaN : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** The ratio of each value to the one that `base` has for the same round. Throws a RangeError when a round is missing. */
export function ratios(values: readonly number[], base: readonly number[]): readonly number[] {
  if (values.length !== base.length) {
    throw new RangeError(`${values.length} rounds cannot be compared with ${base.length} rounds`)
  }
  return values.map((value, round) => value / base[round]!)
}

/** The moments, in milliseconds, at which a request began and ended. */
export interface Stretch {
  readonly begin: number
  readonly end: number
}

/**
 * The requests a second in the time from `from` to `to`. A request that is only partly within that time counts with that part, because
 * answers arrive in bursts: a count of answers would depend on the moment at which it begins.
 */
export function rateWithin(requests: readonly Stretch[], from: number, to: number): number {
  const parts = requests.reduce((sum, { begin, end }) => {
    const within = Math.min(end, to) - Math.max(begin, from)
    return sum + Math.max(0, within) / (end - begin)
  }, 0)
  return (parts * 1_000) / (to - from)
}

/** The longest distance between two neighbours in `moments`, which are in order, with `from` before them and `to` after them. */
export function longestGap(moments: readonly number[], from: number, to: number): number {
  let longest = 0
  let before = from
  for (const moment of moments) {
    longest = Math.max(longest, moment - before)
    before = moment
  }
  return Math.max(longest, to - before)
}
