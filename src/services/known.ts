import { kvService } from './kv/kv.ts'
import { lockService } from './lock.ts'
import type { Service } from './service.ts'

export type KnownService = 'lock' | 'kv'

/** The services of this package, by name. For readers of a file that names its service. */
export const knownServices: Readonly<Record<KnownService, Service>> = {
  lock: lockService as Service,
  kv: kvService as Service,
}
