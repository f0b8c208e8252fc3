/** Where a server is reached: one rule for every engine. */
import type { Address, NodeId } from '../machines/batch.ts'
import type { Names } from '../machines/inbox.ts'
import type { Member } from '../machines/members.ts'

/** Where a server was last heard from, and as which. */
export interface HeardFrom {
  readonly address: Address
  readonly incarnation: string
  /** It named this server's incarnation, so it has this server among its members. */
  readonly knowsUs: boolean
}

/** What to remember of a server that was heard from `address`, by the server with the directory `self`. */
export function heardFrom(address: Address, names: Names, self: string): HeardFrom {
  return { address, incarnation: names.incarnation, knowsUs: names.addressee === self }
}

/**
 * The address to send to `id` at; `undefined` when none is known. A member is reached at the address that was agreed, unless a server
 * with another directory, which knows this one as a member, has taken its place: then this server has missed that change.
 */
export function addressOf(
  id: NodeId,
  members: readonly Member[],
  last: HeardFrom | undefined,
): Address | undefined {
  const member = members.find((member) => member.id === id)
  if (member === undefined) return last?.address
  const isReplaced = last?.knowsUs === true && last.incarnation !== member.incarnation
  return isReplaced ? last.address : member.address
}
