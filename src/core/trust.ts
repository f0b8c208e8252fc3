/**
 * Which directories of members a server counts, by their boots: pure functions over plain data.
 *
 * A boot ends before the next one of its directory begins. So a message of an earlier boot than one that was heard is late, if the
 * directory is the only one: it is dropped, as if it were lost. Two boots that contradict each other, or a boot that began with fewer
 * votes than an earlier one had sent, prove that the directory was copied or put back, in any order of arrival. Then neither copy knows
 * all votes of the other, and no message of the directory is taken any more.
 */
import { sameBallot } from '../../machines/ballot.ts'
import type { NodeId } from '../../machines/batch.ts'
import {
  furtherVoted,
  type HeardBoot,
  nothingVoted,
  type Proof,
  type ShownBoot,
  type Voted,
  whyCopied,
} from '../../machines/boot.ts'
import { isCounted, type Member } from '../../machines/members.ts'
import type { Exposure, NodeMessage } from '../../machines/messages.ts'
import type { DurableState } from './durable.ts'

/** What a server knows of the directory of a member. */
export interface KnownDirectory {
  readonly node: NodeId
  readonly incarnation: string
  /** The latest boot that was heard; `null` before the first one. */
  readonly latest: HeardBoot | null
  /** True when a message of that boot was taken in the present run of this server. */
  readonly isMet: boolean
  /** Why the directory is not trusted any more; `null` while it is. */
  readonly distrust: Proof | null
}

/**
 * Invariant: at most one entry for each counted member. It is stored a little later than it is learned, so a crash may forget the latest;
 * each part of it is true by itself, with any other part or without it.
 */
export type Trust = readonly KnownDirectory[]

export type Verdict =
  /** Take the message. */
  | 'trusted'
  /** Take the message: it is the first one of its boot that is heard in this run. The server may not know which directories were exposed. */
  | 'met'
  /** Drop it: it is of an earlier boot. */
  | 'late'
  /** Drop it, and give up what depends on earlier messages of this directory. */
  | 'exposed'
  /** Drop it: the directory was exposed before. */
  | 'distrusted'

/** The sender of a message, which is a counted member. */
export interface Sender {
  readonly node: NodeId
  readonly incarnation: string
  /** `undefined` from an engine that does not count boots. */
  readonly boot: ShownBoot | undefined
  /** How far the message shows that the directory has voted. */
  readonly voted: Voted
}

/** What a run begins with, of what was known in the runs before. */
export function remembered(trust: Trust): Trust {
  return trust.map((directory) => ({ ...directory, isMet: false }))
}

/** How far a directory with this durable state may have voted. What it no longer holds as accepted is chosen. */
export function votedIn({
  promised,
  accepted,
  firstUnchosen,
}: Pick<DurableState, 'promised' | 'accepted' | 'firstUnchosen'>): Voted {
  const last = accepted.findLast(({ ballot }) => sameBallot(ballot, promised))
  return { ballot: promised, below: Math.max(firstUnchosen, (last?.instance ?? -1) + 1) }
}

/** How far a message shows that its sender has voted. */
export function votedBy(message: NodeMessage): Voted {
  switch (message.type) {
    case 'promise':
      return { ballot: message.ballot, below: 0 }
    case 'accepted':
      return { ballot: message.ballot, below: message.instance + 1 }
    default:
      return nothingVoted
  }
}

/** What follows from a message of `sender`. `members` are the present ones. */
export function heardBoot(
  trust: Trust,
  { node, incarnation, boot, voted }: Sender,
  members: readonly Member[],
): { readonly trust: Trust; readonly verdict: Verdict } {
  const known = trust.find((directory) => directory.incarnation === incarnation)
  if (known !== undefined && known.distrust !== null) return { trust, verdict: 'distrusted' }
  if (boot === undefined) return { trust, verdict: 'trusted' }
  const latest = known?.latest ?? null
  const heard: HeardBoot = { boot, voted: furtherVoted(boot.voted, voted) }
  if (latest !== null && whyCopied({ one: latest, other: heard }) !== null) {
    const proof = { one: latest, other: heard }
    return { trust: distrusting(trust, { node, incarnation }, proof, members), verdict: 'exposed' }
  }
  if (latest !== null && boot.count < latest.boot.count) return { trust, verdict: 'late' }
  const isNew = latest === null || boot.count > latest.boot.count
  const isFurther = isNew || furtherVoted(latest.voted, heard.voted) !== latest.voted
  const isMet = !isNew && known?.isMet === true
  if (!isFurther && isMet) return { trust, verdict: 'trusted' }
  const directory = { node, incarnation, latest: isFurther ? heard : latest, isMet: true, distrust: null }
  return { trust: withKnown(trust, directory, members), verdict: isMet ? 'trusted' : 'met' }
}

/** `trust` without the directory `incarnation` of the server `node`. */
export function distrusting(
  trust: Trust,
  { node, incarnation }: { readonly node: NodeId; readonly incarnation: string },
  distrust: Proof,
  members: readonly Member[],
): Trust {
  const known = trust.find((directory) => directory.incarnation === incarnation)
  const { latest, isMet } = known ?? { latest: null, isMet: false }
  return withKnown(trust, { node, incarnation, latest, isMet, distrust }, members)
}

/** True when a directory is not trusted. */
export function hasExposed(trust: Trust): boolean {
  return trust.some(({ distrust }) => distrust !== null)
}

/** What a server tells others of the directories that it does not trust. */
export function exposuresOf(trust: Trust): Exposure[] {
  return trust.flatMap(({ node, incarnation, distrust }) =>
    distrust === null ? [] : [{ type: 'exposure' as const, node, directory: incarnation, ...distrust }],
  )
}

/** Forgets directories that are counted no more. */
function withKnown(trust: Trust, known: KnownDirectory, members: readonly Member[]): Trust {
  const others = trust.filter(
    ({ node, incarnation }) => incarnation !== known.incarnation && isCounted(members, node, incarnation),
  )
  return [...others, known]
}
