import type { Json } from '../../machines/batch.ts'

/** Between the names of composed services, in the name of the whole. */
export const nameJoint = '+'

/** The names of the services that a cluster runs whose service is `running`. */
export function partsOf(running: string): readonly string[] {
  return running.split(nameJoint)
}

/** The command for the service `part` in a cluster that runs the service `running`; `null` when it does not run there. */
export function commandFor(part: string, command: Json, running: string): Json | null {
  if (running === part) return command
  return partsOf(running).includes(part) ? { service: part, command } : null
}
