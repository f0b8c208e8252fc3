/** Registers and counters: a service for tests of histories. Its results reveal much about the order of execution. */
import type { Json } from '../../machines/batch.ts'
import { canonicalJson } from '../core/digest.ts'
import { fieldsOf, nameIn, shown } from '../services/fields.ts'
import type { Executed, Service } from '../services/service.ts'
import { emptyMap, entriesOf, get, mapOf, put, type SortedMap } from '../services/sorted-map.ts'

export type RegisterCommand =
  | { readonly action: 'read'; readonly key: string }
  | { readonly action: 'write'; readonly key: string; readonly value: Json }
  /** Writes `value` if the register holds `expected`. A register that was never written holds `null`. */
  | { readonly action: 'compareAndSet'; readonly key: string; readonly expected: Json; readonly value: Json }
  /** Adds to a counter, which is independent of the register with the same key. */
  | { readonly action: 'add'; readonly key: string; readonly amount: number }
  | { readonly action: 'count'; readonly key: string }

/** Reads the register `key`. */
export function readCommand(key: string): RegisterCommand {
  return { action: 'read', key }
}

/** The results of `read`, `write`, `compareAndSet`, and of `add` and `count`: the counter after the command. */
export type RegisterResult =
  | { readonly value: Json }
  | { readonly written: true }
  | { readonly set: boolean }
  | { readonly count: number }

export interface RegisterState {
  readonly registers: SortedMap<Json>
  readonly counters: SortedMap<number>
}

const maxKeyLength = 256

export const registerService: Service<RegisterState, RegisterCommand, RegisterResult> = {
  name: 'register',
  initial: () => ({ registers: emptyMap, counters: emptyMap }),
  parse(body) {
    const fields = fieldsOf(body, 'a command of the register service')
    const key = nameIn(fields, 'key', maxKeyLength)
    const { action, value, expected, amount } = fields
    switch (action) {
      case 'read':
        return readCommand(key)
      case 'count':
        return { action, key }
      case 'write':
        return { action, key, value: given(value, 'value') }
      case 'compareAndSet':
        return { action, key, expected: given(expected, 'expected'), value: given(value, 'value') }
      case 'add':
        if (Number.isSafeInteger(amount)) return { action, key, amount: amount as number }
        throw new Error(`amount is ${shown(amount)}: it must be a whole number`)
      default:
        throw new Error(
          `action is ${shown(action)}: it must be "read", "write", "compareAndSet", "add" or "count"`,
        )
    }
  },
  execute(state, command) {
    const { registers, counters } = state
    const { key } = command
    const executed = (
      result: RegisterResult,
      changed: Partial<RegisterState> = {},
    ): Executed<RegisterState, RegisterResult> => ({
      kind: 'executed',
      state: { ...state, ...changed },
      result,
    })
    const value = get(registers, key) ?? null
    const count = get(counters, key) ?? 0
    switch (command.action) {
      case 'read':
        return executed({ value })
      case 'write':
        return executed({ written: true }, { registers: put(registers, key, command.value) })
      case 'compareAndSet': {
        const set = canonicalJson(value) === canonicalJson(command.expected)
        return executed({ set }, set ? { registers: put(registers, key, command.value) } : {})
      }
      case 'add': {
        const sum = count + command.amount
        return executed({ count: sum }, { counters: put(counters, key, sum) })
      }
      case 'count':
        return executed({ count })
    }
    command satisfies never
  },
  read({ registers, counters }, { action, key }) {
    switch (action) {
      case 'read':
        return { value: get(registers, key) ?? null }
      case 'count':
        return { count: get(counters, key) ?? 0 }
      default:
        throw new Error(`${action} is no read: send it as a request`)
    }
  },
  snapshot: ({ registers, counters }) => [[entriesOf(registers), entriesOf(counters)]],
  restore(rows) {
    const [[registers, counters] = [[], []]] = rows as Iterable<unknown> as [
      [[string, Json][], [string, number][]],
    ]
    return { registers: mapOf(registers), counters: mapOf(counters) }
  },
}

function given(value: Json | undefined, field: string): Json {
  if (value === undefined) throw new Error(`${field} is missing: give a value, or null for none`)
  return value
}
