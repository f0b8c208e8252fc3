/** What a service returned, checked before any of it is kept. */
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
 * What `execute` returned when the state was `before`: each property is read once, and nothing of it is shared but the state.
 * Throws a `ServiceFault` with the reason when it is no answer, beyond a limit or holds a promise, and whatever a property throws
 * that is read.
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
  if (state === undefined)
    throw new ServiceFault('execute returned no state: it must be the state from then on')
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

const answerFields = {
  executed: new Set<PropertyKey>(['kind', 'state', 'result', 'freed']),
  delayed: new Set<PropertyKey>(['kind', 'state', 'key']),
}

/** What else stands in an answer is not used, and may be anything but a promise. */
function refusePromiseBeside(answer: object, fields: ReadonlySet<PropertyKey>): void {
  for (const field of Reflect.ownKeys(answer)) {
    if (fields.has(field)) continue
    const value = (answer as { readonly [field: PropertyKey]: unknown })[field]
    if (!holdsPromise(value)) continue
    throw faultOf(value, `execute returned a promise in a field that is not used: ${mustAnswerAtOnce}`)
  }
}

/** A copy of `result`, of which JSON can carry every part. Throws a `ServiceFault` when there is none, or it is too large. */
export function resultIn(result: unknown, limits: JsonLimits): Json {
  try {
    return copyJson(result, limits, 'result')
  } catch (error) {
    throw error instanceof JsonFault ? new ServiceFault(`the result cannot be kept: ${error.message}`) : error
  }
}

const mustAnswerAtOnce = 'a service must answer at once'

/** Throws a `ServiceFault` when `value` is a promise, or would be taken for one. */
export function refusePromise(value: unknown, by: string, what = ''): void {
  if (isThenable(value)) throw faultOf(value, `${by} returned a promise${what}: ${mustAnswerAtOnce}`)
}

/** `state`, as the service gave it. Throws a `ServiceFault` when there is a promise in it. */
export function stateGiven(state: unknown, by: string): unknown {
  refusePromises(state, by)
  return state
}

/** Throws a `ServiceFault` when there is a promise in `value`. */
export function refusePromises(value: unknown, by: string): void {
  refusePromise(value, by)
  if (holdsPromise(value)) throw faultOf(value, `${by} returned a promise within: ${mustAnswerAtOnce}`)
}

/** The service's own snapshot of `state`. Throws a `ServiceFault` when it gives none. */
export function snapshotOf(service: Service, state: unknown): Uint8Array {
  const bytes: unknown = service.snapshot(state)
  refusePromise(bytes, 'snapshot')
  if (!(bytes instanceof Uint8Array)) throw faultOf(bytes, 'snapshot returned no Uint8Array')
  return bytes
}

/** What is wrong with `value`, which is thrown away. */
function faultOf(value: unknown, message: string): ServiceFault {
  silencePromises(value)
  return new ServiceFault(message)
}

function freedIn(freed: unknown): readonly string[] {
  if (freed === undefined) return []
  if (!Array.isArray(freed)) throw faultOf(freed, 'freed is no array: it must name the keys that became free')
  const { length } = freed
  const { freedKeys } = serviceLimits
  if (!(length <= freedKeys)) throw faultOf([freed, length], `freed names more than ${freedKeys} keys`)
  // By place, so that a hole is found.
  return Array.from({ length }, (_, place) => keyIn(freed[place], 'a key in freed'))
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

/** What `value` is, in a word. */
function wordFor(value: unknown): string {
  return value === null ? 'null' : typeof value === 'undefined' ? 'nothing' : `a ${typeof value}`
}
