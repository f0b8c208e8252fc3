/** Who is heard, and where a server is reached: one rule for every engine. */
import type { Address, NodeId } from '../../machines/batch.ts'
import type { Names } from '../../machines/inbox.ts'
import { isCounted, type Member } from '../../machines/members.ts'

/**
 * A server is heard that is a member, with the directory that was admitted; or that names the directory `self` of this server. The first
 * kind knows what this server has executed. The second kind is told the directory only as a member or as one that joins, so it may be a
 * member that this server has not heard of yet. Everybody else is a stranger.
 */
export function isHeard(sender: NodeId, names: Names, members: readonly Member[], self: string): boolean {
  return names.addressee === self || isCounted(members, sender, names.incarnation)
}

/** Where a server was last heard from, and with which directory. */
export interface HeardFrom {
  readonly address: Address
  readonly incarnation: string
}

/**
 * Where a message goes that is meant for the directory `addressee` of the server `id`; `undefined` when that is not known. A member
 * is reached at the address that was agreed, and at no other, also while it waits to be counted; another directory under the same id where it spoke from last, as a
 * server does that is no member. `null`, for a directory that is not known, stands for the member, or for whichever spoke.
 */
export function addressOf(
  id: NodeId,
  addressee: string | null,
  members: readonly Member[],
  last: HeardFrom | undefined,
): Address | undefined {
  const member = members.find((member) => member.id === id)
  const isMeant = addressee === null || addressee === member?.incarnation || addressee === member?.joining
  if (member !== undefined && isMeant) return member.address
  return last !== undefined && (addressee === null || addressee === last.incarnation)
    ? last.address
    : undefined
}
