import { lockService } from '../services/lock.ts'
import type { Service } from '../services/service.ts'
import { registerService } from '../verify/register-service.ts'
import type { ServiceName } from './plan.ts'

/** The services that a plan may run. */
export function serviceOf(name: ServiceName): Service {
  switch (name) {
    case 'lock':
      return lockService as Service
    case 'register':
      return registerService as Service
  }
  name satisfies never
}
