import { partsOf } from '../core/service-names.ts'
import type { TextProtocol } from '../wire/text-protocol.ts'
import { lockService } from './lock.ts'
import { commandFor } from './part-command.ts'
import { SeedText } from './seed-text/protocol.ts'
import type { Service } from './service.ts'

/** The plain-text protocol that clients of `service` may use instead of JSON; `undefined` when it has none. */
export function textProtocolOf(service: Service): TextProtocol | undefined {
  const { name } = service
  if (!partsOf(name).includes(lockService.name)) return undefined
  return new SeedText((command) => commandFor(lockService.name, command, name) ?? command)
}
