import { kvService } from './kv.ts'
import { lockService } from './lock.ts'
import type { Service } from './service.ts'

/** The services that come along, by name: for what is read from a file, and says which one it is of. */
export const knownServices: Readonly<Record<'lock' | 'kv', Service>> = {
  lock: lockService as Service,
  kv: kvService as Service,
}
