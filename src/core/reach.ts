/** Who is heard, and where a server is reached: one rule for every engine. */
import type { Address, NodeId } from '../../machines/batch.ts'
import type { Names } from '../../machines/inbox.ts'
import { isCounted, type Member } from '../../machines/members.ts'

/**
 * This server hears a member, with the directory that was admitted, and a server that names the directory `self` of this one. Only
 * members and servers that join learn that directory, so the second may be a member of which this server does not know yet. Any other
 * sender is a stranger.
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
 * is reached at the address that was agreed, and at no other, also while it waits to be counted. Another directory under the same id,
 * and a server that is no member, are reached where they spoke from last. `null` stands for any directory.
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
