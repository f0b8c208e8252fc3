/** A small key-value store: a second service, which shows that the protocol does not depend on the lock service. */
import type { Json } from '../../machines/batch.ts'
import { textOf, utf8 } from '../core/bytes.ts'
import { canonicalJson } from '../core/digest.ts'
import { type Fields, fieldsOf, nameIn, shown, valueIn } from './fields.ts'
import { type Service, viewRows } from './service.ts'
import { drop, emptyMap, entriesOf, get, mapOf, put, type SortedMap, sizeOf } from './sorted-map.ts'

/** `null` means that the key has no value; it cannot be stored. */
export type KvCommand =
  | { readonly action: 'get'; readonly key: string }
  | { readonly action: 'put'; readonly key: string; readonly value: Json }
  | { readonly action: 'delete'; readonly key: string }
  /** Puts `value` when the present value equals `expected`. The order of an object's fields does not matter. */
  | { readonly action: 'compareAndSet'; readonly key: string; readonly expected: Json; readonly value: Json }
  /** Removes the value and returns it; waits until there is one. */
  | { readonly action: 'take'; readonly key: string }

/** `value` is the value before the command; `set` says whether `compareAndSet` changed it. */
export type KvResult = { readonly value: Json } | { readonly value: Json; readonly set: boolean }

export type KvState = SortedMap<Json>

const maxKeyLength = 256

/** A `take` of a key without a value waits for that key. */
export const kvService: Service<KvState, KvCommand, KvResult> = {
  name: 'kv',
  initial: () => emptyMap,
  parse(body) {
    const fields = fieldsOf(body, 'a command of the key-value store')
    const key = nameIn(fields, 'key', maxKeyLength)
    const { action } = fields
    switch (action) {
      case 'get':
      case 'delete':
      case 'take':
        return { action, key }
      case 'put':
        return { action, key, value: valueIn(fields, 'value') }
      case 'compareAndSet':
        return { action, key, expected: expectedIn(fields), value: valueIn(fields, 'value') }
      default:
        throw new Error(
          `action is ${shown(action)}: it must be "get", "put", "delete", "compareAndSet" or "take"`,
        )
    }
  },
  execute(state, command) {
    const { key } = command
    const value = get(state, key) ?? null
    switch (command.action) {
      case 'get':
        return { kind: 'executed', state, result: { value } }
      case 'put':
        return {
          kind: 'executed',
          state: put(state, key, command.value),
          result: { value },
          freed: [key],
        }
      case 'delete':
        return { kind: 'executed', state: drop(state, key), result: { value } }
      case 'compareAndSet': {
        if (canonicalJson(value) !== canonicalJson(command.expected)) {
          return { kind: 'executed', state, result: { value, set: false } }
        }
        return {
          kind: 'executed',
          state: put(state, key, command.value),
          result: { value, set: true },
          freed: [key],
        }
      }
      case 'take':
        if (value === null) return { kind: 'delayed', state, key }
        return { kind: 'executed', state: drop(state, key), result: { value } }
    }
    command satisfies never
  },
  snapshot: (state) => utf8(canonicalJson(entriesOf(state))),
  restore: (bytes) => mapOf(JSON.parse(textOf(bytes))),
  view(state) {
    const rows = entriesOf(state, viewRows)
    const columns = ['key', 'value']
    return { tables: [{ name: 'values', columns, rows, more: sizeOf(state) - rows.length, keyColumn: 0 }] }
  },
}

function expectedIn({ expected }: Fields): Json {
  if (expected === undefined) throw new Error('expected is missing: name the value, or null for none')
  return expected
}
