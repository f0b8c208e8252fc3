/** Which cluster a server belongs to, by its hello. */
import type { ServerHello } from './protocol.ts'

export type ClusterIdentity = Pick<ServerHello, 'cluster' | 'service' | 'founders'>

/**
 * True when both identities may belong to one cluster. Clusters that were founded at the same addresses have the same name. The
 * incarnations of their founders distinguish them, when both identities have them.
 */
export function isSameCluster(a: ClusterIdentity, b: ClusterIdentity): boolean {
  if (a.cluster !== b.cluster || a.service !== b.service || a.founders.length !== b.founders.length) {
    return false
  }
  return a.founders.every(({ id, incarnation }) => {
    const other = b.founders.find((founder) => founder.id === id)
    if (other === undefined) return false
    return !incarnation || !other.incarnation || incarnation === other.incarnation
  })
}
