/**
 * Reference models of a lock, a register, a counter and a key-value store. They are as short as possible and share no code with the services, so
 * that a fault in a service cannot hide itself.
 */
import type { Json } from '../../machines/batch.ts'
import { canonicalJson } from '../core/digest.ts'

/**
 * The specification of a service. Its state consists of independent parts, each under a key. A history is linearizable when the
 * history of each key is linearizable.
 */
export interface Model {
  /** The key of the part of the state that `command` uses. */
  keyOf(command: Json): string
  /** The initial state of each part. */
  readonly initial: Json
  /**
   * The part after `command` returned `result`. Pass `undefined` when no client received the result: then every result is allowed.
   * Returns `undefined` when the command cannot return `result`, or cannot run in this state.
   */
  step(state: Json, command: Json, result: Json | undefined): Json | undefined
  /** True when a `command` that returned `result` changed nothing, in every state. */
  onlyReads(command: Json, result: Json): boolean
}

type Fields = { readonly [name: string]: Json | undefined }

/** The fields of an object; no fields for any other value. */
function fieldsOf(json: Json): Fields {
  return json !== null && typeof json === 'object' && !Array.isArray(json) ? (json as Fields) : {}
}

function same(a: Json | undefined, b: Json | undefined): boolean {
  return canonicalJson(a ?? null) === canonicalJson(b ?? null)
}

/** Returns `state` if the client received `expected` or no result, otherwise `undefined`. */
function seen(expected: Fields, result: Json | undefined, state: Json): Json | undefined {
  return result === undefined || same(result, expected as Json) ? state : undefined
}

/** `token` is `null` for a grant whose token no client received. */
type ModelHold = { readonly token: number | null; readonly mode: Json; readonly permits: Json }
type LockState = { readonly holds: readonly ModelHold[]; readonly last: number }

/** Whether `hold` leaves room for one more holder beside the others. */
function hasRoom(holds: readonly ModelHold[], { mode, permits }: ModelHold): boolean {
  if (holds.some((other) => !same(other.permits, permits))) return false
  if (permits !== null) return holds.length < Number(permits)
  return holds.every((other) => other.mode === 'shared' && mode === 'shared')
}

/**
 * Locks by name, without requests for several names. `lock` is granted only when its holders leave room, and returns a token above all
 * earlier ones; or it is refused and changes nothing. A `lock` that steals, and a `force` with `now`, end all holds. `unlock` returns whether it
 * freed the lock. `end` is the end of a session that took a lock.
 */
export const lockModel: Model = {
  keyOf: (command) => String(fieldsOf(command).name),
  initial: { holds: [], last: 0 },
  step(state, command, result) {
    const { holds, last } = state as LockState
    const { action, token, mode = 'exclusive', permits = null, steal, now } = fieldsOf(command)
    switch (action) {
      case 'lock': {
        if (fieldsOf(result ?? null).refused !== undefined) return state
        const given = result === undefined ? null : Number(fieldsOf(result).token)
        const hold: ModelHold = { token: given, mode, permits }
        const others = steal === true ? [] : holds
        // It may have been refused, and no client knows.
        if (result === undefined && !hasRoom(others, hold)) return state
        if (!hasRoom(others, hold) || (given !== null && !(given > last))) return undefined
        return { holds: [...others, hold], last: given ?? last }
      }
      case 'unlock': {
        // Without a token it does not free what a session with a ttl holds, and the model knows no ttl.
        if (token === undefined && fieldsOf(result ?? null).freed === false) return state
        const at = holds.findIndex((hold) => token === undefined || hold.token === token)
        return seen({ freed: at !== -1 }, result, at === -1 ? state : { holds: holds.toSpliced(at, 1), last })
      }
      case 'end': {
        const at = holds.findIndex((hold) => hold.token === token)
        return at === -1 ? state : { holds: holds.toSpliced(at, 1), last }
      }
      case 'force':
        return now === true ? { holds: [], last } : state
      default:
        return action === 'query' ? state : undefined
    }
  },
  onlyReads: (command, result) =>
    fieldsOf(result).freed === false ||
    fieldsOf(result).refused !== undefined ||
    fieldsOf(command).action === 'query',
}

/** Registers by key, initially `null`: `read`, `write` and `compareAndSet`. */
export const registerModel: Model = {
  keyOf: (command) => String(fieldsOf(command).key),
  initial: null,
  step(state, command, result) {
    const { action, value = null, expected = null } = fieldsOf(command)
    switch (action) {
      case 'read':
        return seen({ value: state }, result, state)
      case 'write':
        return seen({ written: true }, result, value)
      case 'compareAndSet': {
        const set = same(state, expected)
        return seen({ set }, result, set ? value : state)
      }
      default:
        return undefined
    }
  },
  onlyReads: (command, result) => fieldsOf(command).action === 'read' || fieldsOf(result).set === false,
}

/** Counters by key, initially 0: `add` returns the counter after the addition, `count` returns the counter. */
export const counterModel: Model = {
  keyOf: (command) => String(fieldsOf(command).key),
  initial: 0,
  step(state, command, result) {
    const { action, amount } = fieldsOf(command)
    switch (action) {
      case 'add': {
        const sum = Number(state) + Number(amount)
        return seen({ count: sum }, result, sum)
      }
      case 'count':
        return seen({ count: state }, result, state)
      default:
        return undefined
    }
  },
  onlyReads: (command) => fieldsOf(command).action === 'count',
}

