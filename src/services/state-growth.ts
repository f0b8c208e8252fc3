/** How much a service's state grows when another one takes its place. */
import { silencePromises } from '../core/promises.ts'
import { shownValue } from '../core/shown-value.ts'
import { growthBytes } from './growth.ts'
import { ServiceFault } from './reason.ts'
import type { Service } from './service.ts'

/**
 * Returns the bytes that `after` takes beyond those of `before`, which is `undefined` for no state: by the service's own `sizeBytes`, or
 * by the parts in which the two differ. Throws a `ServiceFault` when the service gives no size.
 */
export function stateGrowth(service: Service, before: unknown, after: unknown): number {
  if (before === after) return 0
  if (service.sizeBytes === undefined) return growthBytes(before, after)
  return sizeIn(service, after) - (before === undefined ? 0 : sizeIn(service, before))
}

function sizeIn(service: Service, state: unknown): number {
  const size: unknown = service.sizeBytes?.(state)
  if (Number.isSafeInteger(size) && Number(size) >= 0) return Number(size)
  silencePromises(size)
  throw new ServiceFault(
    `sizeBytes returned ${shownValue(size)}: it must be a whole number of bytes, from 0 on`,
  )
}
