/**
 * A look at records that come from elsewhere: a hub, or a file. It is light, since the page does it too, at every record; what
 * it lets pass breaks no picture. What servers say to a hub is checked in every part by src/inspect/record-check.ts.
 */
import type { InspectorRecord, ServerRecord } from './record.ts'

type FieldTypes = Readonly<Record<string, 'string' | 'number' | 'boolean' | 'object' | 'array'>>

const recordFields: Readonly<Record<InspectorRecord['kind'], FieldTypes>> = {
  cluster: { cluster: 'string', service: 'string', founders: 'array', allowsFaults: 'boolean' },
  server: { node: 'number', incarnation: 'string', run: 'string', record: 'object' },
  gap: { node: 'number', count: 'number' },
  process: { node: 'number', timeMs: 'number', state: 'string' },
  client: { client: 'string', seq: 'number', moves: 'array', said: 'array', stand: 'object' },
  links: { timeMs: 'number', cut: 'array' },
  verdict: { timeMs: 'number', invariants: 'array' },
}

const serverFields: Readonly<Record<ServerRecord['kind'], FieldTypes>> = {
  step: { cause: 'object', moves: 'array', facts: 'array', roles: 'object', writes: 'number' },
  survey: {
    address: 'string',
    members: 'array',
    durable: 'object',
    firstUnexecuted: 'number',
    roles: 'object',
  },
  fate: { message: 'object', fate: 'string', reason: 'string' },
  service: { firstUnexecuted: 'number', view: 'object' },
  ended: {},
}

const factFields: Readonly<Record<string, FieldTypes>> = {
  requested: { request: 'object' },
  started: { durable: 'object', members: 'array' },
  crashed: {},
  said: { to: 'number', message: 'object' },
  synced: { durable: 'object' },
  executed: { instance: 'number', batch: 'object', execution: 'object' },
  responded: { message: 'object' },
}

const standFields: FieldTypes = { state: 'string' }
const moveFields: FieldTypes = { event: 'string', edges: 'array', state: 'string' }
const memberFields: FieldTypes = { id: 'number', address: 'string' }
const ruleFields: FieldTypes = { message: 'string', action: 'string', delayMs: 'number' }
const durableFields: FieldTypes = { accepted: 'array', firstUnchosen: 'number' }
const acceptedFields: FieldTypes = { instance: 'number', ballot: 'object', batch: 'object' }
const batchFields: FieldTypes = { requests: 'array', timeMs: 'number' }
const standingFields: FieldTypes = { invariant: 'number', standing: 'string', text: 'string' }

/** What is wrong with `value`, in a few words; `null` when it is a record that can be shown. */
export function recordFault(value: unknown): string | null {
  const kind = fieldOf(value, 'kind')
  if (!isKey(recordFields, kind)) return `no record is of the kind ${shown(kind)}`
  const fault = fieldFault(value, recordFields[kind], kind)
  if (fault !== null) return fault
  switch (kind) {
    case 'cluster':
      return (
        eachFault(fieldOf(value, 'founders'), memberFields, 'cluster.founders') ??
        eachFault(fieldOf(value, 'rules') ?? [], ruleFields, 'cluster.rules')
      )
    case 'server':
      return serverFault(fieldOf(value, 'record'))
    case 'client':
      return (
        eachFault(fieldOf(value, 'moves'), moveFields, 'client.moves') ??
        fieldFault(fieldOf(value, 'stand'), standFields, 'client.stand')
      )
    case 'links':
      return firstFault(fieldOf(value, 'cut'), cutFault)
    case 'verdict': {
      const failure = fieldOf(value, 'failure')
      if (failure !== undefined && typeof failure !== 'string') return 'verdict.failure is no string'
      return eachFault(fieldOf(value, 'invariants'), standingFields, 'verdict.invariants')
    }
    case 'gap':
    case 'process':
      return null
  }
  return kind satisfies never
}

