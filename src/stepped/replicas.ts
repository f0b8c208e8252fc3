import { Replica, type ReplicaOptions } from '../services/replica.ts'
import type { Replicas } from './settings.ts'

/** The replicas of a cluster that was founded with `members` and runs `service`. */
export function replicasOf(options: ReplicaOptions): Replicas {
  return {
    initial: () => new Replica(options),
    restore: (bytes) => Replica.restore(options.service, bytes, options.limits),
  }
}
