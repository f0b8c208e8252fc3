/** The versions of behaviour that a service has. */
import { StartError } from '../core/start-error.ts'
import type { Service } from './service.ts'

/** The version in force before the first upgrade. */
export const firstVersion = 1

export interface Versions {
  readonly oldest: number
  readonly newest: number
}

export function versionsOf({ version = firstVersion, oldestVersion = firstVersion }: Service): Versions {
  return { oldest: oldestVersion, newest: version }
}

/**
 * Throws a `StartError` when the program of this server does not have the version of the service that is in force: it must execute
 * nothing, because it would execute differently from the others.
 */
export function checkVersion(service: Service, inForce: number): void {
  const { oldest, newest } = versionsOf(service)
  if (inForce >= oldest && inForce <= newest) return
  const has = oldest === newest ? `version ${newest}` : `versions ${oldest} to ${newest}`
  throw new StartError(
    `the cluster runs version ${inForce} of the service ${service.name}, and this program has ${has}: start the server with a program that has version ${inForce}`,
  )
}