function cutFault(link: unknown): string | null {
  const isParty = (party: unknown) => typeof party === 'number' || typeof party === 'string'
  return isParty(fieldOf(link, 'from')) && isParty(fieldOf(link, 'to')) ? null : 'links.cut: an end is nobody'
}

/** The field of what may be an object. */
export function fieldOf(value: unknown, field: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[field] : undefined
}

function serverFault(record: unknown): string | null {
  const kind = fieldOf(record, 'kind')
  if (!isKey(serverFields, kind)) return `server: no record is of the kind ${shown(kind)}`
  const fault = fieldFault(record, { clock: 'number', timeMs: 'number', ...serverFields[kind] }, kind)
  if (fault !== null) return fault
  switch (kind) {
    case 'step':
      return (
        eachFault(fieldOf(record, 'moves'), moveFields, 'step.moves') ??
        standsFault(fieldOf(record, 'roles')) ??
        firstFault(fieldOf(record, 'facts'), factFault)
      )
    case 'survey':
      return (
        eachFault(fieldOf(record, 'members'), memberFields, 'survey.members') ??
        durableFault(fieldOf(record, 'durable')) ??
        standsFault(fieldOf(record, 'roles'))
      )
    case 'service': {
      const tables = fieldOf(fieldOf(record, 'view'), 'tables')
      const tableFields: FieldTypes = { name: 'string', columns: 'array', rows: 'array' }
      return tables === undefined ? null : eachFault(tables, tableFields, 'service.view.tables')
    }
    case 'fate':
    case 'ended':
      return null
  }
  return kind satisfies never
}

function factFault(fact: unknown): string | null {
  const type = fieldOf(fact, 'type')
  if (!isKey(factFields, type)) return `no fact is of the type ${shown(type)}`
  const fault = fieldFault(fact, factFields[type] ?? {}, type)
  if (fault !== null) return fault
  const durable = fieldOf(fact, 'durable')
  if (durable !== undefined) return durableFault(durable)
  const batch = fieldOf(fact, 'batch')
  if (batch !== undefined) {
    return (
      fieldFault(batch, batchFields, `${type}.batch`) ??
      fieldFault(fieldOf(fact, 'execution'), { instance: 'number', outcomes: 'array' }, `${type}.execution`)
    )
  }
  const message = fieldOf(fact, 'message')
  return message === undefined ? null : fieldFault(message, { type: 'string' }, `${type}.message`)
}

function durableFault(durable: unknown): string | null {
  return (
    fieldFault(durable, durableFields, 'durable') ??
    firstFault(
      fieldOf(durable, 'accepted'),
      (record) =>
        fieldFault(record, acceptedFields, 'accepted') ??
        fieldFault(fieldOf(record, 'batch'), batchFields, 'accepted.batch'),
    )
  )
}

function standsFault(stands: unknown): string | null {
  return eachFault(Object.values(stands as object), standFields, 'roles')
}

function eachFault(values: unknown, fields: FieldTypes, where: string): string | null {
  if (!Array.isArray(values)) return `${where} is to be of the type array`
  return firstFault(values, (value) => fieldFault(value, fields, where))
}

function firstFault(values: unknown, faultOf: (value: unknown) => string | null): string | null {
  for (const value of values as readonly unknown[]) {
    const fault = faultOf(value)
    if (fault !== null) return fault
  }
  return null
}

function fieldFault(value: unknown, fields: FieldTypes, where: string): string | null {
  for (const field in fields) {
    const type = fields[field]
    if (typeName(fieldOf(value, field)) !== type) return `${where}: ${field} is to be of the type ${type}`
  }
  return null
}

function isKey<T extends object>(fields: T, key: unknown): key is keyof T & string {
  return typeof key === 'string' && Object.hasOwn(fields, key)
}

function typeName(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'array' : typeof value
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? 'undefined').slice(0, 80)
}
