import { createHash } from 'node:crypto'
import { canonicalJson } from '../../core/digest.ts'
import type { ClusterIdentity } from '../records/same-cluster.ts'

/** A short text that identifies the cluster. A page sends it to choose the cluster. */
export function clusterKey({ cluster, service, founders }: ClusterIdentity): string {
  const text = canonicalJson({ cluster, service, founders: founders.map((founder) => ({ ...founder })) })
  return createHash('sha256').update(text).digest('base64url').slice(0, 16)
}
