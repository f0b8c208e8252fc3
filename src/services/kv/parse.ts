/** Reads a command of the key-value store from JSON. */
import type { Json } from '../../../machines/batch.ts'
import { jsonFault } from '../../core/json.ts'
import { jsonBytes } from '../../core/json-bytes.ts'
import { countIn, type Fields, fieldsOf, nameIn, shown, valueIn } from '../fields.ts'
import type { KvAction, KvCommand, KvLife, KvTarget } from './commands.ts'
import { kvLimits } from './limits.ts'

const readers: { readonly [Action in KvAction]: (fields: Fields) => Extract<KvCommand, { action: Action }> } =
  {
    get: (fields) => ({ action: 'get', key: keyIn(fields) }),
    put: (fields) => ({ action: 'put', key: keyIn(fields), value: storedIn(fields), ...lifeIn(fields) }),
    delete: (fields) => ({ action: 'delete', key: keyIn(fields), ...optional(fields, 'version', countIn) }),
    compareAndSet: (fields) => ({
      action: 'compareAndSet',
      key: keyIn(fields),
      version: countIn(fields, 'version'),
      value: storedIn(fields),
      ...lifeIn(fields),
    }),
    list: (fields) => ({
      action: 'list',
      prefix: textIn(fields, 'prefix'),
      ...optional(fields, 'limit', limitIn),
      ...optional(fields, 'after', textIn),
    }),
    take: (fields) => ({ action: 'take', key: keyIn(fields) }),
    watch: (fields) => ({ action: 'watch', ...targetIn(fields), ...optional(fields, 'after', countIn) }),
  }

const actions = Object.keys(readers) as readonly KvAction[]

/** Throws an Error that names the problem and the received value when `body` is no command. */
export function parseKvCommand(body: Json): KvCommand {
  const fields = fieldsOf(body, 'a command of the key-value store')
  const action = actions.find((known) => known === fields.action)
  if (action !== undefined) return readers[action](fields)
  const names = actions.map((known) => `"${known}"`).join(', ')
  throw new Error(`action is ${shown(fields.action)}: it must be one of ${names}`)
}

function keyIn(fields: Fields): string {
  return nameIn(fields, 'key', kvLimits.keyLength)
}

/** A text that may be empty. */
function textIn(fields: Fields, field: string): string {
  const value = fields[field]
  if (typeof value === 'string' && value.length <= kvLimits.keyLength) return value
  throw new Error(
    `${field} is ${shown(value)}: it must be a string of at most ${kvLimits.keyLength} characters`,
  )
}

function storedIn(fields: Fields): Json {
  const value = valueIn(fields, 'value')
  const { valueBytes, valueDepth } = kvLimits
  const fault = jsonFault(value, valueDepth)
  if (fault !== null) throw new Error(`value cannot be stored: ${fault}`)
  const bytes = jsonBytes(value)
  if (bytes <= valueBytes) return value
  throw new Error(`value takes ${bytes} bytes of JSON: at most ${valueBytes} are allowed`)
}

function lifeIn(fields: Fields): KvLife {
  const { session } = fields
  if (session !== undefined && typeof session !== 'boolean') {
    throw new Error(`session is ${shown(session)}: it must be true or false`)
  }
  return { ...optional(fields, 'ttlMs', ttlIn), ...(session === true && { session }) }
}

function ttlIn(fields: Fields, field: string): number {
  return wholeIn(fields, field, kvLimits.ttlMs)
}

function limitIn(fields: Fields, field: string): number {
  return wholeIn(fields, field, kvLimits.listEntries)
}

/** A whole number from 1 to `most`. */
function wholeIn(fields: Fields, field: string, most: number): number {
  const value = fields[field]
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= most) return value
  throw new Error(`${field} is ${shown(value)}: it must be a whole number from 1 to ${most}`)
}

function targetIn(fields: Fields): KvTarget {
  const { key, prefix } = fields
  if ((key === undefined) === (prefix === undefined)) {
    throw new Error(`a watch has key ${shown(key)} and prefix ${shown(prefix)}: give one of them`)
  }
  return key === undefined ? { prefix: textIn(fields, 'prefix') } : { key: keyIn(fields) }
}

/** The field, read by `read`, when it is there. */
function optional<Field extends string, T>(
  fields: Fields,
  field: Field,
  read: (fields: Fields, field: string) => T,
): { readonly [name in Field]?: T } {
  return fields[field] === undefined
    ? {}
    : ({ [field]: read(fields, field) } as { readonly [name in Field]: T })
}
