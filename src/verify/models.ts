/**
 * Reference models of a lock, a register and a counter; `kv-model.ts` has those of the key-value store. They are as short as possible and share no code with the services, so
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

export type Fields = { readonly [name: string]: Json | undefined }

/** The fields of an object; no fields for any other value. */
export function fieldsOf(json: Json): Fields {
  return json !== null && typeof json === 'object' && !Array.isArray(json) ? (json as Fields) : {}
}

/** True when both are the same JSON. `undefined` is as `null`. */
export function same(a: Json | undefined, b: Json | undefined): boolean {
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

/** Composed services, by the name of each: a command is `{ service, command }`. */
export function composedModel(parts: { readonly [service: string]: Model }): Model {
  const partOf = (whole: Json) => {
    const { service, command = null } = fieldsOf(whole)
    const model = parts[String(service)]
    if (model === undefined) throw new Error(`there is no model of the service ${String(service)}`)
    return { service, command, model }
  }
  return {
    keyOf: (whole) => {
      const { service, command, model } = partOf(whole)
      return `${service}: ${model.keyOf(command)}`
    },
    initial: null,
    step: (state, whole, result) => {
      const { command, model } = partOf(whole)
      return model.step(state ?? model.initial, command, result)
    },
    onlyReads: (whole, result) => {
      const { command, model } = partOf(whole)
      return model.onlyReads(command, result)
    },
  }
}