function modelFor(command: Json): Model {
  const { action } = fieldsOf(command)
  return action === 'add' || action === 'count' ? counterModel : registerModel
}

/** Registers and counters together, as the register service has them. A register and a counter may have the same key. */
export const registersAndCountersModel: Model = {
  keyOf: (command) =>
    `${modelFor(command) === counterModel ? 'counter' : 'register'} ${modelFor(command).keyOf(command)}`,
  initial: null,
  step(state, command, result) {
    const model = modelFor(command)
    return model.step(state ?? model.initial, command, result)
  },
  onlyReads: (command, result) => modelFor(command).onlyReads(command, result),
}

/** The version is `'unseen'` when no client received it, and 0 when there is no value. `last` is the largest version seen of the key. */
type KvState = { readonly value: Json; readonly version: number | 'unseen'; readonly last: number }

/** The entry of a key as `state` has it, once a client has seen it: `undefined` when it is another. */
function seenEntry(state: KvState, entry: Json | undefined): KvState | undefined {
  if (state.value === null) return entry === null ? state : undefined
  const { value, version } = fieldsOf(entry ?? null)
  if (typeof version !== 'number' || !same(state.value, value)) return undefined
  if (state.version === 'unseen')
    return version > state.last ? { ...state, version, last: version } : undefined
  return version === state.version ? state : undefined
}

/** `state` after a put whose client received the version `version`, or no answer. */
function afterPut({ last }: KvState, value: Json, version: Json | undefined): KvState | undefined {
  if (version === undefined) return { value, version: 'unseen', last }
  return typeof version === 'number' && version > last ? { value, version, last: version } : undefined
}

function withoutValue({ last }: KvState): KvState {
  return { value: null, version: 0, last }
}

/**
 * The key-value store, by key. Its state is a list of the possible states: whether a version that no client received is the one that a
 * command expects cannot be known. The versions of a key grow; that they grow over all keys is not judged. A `list` and a `watch`
 * of a prefix concern several keys and are not judged either, nor are keys that expire or live with a session.
 */
export const kvModel: Model = {
  keyOf: (command) => String(fieldsOf(command).key ?? 'several keys'),
  initial: [{ value: null, version: 0, last: 0 }],
  step(json, command, result) {
    const next = (json as readonly KvState[]).flatMap((state) => kvSteps(state, fieldsOf(command), result))
    const possible = new Map(next.map((state) => [canonicalJson(state), state]))
    return possible.size === 0
      ? undefined
      : [...possible].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, state]) => state)
  },
  // Any other result may rule out possible states.
  onlyReads: (command) => fieldsOf(command).action === 'list',
}

/** The states in which the key may be after the command. */
function kvSteps(state: KvState, command: Fields, result: Json | undefined): readonly KvState[] {
  const { action, key, value = null, version = null, after } = command
  const answer = fieldsOf(result ?? null)
  const isUnanswered = result === undefined
  const list = (next: KvState | undefined) => (next === undefined ? [] : [next])
  switch (action) {
    case 'get':
      return isUnanswered ? [state] : list(seenEntry(state, answer.entry))
    case 'put':
      return list(afterPut(state, value, isUnanswered ? undefined : (answer.version ?? null)))
    case 'delete': {
      const mayDelete = state.value !== null && (version === null || mayBe(state, version))
      const mayStay = state.value === null || (version !== null && version !== state.version)
      return [
        ...(mayDelete && (isUnanswered || answer.deleted === true) ? [withoutValue(state)] : []),
        ...(mayStay && (isUnanswered || answer.deleted === false) ? [state] : []),
      ]
    }
    case 'compareAndSet': {
      const maySet = mayBe(state, version)
      const mayStay = version !== state.version
      if (isUnanswered)
        return [...(maySet ? list(afterPut(state, value, undefined)) : []), ...(mayStay ? [state] : [])]
      if (answer.set === false)
        return list(seenEntry(state, answer.entry)).filter((seen) => seen.version !== version)
      if (answer.set !== true || !maySet) return []
      const last = Math.max(state.last, Number(version))
      return list(afterPut({ ...state, last }, value, answer.version ?? null))
    }
    case 'take':
      if (state.value === null) return []
      return (isUnanswered ? [state] : list(seenEntry(state, answer.entry))).map(withoutValue)
    case 'watch':
      if (key === undefined || isUnanswered || answer.missed === true) return [state]
      return list(afterWatch(state, Number(after ?? 0), answer))
    case 'list':
      return [state]
    default:
      return []
  }
}

/** True when the version of the key may be `version`. */
function mayBe(state: KvState, version: Json): boolean {
  if (typeof version !== 'number') return false
  return state.version === 'unseen' ? version > state.last : version === state.version
}

/** A watch of one key shows its last change. */
function afterWatch(state: KvState, after: number, { changes }: Fields): KvState | undefined {
  const [change = null, ...others] = Array.isArray(changes) ? (changes as readonly Json[]) : []
  const { version, deleted } = fieldsOf(change)
  if (others.length > 0 || typeof version !== 'number' || version <= after) return undefined
  if (deleted !== true) return seenEntry(state, change)
  return state.value === null && version > state.last ? state : undefined
}
