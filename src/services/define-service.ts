import type { Json } from '../../machines/batch.ts'
import { shownValue } from '../core/shown-value.ts'
import { maxNameLength } from '../messages/limits.ts'
import type { Service } from './service.ts'

/** What `defineService` takes: the methods of a service, its name and its version. */
export interface ServiceDefinition<State, Command, Result extends Json>
  extends Service<State, Command, Result> {}

/** A service whose definition was checked. It carries the types of its commands and results, which `connect({ service })` reads. */
export interface DefinedService<State, Command, Result extends Json> extends Service<State, Command, Result> {
  readonly version: number
  readonly oldestVersion: number
}

/** The type of the commands of a service. */
export type CommandOf<S> = S extends { parse(body: Json): infer Command } ? Command : never

/** The type of the results of a service. */
export type ResultOf<S> = S extends { execute(...given: never): infer Answer }
  ? Extract<Answer, { readonly kind: 'executed' }> extends { readonly result: infer Result extends Json }
    ? Result
    : never
  : never

/** The methods that every service has. */
export const neededMethods = [
  'initial',
  'parse',
  'execute',
  'snapshot',
  'restore',
] as const satisfies (keyof Service)[]

/** The methods that a service may have. */
export const optionalMethods = [
  'read',
  'timerFired',
  'upgraded',
  'requestEnded',
  'sessionEnded',
  'holds',
  'stillHolds',
  'sizeBytes',
  'afterLoss',
  'view',
] as const satisfies (keyof Service)[]

const methods = [...neededMethods, ...optionalMethods]
const known: readonly string[] = ['name', 'version', 'oldestVersion', ...methods]

const nameForm = /^[a-z][a-z0-9-]*$/

/** True for the name of one service: lower-case letters, digits and `-`, with a letter first. */
export function isServiceName(name: unknown): name is string {
  return typeof name === 'string' && name.length <= maxNameLength && nameForm.test(name)
}

/** What the name of a service must be. */
export const serviceNameRule = `1 to ${maxNameLength} lower-case letters, digits and "-", with a letter first`

/**
 * Checks the definition of a service and returns it as a service for `startNode`. Throws a TypeError, with the field, its value
 * and the rule, when the name is invalid, a method is missing or is no function, or a field is not one of a service. The types
 * of the commands and results are those of `parse` and `execute`: `connect({ service })` gives a client that accepts these
 * commands only.
 */
export function defineService<State, Command, Result extends Json>(
  definition: ServiceDefinition<State, Command, Result>,
): DefinedService<State, Command, Result> {
  const fields = fieldsOf(definition)
  const { name, version = 1, oldestVersion = 1 } = fields
  if (!isServiceName(name)) {
    throw new TypeError(`the service's name is ${shownValue(name)}: it must be ${serviceNameRule}`)
  }
  if (!Number.isSafeInteger(version) || Number(version) < 1) {
    throw new TypeError(
      `version of the service ${name} is ${shownValue(version)}: it must be a whole number from 1 on`,
    )
  }
  if (
    !Number.isSafeInteger(oldestVersion) ||
    Number(oldestVersion) < 1 ||
    Number(oldestVersion) > Number(version)
  ) {
    throw new TypeError(
      `oldestVersion of the service ${name} is ${shownValue(oldestVersion)}: it must be a whole number from 1 to its version, ${version}`,
    )
  }
  const missing = neededMethods.filter((method) => fields[method] === undefined)
  if (missing.length > 0)
    throw new TypeError(`the service ${name} needs ${missing.join(', ')}: add each as a method`)
  for (const method of methods) {
    const given = fields[method]
    if (given !== undefined && typeof given !== 'function') {
      throw new TypeError(`${method} of the service ${name} is ${shownValue(given)}: it must be a function`)
    }
  }
  const unknown = Object.keys(fields).find((field) => !known.includes(field))
  if (unknown !== undefined) {
    throw new TypeError(
      `a service has no ${unknown}, which the service ${name} defines; it has ${known.join(', ')}`,
    )
  }
  const service: { [field: string]: unknown } = { name, version, oldestVersion }
  for (const method of methods) {
    const given = fields[method]
    // Bound: a definition may be an instance of a class.
    if (typeof given === 'function') service[method] = given.bind(definition)
  }
  return Object.freeze(service) as unknown as DefinedService<State, Command, Result>
}

function fieldsOf(definition: unknown): { readonly [field: string]: unknown } {
  if (typeof definition === 'object' && definition !== null)
    return definition as { readonly [field: string]: unknown }
  throw new TypeError(`the definition of a service is ${shownValue(definition)}: it must be an object`)
}
