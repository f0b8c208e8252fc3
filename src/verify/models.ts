/**
 * Reference models of a lock, a register and a counter. They are as short as possible and share no code with the services, so
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

type Token = { readonly instance: number; readonly index: number }
/** `'unseen'` stands for a token that no client received. */
type LockState = { readonly holder: Token | 'unseen' | null; readonly last: Token | null }

function grows(last: Token | null, token: Token): boolean {
  if (last === null) return true
  return token.instance > last.instance || (token.instance === last.instance && token.index > last.index)
}

/**
 * Locks by name. `lock` runs only when no client holds the lock, and returns a token above all earlier ones. `unlock` returns
 * whether it freed the lock.
 */
export const lockModel: Model = {
  keyOf: (command) => String(fieldsOf(command).name),
  initial: { holder: null, last: null },
  step(state, command, result) {
    const { holder, last } = state as LockState
    const { action, token } = fieldsOf(command)
    if (action === 'lock') {
      if (holder !== null) return undefined
      if (result === undefined) return { holder: 'unseen', last }
      const given = fieldsOf(result).token as Token | undefined
      return given !== undefined && grows(last, given) ? { holder: given, last: given } : undefined
    }
    const freed = holder !== null && (token === undefined || same(token, holder))
    return seen({ freed }, result, freed ? { holder: null, last } : state)
  },
  onlyReads: (_, result) => fieldsOf(result).freed === false,
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
