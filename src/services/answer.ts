/** Checks the value that a service returned, before the replica keeps any part of it. */
import type { Json } from '../../machines/batch.ts'
import { serviceLimits } from '../../machines/limits.ts'
import { copyJson, isQuicklyJson, isWellFormed, JsonFault, type JsonLimits } from '../core/json.ts'
import { holdsPromise, isThenable, silencePromises } from '../core/promises.ts'
import { ServiceFault } from './reason.ts'
import type { Changed, Service, TimerChange } from './service.ts'

/** A checked copy of a `Changed`. */
export type Change = Required<Changed<unknown>>

export type Answer = Change &
  (
    | { readonly kind: 'executed'; readonly result: Json }
    | { readonly kind: 'delayed'; readonly key: string | null }
  )

/**
 * Reads the answer from the value that `execute` returned for the state `before`. Reads each property once, and copies all of
 * them but the state. Throws a `ServiceFault` with the reason when the value is not an answer, exceeds a limit or contains a
 * promise. If a getter throws, this function throws the same value.
 */
export function answerIn(returned: unknown, before: unknown): Answer {
  return silencing(returned, before, () => {
    const fields = objectIn(returned, 'execute', 'an object with a kind and a state')
    const { kind } = fields as { readonly kind?: unknown }
    if (kind !== 'executed' && kind !== 'delayed') {
      throw faultOf(kind, `execute returned ${kindWords(kind)}: it must be "executed" or "delayed"`)
    }
    const state = stateIn(fields, before, 'execute')
    refusePromiseBeside(fields, answerFields[kind], 'execute')
    if (kind === 'executed') {
      const { result } = fields as { readonly result?: unknown }
      return {
        kind,
        state,
        result: resultIn(result, serviceLimits.result),
        ...listsIn(fields, 'execute'),
      }
    }
    const { key } = fields as { readonly key?: unknown }
    const waitsFor = key === undefined || key === null ? null : keyIn(key, 'key')
    return { kind, state, key: waitsFor, ...listsIn(fields, 'execute'), freed: [] }
  })
}

/**
 * Reads the change from the value that the method `by` of a service returned for the state `before`, by the rules of
 * `answerIn`.
 */
export function changeIn(returned: unknown, before: unknown, by: string): Change {
  return silencing(returned, before, () => {
    const fields = objectIn(returned, by, 'an object with a state')
    const state = stateIn(fields, before, by)
    refusePromiseBeside(fields, changeFields, by)
    return { state, ...listsIn(fields, by) }
  })
}

/** Reads the result that the method `read` of a service returned. Throws by the rules of `answerIn`. */
export function readingIn(returned: unknown, before: unknown): Json {
  return silencing(returned, before, () => {
    refusePromise(returned, 'read')
    return resultIn(returned, serviceLimits.result)
  })
}

const changeFields: readonly PropertyKey[] = ['state', 'freed', 'timers', 'revoked']

const timerFields: readonly PropertyKey[] = ['name', 'afterMs']

const answerFields: Readonly<Record<Answer['kind'], readonly PropertyKey[]>> = {
  executed: ['kind', 'result', ...changeFields],
  delayed: ['kind', 'key', ...changeFields],
}

/** Runs `read`. When it throws, the promises of the value that it refuses must not reject unhandled. */
function silencing<T>(returned: unknown, before: unknown, read: () => T): T {
  try {
    return read()
  } catch (error) {
    silencePromises(returned, { state: before })
    throw error
  }
}

function objectIn(returned: unknown, by: string, must: string): object {
  refusePromise(returned, by)
  if (typeof returned === 'object' && returned !== null) return returned
  throw new ServiceFault(`${by} returned ${wordFor(returned)}: it must be ${must}`)
}

function stateIn(fields: object, before: unknown, by: string): unknown {
  const { state } = fields as { readonly state?: unknown }
  if (state === undefined) throw new ServiceFault(`${by} returned no state: it must return the new state`)
  refusePromise(state, by, ' as the state')
  if (holdsPromise(state, before)) {
    throw faultOf(state, `${by} returned a promise in the state: ${mustAnswerAtOnce}`)
  }
  return state
}

/** The replica ignores all other fields. They may hold any value but a promise. */
function refusePromiseBeside(fields: object, used: readonly PropertyKey[], by: string): void {
  // Together much faster than `Reflect.ownKeys`.
  for (const name of Object.getOwnPropertyNames(fields)) refusePromiseIn(fields, name, used, by)
  for (const symbol of Object.getOwnPropertySymbols(fields)) refusePromiseIn(fields, symbol, used, by)
}

