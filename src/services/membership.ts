/**
 * Applies a chosen change of members. The replicated state holds addresses in canonical form, so two spellings of one address
 * are the same address on every server.
 */
import type { Address, MembershipChange, NodeId } from '../../machines/batch.ts'
import { replicatedLimits } from '../../machines/limits.ts'
import { countedMembers, type Member } from '../../machines/members.ts'
import { canonicalAddress } from '../network/address.ts'

/**
 * Returns the members after `change`, in order of id, or the same array when the change has no effect. Throws an error that
 * names the problem and the remedy when the change is not possible.
 */
export function changeMembers(members: readonly Member[], change: MembershipChange): readonly Member[] {
  switch (change.action) {
    case 'add':
    case 'admit': {
      const { action, id, incarnation } = change
      const address = canonicalAddress(change.address)
      const current = members.find((member) => member.id === id)
      if (incarnation === undefined) return added(members, { id, address, incarnation: null })
      if (current?.incarnation === incarnation) return members
      if (action === 'admit') return added(members, { id, address, incarnation })
      return added(members, { id, address, incarnation: null, joining: incarnation })
    }
    case 'remove':
      return withoutMember(members, change.id)
    case 'move':
      return moved(members, change.servers)
  }
  change satisfies never
}

/** `members` in order of id. */
export function inOrderOfId(members: readonly Member[]): readonly Member[] {
  return members.map((member) => ({ ...member })).sort((a, b) => a.id - b.id)
}

function added(members: readonly Member[], member: Member): readonly Member[] {
  const { id, address, incarnation, joining } = member
  const current = members.find((member) => member.id === id)
  if (current !== undefined && current.incarnation !== null) {
    // A server that joins brings a directory of its own. A server that an operator adds has none yet.
    const by = incarnation === null && joining === undefined ? '' : ', with another directory'
    throw new Error(
      `server ${id} is counted already, at ${current.address}${by}: remove it first, or use another id`,
    )
  }
  requireFree(members, { id, address }, 'remove that one')
  if (current !== undefined && incarnation === null) {
    const isThere = current.address === address
    if (joining !== undefined && !isThere) {
      throw new Error(
        `server ${id} was added at ${current.address}, not at ${address}: add it there, or remove it, before it joins`,
      )
    }
    // Adding it again keeps the incarnation with which its server asked to join.
    if (isThere && (joining === undefined || joining === current.joining)) return members
  }
  const { members: most } = replicatedLimits
  if (current === undefined && members.length >= most) {
    throw new Error(
      `a cluster has at most ${most} servers, with those that are not counted yet: remove one first`,
    )
  }
  return inOrderOfId([...members.filter((other) => other.id !== id), member])
}

function withoutMember(members: readonly Member[], id: number): readonly Member[] {
  requireMember(members, id)
  const left = members.filter((member) => member.id !== id)
  if (countedMembers(left).length === 0) {
    throw new Error(`server ${id} is the last counted server: admit another one before you remove it`)
  }
  return left
}

/** The members at other addresses, with their ids and directories. They may exchange addresses. */
function moved(
  members: readonly Member[],
  servers: readonly { readonly id: NodeId; readonly address: Address }[],
): readonly Member[] {
  const addresses = new Map<NodeId, Address>()
  for (const { id, address } of servers) {
    requireMember(members, id)
    if (addresses.has(id)) throw new Error(`server ${id} is moved twice: give it one address`)
    addresses.set(id, canonicalAddress(address))
  }
  const after = members.map((member) => ({ ...member, address: addresses.get(member.id) ?? member.address }))
  // Those that stay where they are had addresses of their own before, so only one that moves can take an address of another.
  for (const member of after) if (addresses.has(member.id)) requireOwn(after, member, addresses)
  return after.every(({ address }, place) => address === members[place]?.address) ? members : after
}

function requireMember(members: readonly Member[], id: NodeId): void {
  if (members.some((member) => member.id === id)) return
  throw new Error(
    `server ${id} is not a member: the members are ${members.map((member) => member.id).join(', ')}`,
  )
}

/** Throws when a server that moves would have the address of another. The other one may stay, or move as well. */
function requireOwn(after: readonly Member[], member: Member, moved: ReadonlyMap<NodeId, Address>): void {
  const { id, address } = member
  const holder = holderOf(after, member)
  if (holder !== undefined && moved.has(holder.id)) {
    throw new Error(
      `servers ${id} and ${holder.id} cannot both move to ${address}: give each its own address`,
    )
  }
  requireFree(after, member, 'move that one in the same change')
}

/** Throws when another server has the address. `remedy` is what can be done about that server. */
function requireFree(
  members: readonly Member[],
  member: Pick<Member, 'id' | 'address'>,
  remedy: string,
): void {
  const holder = holderOf(members, member)
  if (holder === undefined) return
  throw new Error(
    `the address ${member.address} belongs to server ${holder.id}: ${remedy}, or use another address`,
  )
}

/** The other server that has the address. */
function holderOf(
  members: readonly Member[],
  { id, address }: Pick<Member, 'id' | 'address'>,
): Member | undefined {
  return members.find((member) => member.address === address && member.id !== id)
}
