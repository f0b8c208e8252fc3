/**
 * The boots of a directory. A boot is one run of its server: the server counts it, and stores it before it sends anything. The random
 * part tells two copies of a directory apart, because each of them counts on from the same boot.
 */

export interface Boot {
  /** How often a server was started with the directory. Invariant: at least 1. */
  readonly count: number
  readonly random: string
}

/** The boot after `last`; the first one when there was none. `random` is a text that no other boot has. */
export function nextBoot(last: Boot | null, random: string): Boot {
  return { count: (last?.count ?? 0) + 1, random }
}
