/** Which senders a server accepts, and at which address it reaches a server: one rule for every engine. */
import type { Address, NodeId } from '../../machines/batch.ts'
import type { Names } from '../../machines/inbox.ts'
import { isCounted, type Member } from '../../machines/members.ts'

/**
 * True when this server accepts messages from `sender`. It accepts a member with the admitted directory, and a server that names
 * the directory `self` of this server. Only members and joining servers learn that directory, so the second may be a member that
 * this server does not know yet. Any other sender is a stranger.
 */
export function isHeard(sender: NodeId, names: Names, members: readonly Member[], self: string): boolean {
  return names.addressee === self || isCounted(members, sender, names.incarnation)
}

/** The address and directory of the last message from a server. */
export interface HeardFrom {
  readonly address: Address
  readonly incarnation: string
}

/**
 * The address for a message to the directory `addressee` of the server `id`; `undefined` when it is unknown. A member is reached
 * only at its agreed address, also while it waits to be counted. Another directory under the same id, or a server that is not a
 * member, is reached at the address of its last message. `null` stands for any directory.
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
