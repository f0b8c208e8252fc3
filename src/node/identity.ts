import { createHash, randomUUID } from 'node:crypto'
import type { Address, NodeId } from '../../machines/batch.ts'
import { replicatedLimits } from '../../machines/limits.ts'
import { foundingIncarnation, foundingMembers } from '../../machines/members.ts'
import { StartError } from './errors.ts'
import type { Identity } from './storage/storage.ts'

/** How a new cluster is founded: the same at each of its servers. */
export interface Bootstrap {
  readonly members: readonly { readonly id: NodeId; readonly address: Address }[]
  /** The cluster's name; by default one is made of its members. */
  readonly cluster?: string
}

/** The identity of a founding server. Throws a `StartError` when it is not among the members. */
export function foundingIdentity(node: NodeId, { members, cluster }: Bootstrap): Identity {
  if (!members.some(({ id }) => id === node)) {
    const ids = members.map(({ id }) => id).join(', ')
    throw new StartError(`--id ${node} is not among --members (${ids}): a cluster is founded by its members`)
  }
  if (members.length > replicatedLimits.members) {
    throw new StartError(
      `--members names ${members.length} servers: a cluster has at most ${replicatedLimits.members}`,
    )
  }
  const founders = foundingMembers(members)
  const name = founders.map(({ id, address }) => `${id}=${address}`).join(',')
  return {
    cluster: cluster ?? createHash('sha256').update(name).digest('hex').slice(0, 16),
    node,
    incarnation: foundingIncarnation(node),
    members: founders,
  }
}

/** The incarnation of a directory from which no promise has ever been made. */
export function newIncarnation(): string {
  return randomUUID()
}

/**
 * Checks what a directory holds against what the server is started as. Throws a `StartError` when it belongs to another
 * server or, where one is founded, to another cluster.
 */
export function checkIdentity(
  stored: Identity,
  node: NodeId,
  bootstrap: Bootstrap | undefined,
  dataDir: string,
): void {
  if (stored.node !== node) {
    throw new StartError(
      `--data ${dataDir} belongs to server ${stored.node}, not to --id ${node}: give each server a directory of its own`,
    )
  }
  if (bootstrap === undefined) return
  const { cluster } = foundingIdentity(node, bootstrap)
  if (stored.incarnation === foundingIncarnation(node) && stored.cluster !== cluster) {
    throw new StartError(
      `--data ${dataDir} belongs to the cluster ${stored.cluster}, not to the one of --members: leave --bootstrap out, or give an empty directory`,
    )
  }
}
