import type { Address, NodeId } from './batch.ts'

/** A server of the cluster. */
export interface Member {
  /** Invariant: no other member has it. */
  readonly id: NodeId
  readonly address: Address
  /**
   * Names the data directory that may vote under this id; `null` while the server has been added but has not caught up.
   * Invariant: a member with no incarnation is not counted in any quorum. A server whose directory is not the one named
   * here does not vote, so one that comes back with an empty disk cannot break the promises that it lost.
   */
  readonly incarnation: string | null
  /**
   * Names the data directory that is to be counted under this id; left out until a server has asked for that, and once one is counted.
   * A server tells the founders only to one that names it, or is counted.
   */
  readonly joining?: string
}

/** A member as it is shown to anybody. An incarnation is for servers only: to name it is to know the members. */
export interface ShownMember {
  readonly id: NodeId
  readonly address: Address
  readonly counted: boolean
}

/** The members without their incarnations. */
export function shownMembers(members: readonly Member[]): ShownMember[] {
  return members.map(({ id, address, incarnation }) => ({ id, address, counted: incarnation !== null }))
}

/** Which cluster is founded: the same at each founder. */
export interface FoundingPlan {
  /** In order of id. */
  readonly members: readonly { readonly id: NodeId; readonly address: Address }[]
  /** The name that the cluster is to have; with `null` one is derived from the incarnations of its founders. */
  readonly cluster: string | null
}

/** A founder, by the incarnation that it confirmed itself. */
export interface FounderName {
  readonly id: NodeId
  readonly incarnation: string
}

/** The ids of the members that are counted. */
export function countedMembers(members: readonly Member[]): NodeId[] {
  return members.filter((member) => member.incarnation !== null).map((member) => member.id)
}

/** True when the server `id`, with the directory `incarnation`, may vote and propose. */
export function isCounted(members: readonly Member[], id: NodeId, incarnation: string): boolean {
  return members.some((member) => member.id === id && member.incarnation === incarnation)
}

/** The other servers that can be asked for what was chosen: of one that is not counted, the directory is not known. */
export function peersOf(members: readonly Member[], self: NodeId): NodeId[] {
  return countedMembers(members).filter((id) => id !== self)
}

/** To whom a message for the directory `incarnation` of the server `id` is sent: a member is named by its id alone. */
export function addressedTo(
  members: readonly Member[],
  id: NodeId,
  incarnation: string,
): { readonly to: NodeId; readonly incarnation?: string } {
  return isCounted(members, id, incarnation) ? { to: id } : { to: id, incarnation }
}

/**
 * The incarnation of the founder `id` where a whole cluster begins at once: in the stepped engines and in tests. Each founder has
 * one of its own, as the random ones of live founders are.
 */
export function foundingIncarnation(id: NodeId): string {
  return `founder-${id}`
}

/** The members of such a cluster: all of them counted, in order of id. */
export function foundingMembers(
  servers: readonly { readonly id: NodeId; readonly address: Address }[],
): Member[] {
  return servers
    .map(({ id, address }) => ({ id, address, incarnation: foundingIncarnation(id) }))
    .sort((a, b) => a.id - b.id)
}
