/**
 * Reference models: what a lock, a register and a counter are, said as shortly as possible and without a line of the
 * services, so that a fault in a service does not excuse itself.
 */
import type { Json } from '../../machines/batch.ts'
import { canonicalJson } from '../core/digest.ts'

/**
 * What a service ought to be. Its state falls into parts that have nothing to do with each other, each under a key; a
 * history is linearizable when it is so at each key.
 */
export interface Model {
  /** The part of the state that `command` is about. */
  keyOf(command: Json): string
  /** Each part at first. */
  readonly initial: Json
  /**
   * A part after `command` gave `result`; with `undefined` for a result that nobody saw, after it gave whatever it gives.
   * `undefined` when it cannot have given that, or cannot run at all in this state.
   */
  step(state: Json, command: Json, result: Json | undefined): Json | undefined
  /** True when `command`, having given `result`, has changed nothing, whatever the state was. */
  onlyReads(command: Json, result: Json): boolean
}

type Fields = { readonly [name: string]: Json | undefined }

/** The fields of an object; of anything else, none. */
function fieldsOf(json: Json): Fields {
  return json !== null && typeof json === 'object' && !Array.isArray(json) ? (json as Fields) : {}
}

function same(a: Json | undefined, b: Json | undefined): boolean {
  return canonicalJson(a ?? null) === canonicalJson(b ?? null)
}

/** `state`, if `expected` is what was seen, or nothing was. */
function seen(expected: Fields, result: Json | undefined, state: Json): Json | undefined {
  return result === undefined || same(result, expected as Json) ? state : undefined
}

type Token = { readonly instance: number; readonly index: number }
/** `'unseen'` is the token of a lock that nobody was told of. */
type LockState = { readonly holder: Token | 'unseen' | null; readonly last: Token | null }

function grows(last: Token | null, token: Token): boolean {
  if (last === null) return true
  return token.instance > last.instance || (token.instance === last.instance && token.index > last.index)
}

/** Locks by name. `lock` runs only when nobody holds it and gives a token above all before; `unlock` says whether it freed. */
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

/** Registers by key, `null` at first: `read`, `write` and `compareAndSet`. */
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

/** Counters by key, 0 at first: `add` gives what the counter is after it, `count` what it is. */
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

/** Registers and counters side by side, as the register service has them; a key may name one of each. */
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
