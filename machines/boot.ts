/**
 * The boots of a directory. A boot is one run of its server: the server counts it, and stores it before it sends anything. The random
 * part tells two copies of a directory apart, because each of them counts on from the same boot.
 */

export interface Boot {
  /** How often a server was started with the directory, 1 in its first run. */
  readonly count: number
  readonly random: string
  /** The random part of the boot before; '' for the first one. */
  readonly after: string
}

/** The boot after `last`; the first one when there was none. `random` is a text that no other boot has. */
export function nextBoot(last: Boot | null, random: string): Boot {
  return { count: (last?.count ?? 0) + 1, random, after: last?.random ?? '' }
}

/**
 * True when no directory can have had both boots: two copies of it were started. Boots that are further apart say nothing of each
 * other.
 */
export function contradict(one: Boot, other: Boot): boolean {
  if (one.count === other.count) return one.random !== other.random
  const [earlier, later] = one.count < other.count ? [one, other] : [other, one]
  return earlier.count + 1 === later.count && later.after !== earlier.random
}