function refusePromiseIn(fields: object, field: PropertyKey, used: readonly PropertyKey[], by: string): void {
  if (used.includes(field)) return
  const value = (fields as { readonly [field: PropertyKey]: unknown })[field]
  if (!holdsPromise(value)) return
  throw faultOf(value, `${by} returned a promise in a field that is not used: ${mustAnswerAtOnce}`)
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

/** The rows of a snapshot are nested at most so deep, and each is so long in JSON. */
const rowLimits = { depth: 64, bytes: 64 * 1_048_576 } as const

/**
 * Draws the rows of the service's snapshot of `state`, each checked. Throws a `ServiceFault` when the service does not
 * return an iterable of JSON values.
 */
export function* rowsOf(service: Service, state: unknown): Generator<Json, void> {
  for (const row of uncheckedRowsOf(service, state)) yield rowIn(row)
}

/** The same without a check of the rows. */
export function uncheckedRowsOf(service: Service, state: unknown): Iterable<unknown> {
  const rows: unknown = service.snapshot(state)
  refusePromise(rows, 'snapshot')
  if (isIterable(rows)) return rows
  throw faultOf(rows, `snapshot returned ${wordFor(rows)}: it must be an array or another iterable of rows`)
}

function rowIn(row: unknown): Json {
  // A copy would take longer than all else that is done with a row.
  if (isQuicklyJson(row, rowLimits.depth)) return row
  try {
    return copyJson(row, rowLimits, 'row')
  } catch (error) {
    if (!(error instanceof JsonFault)) throw error
    throw new ServiceFault(`a row of the snapshot cannot be kept: ${error.message}`)
  }
}

function isIterable(value: unknown): value is Iterable<unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as Partial<Iterable<unknown>>)[Symbol.iterator] === 'function'
  )
}

/** Makes the fault for `value`, which is then dropped: its promises must not reject unhandled. */
function faultOf(value: unknown, message: string): ServiceFault {
  silencePromises(value)
  return new ServiceFault(message)
}

/** The lists of a change, each at most so long. */
function listsIn(fields: object, by: string): Pick<Change, 'freed' | 'timers' | 'revoked'> {
  const { freed, timers, revoked } = fields as {
    readonly freed?: unknown
    readonly timers?: unknown
    readonly revoked?: unknown
  }
  const { freedKeys, timerChanges, revokedSessions } = serviceLimits
  return {
    freed: listIn(freed, by, ['freed', 'keys'], freedKeys, (key) => keyIn(key, 'a key in freed')),
    timers: listIn(timers, by, ['timers', 'timers'], timerChanges, (timer) => timerIn(timer, by)),
    revoked: listIn(revoked, by, ['revoked', 'sessions'], revokedSessions, (uid) =>
      keyIn(uid, 'a session in revoked'),
    ),
  }
}

/** The entries of the list `given`, each read once by `read`; none when the service gave no list. */
function listIn<T>(
  given: unknown,
  by: string,
  [field, of]: readonly [field: string, of: string],
  most: number,
  read: (entry: unknown) => T,
): readonly T[] {
  if (given === undefined) return []
  if (!Array.isArray(given)) throw faultOf(given, `${field} is not an array: it must list ${of}`)
  const { length } = given
  if (!(length <= most)) throw faultOf([given, length], `${field} names more than ${most} ${of}`)
  // Reads by index, so that holes in the array are found.
  const entries: T[] = []
  const last = length - 1
  const places: PropertyKey[] = ['length']
  for (let place = 0; place <= last; place += 1) {
    entries.push(read(given[place]))
    places.push(String(place))
  }
  refusePromiseBeside(given, places, by)
  return entries
}

function timerIn(timer: unknown, by: string): TimerChange {
  if (typeof timer !== 'object' || timer === null) {
    throw faultOf(
      timer,
      `a timer in timers is ${wordFor(timer)}: it must be an object with a name and afterMs`,
    )
  }
  const { name, afterMs } = timer as { readonly name?: unknown; readonly afterMs?: unknown }
  const checkedName = keyIn(name, 'the name of a timer')
  refusePromiseBeside(timer, timerFields, by)
  if (afterMs === null) return { name: checkedName, afterMs }
  const { timerMs } = serviceLimits
  if (typeof afterMs !== 'number' || !Number.isInteger(afterMs) || afterMs < 1 || afterMs > timerMs) {
    const received = typeof afterMs === 'number' ? String(afterMs) : wordFor(afterMs)
    throw faultOf(
      timer,
      `afterMs of a timer is ${received}: it must be null, or a whole number from 1 to ${timerMs}`,
    )
  }
  return { name: checkedName, afterMs }
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
