/**
 * The boots of a directory. A boot is one run of its server: the server counts it, and stores it before it sends anything. The random
 * part tells two copies of a directory apart, because each of them counts on from the same boot.
 */
import { type Ballot, compareBallots } from './ballot.ts'
import type { Instance } from './batch.ts'

export interface Boot {
  /** How often a server was started with the directory, 1 in its first run. */
  readonly count: number
  readonly random: string
  /** The random part of the boot before; '' for the first one. */
  readonly after: string
}

/** How far an acceptor has voted. It never goes back: votes are durable before they are sent. */
export interface Voted {
  /** The highest ballot that it voted for; `null` for none. */
  readonly ballot: Ballot | null
  /** The instances that it accepted with this ballot are below. */
  readonly below: Instance
}

/** A boot as other servers hear of it. */
export interface ShownBoot extends Boot {
  /** How far the directory had voted when the boot began, as far as its server knows. */
  readonly voted: Voted
}

/** A boot of a directory, as another server knows it. */
export interface HeardBoot {
  readonly boot: ShownBoot
  /** The furthest vote that was heard of this boot, at least `boot.voted`. */
  readonly voted: Voted
}

/** Two boots that no directory can have had both: it was copied, or put back. */
export interface Proof {
  readonly one: HeardBoot
  readonly other: HeardBoot
}

export const nothingVoted: Voted = { ballot: null, below: 0 }

/** The boot after `last`; the first one when there was none. `random` is a text that no other boot has. */
export function nextBoot(last: Boot | null, random: string): Boot {
  return { count: (last?.count ?? 0) + 1, random, after: last?.random ?? '' }
}

/** Negative, zero or positive when `one` is less far than, as far as or further than `other`. */
export function compareVoted(one: Voted, other: Voted): number {
  return compareBallots(one.ballot, other.ballot) || one.below - other.below
}

/** The further of two. */
export function furtherVoted(one: Voted, other: Voted): Voted {
  return compareVoted(one, other) < 0 ? other : one
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

/**
 * Why no directory can have had both boots with these votes; `null` when one can: then they prove nothing. A boot begins with every
 * vote that was sent in an earlier one: the record of an accepted batch leaves the directory only when its instance is chosen there.
 */
export function whyCopied({ one, other }: Proof): string | null {
  if (contradict(one.boot, other.boot)) {
    return `two servers run with its directory, or an older copy of it was put back: boot ${bootText(one.boot)} is not of the same history as boot ${bootText(other.boot)}`
  }
  const [earlier, later] = one.boot.count < other.boot.count ? [one, other] : [other, one]
  if (earlier.boot.count === later.boot.count || compareVoted(earlier.voted, later.boot.voted) <= 0) {
    return null
  }
  return `an older copy of its directory was put back: boot ${bootText(earlier.boot)} voted up to ${votedText(earlier.voted)}, and boot ${bootText(later.boot)} began with votes up to ${votedText(later.boot.voted)}`
}

function bootText({ count, random }: Boot): string {
  return `${count} (${random})`
}

function votedText({ ballot, below }: Voted): string {
  if (ballot === null) return 'none'
  return `ballot ${ballot.round}.${ballot.node}${below === 0 ? '' : `, instance ${below - 1}`}`
}
