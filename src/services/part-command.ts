import type { Json } from '../../machines/batch.ts'
import { partsOf } from '../core/service-names.ts'

/** The command for the service `part` in a cluster that runs the service `running`; `null` when it does not run there. */
export function commandFor(part: string, command: Json, running: string): Json | null {
  if (running === part) return command
  return partsOf(running).includes(part) ? { service: part, command } : null
}

/** The reverse of `commandFor`: the command for `part` that the service `running` executed; `null` when it was for another service. */
export function commandOf(part: string, executed: Json, running: string): Json | null {
  if (running === part) return executed
  const { service, command = null } = (executed ?? {}) as { readonly service?: Json; readonly command?: Json }
  return service === part ? command : null
}
