import { kvService } from './kv.ts'
import { lockService } from './lock.ts'
import type { Service } from './service.ts'

export type KnownService = 'lock' | 'kv'

/** The services that come along, by name: for what is read from a file, and says which one it is of. */
export const knownServices: Readonly<Record<KnownService, Service>> = {
  lock: lockService as Service,
  kv: kvService as Service,
}
