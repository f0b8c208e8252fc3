import { partsOf } from '../core/service-names.ts'
import { compose } from './compose.ts'
import { kvService } from './kv/kv.ts'
import { lockService } from './lock.ts'
import type { Service } from './service.ts'

export type KnownService = 'lock' | 'kv'

/** The services of this package, by name. For readers of a file that names its service. */
export const knownServices: Readonly<Record<KnownService, Service>> = {
  lock: lockService as Service,
  kv: kvService,
}

/**
 * The service of this package called `name`: one of them, or several composed, such as `kv+lock`. `null` when there is none with
 * that name.
 */
export function knownService(name: string): Service | null {
  const names = partsOf(name)
  if (!names.every(isKnown) || new Set(names).size < names.length) return null
  const [first, ...others] = names
  if (first === undefined) return null
  if (others.length === 0) return knownServices[first]
  return compose(Object.fromEntries(names.map((part) => [part, knownServices[part]])))
}

function isKnown(name: string): name is KnownService {
  return Object.hasOwn(knownServices, name)
}
