/**
 * Which directories of members a server counts, by their boots: pure functions over plain data.
 *
 * A boot ends before the next one of its directory begins. So a message of an earlier boot than one that was heard is late, if the
 * directory is the only one: it is dropped, as if it were lost. Two boots that contradict each other prove that the directory was
 * copied or put back, in any order of arrival. Then neither copy knows all votes of the other, and no message of the
 * directory is taken any more.
 */
import type { NodeId } from '../../machines/batch.ts'
import { type Boot, contradict } from '../../machines/boot.ts'
import { isCounted, type Member } from '../../machines/members.ts'

/** What a server knows of the directory of a member. */
export interface KnownDirectory {
  readonly node: NodeId
  readonly incarnation: string
  /** The latest boot that was heard; `null` before the first one. */
  readonly boot: Boot | null
  /** Why the directory is not trusted any more; `null` while it is. */
  readonly distrust: string | null
}

/** Invariant: at most one entry for each counted member. A crash forgets all. */
export type Trust = readonly KnownDirectory[]

export type Verdict =
  /** Take the message. */
  | 'trusted'
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
  readonly boot: Boot | undefined
}

/** What follows from a message of `sender`. `members` are the present ones. */
export function heardBoot(
  trust: Trust,
  { node, incarnation, boot }: Sender,
  members: readonly Member[],
): { readonly trust: Trust; readonly verdict: Verdict } {
  const known = trust.find((directory) => directory.incarnation === incarnation)
  if (known !== undefined && known.distrust !== null) return { trust, verdict: 'distrusted' }
  if (boot === undefined) return { trust, verdict: 'trusted' }
  const latest = known?.boot ?? null
  if (latest !== null && contradict(latest, boot)) {
    const reason = `two servers run with its directory, or an older copy of it was put back: boot ${bootText(latest)} is not of the same history as boot ${bootText(boot)}`
    return { trust: distrusting(trust, { node, incarnation }, reason, members), verdict: 'exposed' }
  }
  if (latest !== null && boot.count < latest.count) return { trust, verdict: 'late' }
  if (latest !== null && boot.count === latest.count) return { trust, verdict: 'trusted' }
  return { trust: withKnown(trust, { node, incarnation, boot, distrust: null }, members), verdict: 'trusted' }
}

/** `trust` without the directory `incarnation` of the server `node`. */
export function distrusting(
  trust: Trust,
  { node, incarnation }: { readonly node: NodeId; readonly incarnation: string },
  reason: string,
  members: readonly Member[],
): Trust {
  const boot = trust.find((directory) => directory.incarnation === incarnation)?.boot ?? null
  return withKnown(trust, { node, incarnation, boot, distrust: reason }, members)
}

/** Forgets directories that are counted no more. */
function withKnown(trust: Trust, known: KnownDirectory, members: readonly Member[]): Trust {
  const others = trust.filter(
    ({ node, incarnation }) => incarnation !== known.incarnation && isCounted(members, node, incarnation),
  )
  return [...others, known]
}

function bootText({ count, random }: Boot): string {
  return `${count} (${random})`
}
