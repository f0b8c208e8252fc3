/** What a service returned, checked before any of it is kept. */
import type { Json } from '../../machines/batch.ts'
import { serviceLimits } from '../../machines/limits.ts'
import { copyJson, isWellFormed, JsonFault, type JsonLimits } from './json.ts'
import { ServiceFault } from './reason.ts'

export type Answer =
  | {
      readonly kind: 'executed'
      readonly state: unknown
      readonly result: Json
      readonly freed: readonly string[]
    }
  | { readonly kind: 'delayed'; readonly state: unknown; readonly key: string | null }

/**
 * What `execute` returned: each property is read once, and nothing of it is shared but the state. Throws a `ServiceFault`
 * with the reason when it is no answer or beyond a limit, and whatever a property throws that is read.
 */
export function answerIn(returned: unknown): Answer {
  refusePromise(returned, 'execute')
  if (typeof returned !== 'object' || returned === null) {
    throw new ServiceFault(
      `execute returned ${wordFor(returned)}: it must be an object with a kind and a state`,
    )
  }
  const { kind, state } = returned as { readonly kind?: unknown; readonly state?: unknown }
  if (kind !== 'executed' && kind !== 'delayed') {
    throw new ServiceFault(`execute returned ${kindWords(kind)}: it must be "executed" or "delayed"`)
  }
  if (state === undefined)
    throw new ServiceFault('execute returned no state: it must be the state from then on')
  refusePromise(state, 'execute', ' as the state')
  if (kind === 'executed') {
    const { result, freed } = returned as { readonly result?: unknown; readonly freed?: unknown }
    return { kind, state, result: resultIn(result, serviceLimits.result), freed: freedIn(freed) }
  }
  const { key } = returned as { readonly key?: unknown }
  return { kind, state, key: key === undefined || key === null ? null : keyIn(key, 'key') }
}

/** A copy of `result`, of which JSON can carry every part. Throws a `ServiceFault` when there is none, or it is too large. */
export function resultIn(result: unknown, limits: JsonLimits): Json {
  try {
    return copyJson(result, limits, 'result')
  } catch (error) {
    silencePromises(result)
    throw error instanceof JsonFault ? new ServiceFault(`the result cannot be kept: ${error.message}`) : error
  }
}

/** Throws a `ServiceFault` when `value` is a promise, or would be taken for one. */
export function refusePromise(value: unknown, by: string, what = ''): void {
  if (!isThenable(value)) return
  silencePromises(value)
  throw new ServiceFault(`${by} returned a promise${what}: a service must answer at once`)
}

function isThenable(value: unknown): boolean {
  return (
    ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
    typeof (value as { readonly then?: unknown }).then === 'function'
  )
}

function freedIn(freed: unknown): readonly string[] {
  if (freed === undefined) return []
  if (!Array.isArray(freed))
    throw new ServiceFault('freed is no array: it must name the keys that became free')
  const { length } = freed
  const { freedKeys } = serviceLimits
  if (!(length <= freedKeys)) throw new ServiceFault(`freed names more than ${freedKeys} keys`)
  // By place, so that a hole is found.
  return Array.from({ length }, (_, place) => keyIn(freed[place], 'a key in freed'))
}

function keyIn(key: unknown, what: string): string {
  const { keyLength } = serviceLimits
  if (typeof key !== 'string') throw new ServiceFault(`${what} is ${wordFor(key)}: it must be a string`)
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

/** How many values are looked at for a promise in them, and how many parts of each. */
const mostLookedAt = 1_000

/**
 * Has promises in a value that is thrown away be rejected without anybody noticing: Node.js ends a process in which a
 * rejection is not handled. Throws nothing.
 */
function silencePromises(value: unknown): void {
  const open: unknown[] = [value]
  const seen = new Set<object>()
  for (let looked = 0; open.length > 0 && looked < mostLookedAt; looked += 1) {
    const next = open.pop()
    if (typeof next !== 'object' || next === null || seen.has(next)) continue
    seen.add(next)
    try {
      if (next instanceof Promise) Promise.prototype.then.call(next, noop, noop)
      open.push(...partsOf(next))
    } catch {
      // A property that cannot be read, which is nothing to wait for.
    }
  }
}

/** What stands in an object, without running any of its code but a proxy's. */
function partsOf(value: object): unknown[] {
  if (Array.isArray(value)) return value.slice(0, mostLookedAt)
  const keys = Object.keys(value).slice(0, mostLookedAt)
  return keys.map((key) => Object.getOwnPropertyDescriptor(value, key)?.value)
}

function noop(): void {}
