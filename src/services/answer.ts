/** Checks the value that a service returned, before the replica keeps any part of it. */
import type { Json } from '../../machines/batch.ts'
import { serviceLimits } from '../../machines/limits.ts'
import { copyJson, isWellFormed, JsonFault, type JsonLimits } from '../core/json.ts'
import { holdsPromise, isThenable, silencePromises } from '../core/promises.ts'
import { ServiceFault } from './reason.ts'
import type { Service } from './service.ts'

export type Answer =
  | {
      readonly kind: 'executed'
      readonly state: unknown
      readonly result: Json
      readonly freed: readonly string[]
    }
  | { readonly kind: 'delayed'; readonly state: unknown; readonly key: string | null }

/**
 * Reads the answer from the value that `execute` returned for the state `before`. Reads each property once, and copies all of
 * them but the state. Throws a `ServiceFault` with the reason when the value is not an answer, exceeds a limit or contains a
 * promise. If a getter throws, this function throws the same value.
 */
export function answerIn(returned: unknown, before: unknown): Answer {
  try {
    return checkedAnswer(returned, before)
  } catch (error) {
    silencePromises(returned, { state: before })
    throw error
  }
}

function checkedAnswer(returned: unknown, before: unknown): Answer {
  refusePromise(returned, 'execute')
  if (typeof returned !== 'object' || returned === null) {
    throw new ServiceFault(
      `execute returned ${wordFor(returned)}: it must be an object with a kind and a state`,
    )
  }
  const { kind, state } = returned as { readonly kind?: unknown; readonly state?: unknown }
  if (kind !== 'executed' && kind !== 'delayed') {
    throw faultOf(kind, `execute returned ${kindWords(kind)}: it must be "executed" or "delayed"`)
  }
  if (state === undefined) throw new ServiceFault('execute returned no state: it must return the new state')
  refusePromise(state, 'execute', ' as the state')
  if (holdsPromise(state, before)) {
    throw faultOf(state, `execute returned a promise in the state: ${mustAnswerAtOnce}`)
  }
  refusePromiseBeside(returned, answerFields[kind])
  if (kind === 'executed') {
    const { result, freed } = returned as { readonly result?: unknown; readonly freed?: unknown }
    return { kind, state, result: resultIn(result, serviceLimits.result), freed: freedIn(freed) }
  }
  const { key } = returned as { readonly key?: unknown }
  return { kind, state, key: key === undefined || key === null ? null : keyIn(key, 'key') }
}

const answerFields: Readonly<Record<Answer['kind'], readonly PropertyKey[]>> = {
  executed: ['kind', 'state', 'result', 'freed'],
  delayed: ['kind', 'state', 'key'],
}

/** The replica ignores all other fields of an answer. They may hold any value but a promise. */
function refusePromiseBeside(answer: object, fields: readonly PropertyKey[]): void {
  // Together much faster than `Reflect.ownKeys`.
  for (const name of Object.getOwnPropertyNames(answer)) refusePromiseIn(answer, name, fields)
  for (const symbol of Object.getOwnPropertySymbols(answer)) refusePromiseIn(answer, symbol, fields)
}

function refusePromiseIn(answer: object, field: PropertyKey, used: readonly PropertyKey[]): void {
  if (used.includes(field)) return
  const value = (answer as { readonly [field: PropertyKey]: unknown })[field]
  if (!holdsPromise(value)) return
  throw faultOf(value, `execute returned a promise in a field that is not used: ${mustAnswerAtOnce}`)
}

/** Copies `result`. Throws a `ServiceFault` when JSON cannot represent it without loss, or when it is too large. */
export function resultIn(result: unknown, limits: JsonLimits): Json {
  try {
    return copyJson(result, limits, 'result')
  } catch (error) {
    throw error instanceof JsonFault ? new ServiceFault(`the result cannot be kept: ${error.message}`) : error
  }
}

const mustAnswerAtOnce = 'a service must answer at once'

/** Throws a `ServiceFault` when `value` is a promise or another thenable. */
export function refusePromise(value: unknown, by: string, what = ''): void {
  if (isThenable(value)) throw faultOf(value, `${by} returned a promise${what}: ${mustAnswerAtOnce}`)
}

/** Returns `state`, which the service returned. Throws a `ServiceFault` when it contains a promise. */
export function stateGiven(state: unknown, by: string): unknown {
  refusePromises(state, by)
  return state
}

/** Throws a `ServiceFault` when `value` is or contains a promise. */
export function refusePromises(value: unknown, by: string): void {
  refusePromise(value, by)
  if (holdsPromise(value))
    throw faultOf(value, `${by} returned a value that contains a promise: ${mustAnswerAtOnce}`)
}

/** Returns the service's own snapshot of `state`. Throws a `ServiceFault` when the service returns anything but bytes. */
export function snapshotOf(service: Service, state: unknown): Uint8Array {
  const bytes: unknown = service.snapshot(state)
  refusePromise(bytes, 'snapshot')
  if (!(bytes instanceof Uint8Array)) throw faultOf(bytes, 'snapshot did not return a Uint8Array')
  return bytes
}

/** Makes the fault for `value`, which is then dropped: its promises must not reject unhandled. */
function faultOf(value: unknown, message: string): ServiceFault {
  silencePromises(value)
  return new ServiceFault(message)
}

function freedIn(freed: unknown): readonly string[] {
  if (freed === undefined) return []
  if (!Array.isArray(freed))
    throw faultOf(freed, 'freed is not an array: it must list the keys that became free')
  const { length } = freed
  const { freedKeys } = serviceLimits
  if (!(length <= freedKeys)) throw faultOf([freed, length], `freed names more than ${freedKeys} keys`)
  // Reads by index, so that holes in the array are found.
  const keys: string[] = []
  const last = length - 1
  for (let place = 0; place <= last; place += 1) keys.push(keyIn(freed[place], 'a key in freed'))
  return keys
}

function keyIn(key: unknown, what: string): string {
  const { keyLength } = serviceLimits
  if (typeof key !== 'string') throw faultOf(key, `${what} is ${wordFor(key)}: it must be a string`)
  if (key.length > keyLength) throw new ServiceFault(`${what} is longer than ${keyLength} characters`)
  if (!isWellFormed(key)) throw new ServiceFault(`${what} holds half of a surrogate pair`)
  return key
}

const longestShown = 40

function kindWords(kind: unknown): string {
  const isShort = typeof kind === 'string' && kind.length <= longestShown && isWellFormed(kind)
  return isShort ? `the kind ${JSON.stringify(kind)}` : `a kind that is ${wordFor(kind)}`
}

/** One word for the type of `value`. */
function wordFor(value: unknown): string {
  return value === null ? 'null' : typeof value === 'undefined' ? 'nothing' : `a ${typeof value}`
}
