/** A small key-value store: a second service, which shows that the protocol does not depend on the lock service. */
import type { Json } from '../../machines/batch.ts'
import { textOf, utf8 } from '../core/bytes.ts'
import { canonicalJson } from '../core/digest.ts'
import { type Fields, fieldsOf, nameIn, shown, valueIn } from './fields.ts'
import {
  compareAndSetCommand,
  deleteCommand,
  getCommand,
  type KvCommand,
  putCommand,
  takeCommand,
} from './kv-commands.ts'
import { type Service, viewRows } from './service.ts'
import { drop, emptyMap, entriesOf, get, mapOf, put, type SortedMap, sizeOf } from './sorted-map.ts'

export type { KvCommand } from './kv-commands.ts'

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
        return getCommand(key)
      case 'delete':
        return deleteCommand(key)
      case 'take':
        return takeCommand(key)
      case 'put':
        return putCommand(key, valueIn(fields, 'value'))
      case 'compareAndSet':
        return compareAndSetCommand(key, expectedIn(fields), valueIn(fields, 'value'))
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
