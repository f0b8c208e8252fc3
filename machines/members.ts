import type { Address, NodeId } from './batch.ts'

/** A server of the cluster. */
export interface Member {
  /** Invariant: no other member has it. */
  readonly id: NodeId
  readonly address: Address
  /**
   * The data directory that may vote under this id; `null` while the server has been added but has not caught up. Invariant: a
   * member without an incarnation is not counted in any quorum. A server with another directory does not vote, so a server that
   * restarts with an empty disk cannot break its lost promises.
   */
  readonly incarnation: string | null
  /**
   * The data directory that will be counted under this id; absent until a server has asked for it, and after one is counted. A
   * server sends the founders only to a directory that is named here or counted.
   */
  readonly joining?: string
}

/** A member in public output. Incarnations are secret between servers: a sender that names one proves that it knows the members. */
export interface ShownMember {
  readonly id: NodeId
  readonly address: Address
  readonly counted: boolean
}

/** The members without their incarnations. */
export function shownMembers(members: readonly Member[]): ShownMember[] {
  return members.map(({ id, address, incarnation }) => ({ id, address, counted: incarnation !== null }))
}

/** The plan for a new cluster, the same at each founder. */
export interface FoundingPlan {
  /** In order of id. */
  readonly members: readonly { readonly id: NodeId; readonly address: Address }[]
  /** The name of the cluster; with `null`, it is derived from the incarnations of the founders. */
  readonly cluster: string | null
  /** The name of the service that the cluster runs. Every member runs the same, so founders of another service found another cluster. */
  readonly service: string
}

/** A founder and its incarnation, which it reported itself. */
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

/**
 * The other servers that can be asked for chosen batches. The directory of a member that is not counted is unknown, so it is not
 * among them.
 */
export function peersOf(members: readonly Member[], self: NodeId): NodeId[] {
  return countedMembers(members).filter((id) => id !== self)
}

/** The destination of a message for the directory `incarnation` of the server `id`. A member is named by its id alone. */
export function addressedTo(
  members: readonly Member[],
  id: NodeId,
  incarnation: string,
): { readonly to: NodeId; readonly incarnation?: string } {
  return isCounted(members, id, incarnation) ? { to: id } : { to: id, incarnation }
}

/**
 * The incarnation of the founder `id` in clusters that start at once, as in stepped engines and tests. Each founder has its own,
 * as live founders have random ones.
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
