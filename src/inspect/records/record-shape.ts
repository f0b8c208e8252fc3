/**
 * A look at records that come from elsewhere: a hub, or a file. It is light, since the page does it too, at every record; what
 * it lets pass breaks no picture. What servers say to a hub is checked in every part by src/inspect/hub/record-check.ts.
 */
import type { RoleName } from '../../../machines/inbox.ts'
import { roleNames } from '../../core/roles.ts'
import {
  batchFault,
  durableFault,
  executionFault,
  membersFault,
  messageFault,
  requestFault,
} from './message-shape.ts'
import type { Cause, InspectorRecord, ServerRecord } from './record.ts'
import { eachFault, eachOf, type FieldTypes, fieldFault, fieldOf, firstFault, isKey, shown } from './shape.ts'

const recordFields: Readonly<Record<InspectorRecord['kind'], FieldTypes>> = {
  cluster: { cluster: 'string', service: 'string', founders: 'array', allowsFaults: 'boolean' },
  server: { node: 'number', incarnation: 'string', run: 'string', record: 'object' },
  gap: { node: 'number', count: 'number' },
  process: { node: 'number', timeMs: 'number', state: 'string' },
  client: {
    client: 'string',
    seq: 'number',
    event: 'string',
    moves: 'array',
    said: 'array',
    stand: 'object',
  },
  links: { timeMs: 'number', cut: 'array' },
  repeats: { timeMs: 'number', sinceMs: 'number', count: 'number' },
  milestones: { milestones: 'array' },
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
  heads: {
    isPromisedSynced: 'boolean',
    firstUnchosen: 'number',
    firstUnexecuted: 'number',
    leftOut: 'number',
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

const allRoles: Readonly<Record<RoleName, 'object'>> = {
  acceptor: 'object',
  proposer: 'object',
  learner: 'object',
  requestQueue: 'object',
}
const ballotFields: FieldTypes = { round: 'number', node: 'number' }
const standFields: FieldTypes = { state: 'string' }
const moveFields: FieldTypes = { event: 'string', edges: 'array', state: 'string' }
const ruleFields: FieldTypes = { message: 'string', action: 'string', delayMs: 'number' }
const causeFields: Readonly<Record<Cause['type'], FieldTypes>> = {
  start: {},
  hear: { sender: 'number', message: 'object' },
  request: { message: 'object', replyTo: 'string' },
  timer: { role: 'string', id: 'string' },
  synced: {},
  tell: { role: 'string', event: 'string' },
}
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
        membersFault(fieldOf(value, 'founders'), 'cluster.founders') ??
        eachFault(fieldOf(value, 'rules') ?? [], ruleFields, 'cluster.rules')
      )
    case 'server':
      return serverFault(fieldOf(value, 'record'))
    case 'client':
      return (
        firstFault(fieldOf(value, 'moves'), moveFault) ??
        firstFault(fieldOf(value, 'said'), (said) => messageFault(fieldOf(said, 'message'))) ??
        heardFault(fieldOf(value, 'heard')) ??
        fieldFault(fieldOf(value, 'stand'), standFields, 'client.stand')
      )
    case 'links':
      return firstFault(fieldOf(value, 'cut'), cutFault)
    case 'verdict': {
      const failure = fieldOf(value, 'failure')
      if (failure !== undefined && typeof failure !== 'string') return 'verdict.failure is no string'
      return (
        eachFault(fieldOf(value, 'invariants'), standingFields, 'verdict.invariants') ??
        firstFault(fieldOf(value, 'invariants'), sinceFault)
      )
    }
    case 'process':
      return typeof (fieldOf(value, 'reason') ?? '') === 'string' ? null : 'process: reason is to be a text'
    case 'milestones':
      return firstFault(fieldOf(value, 'milestones'), milestoneFault)
    case 'gap':
    case 'repeats':
      return null
  }
  return kind satisfies never
}

function sinceFault(standing: unknown): string | null {
  const since = fieldOf(standing, 'since')
  return since === undefined
    ? null
    : fieldFault(since, { instance: 'number', timeMs: 'number' }, 'verdict.invariants.since')
}

function milestoneFault(milestone: unknown): string | null {
  const fault = fieldFault(milestone, { timeMs: 'number', what: 'string' }, 'milestones')
  if (fault !== null) return fault
  const [node, text] = [fieldOf(milestone, 'node'), fieldOf(milestone, 'text')]
  const isSound = (node === null || typeof node === 'number') && (text === null || typeof text === 'string')
  if (!isSound) return 'milestones: node is to be a number, and text a text'
  const members = fieldOf(milestone, 'members')
  return members === undefined ? null : membersFault(members, 'milestones.members')
}

function cutFault(link: unknown): string | null {
  const isParty = (party: unknown) => typeof party === 'number' || typeof party === 'string'
  return isParty(fieldOf(link, 'from')) && isParty(fieldOf(link, 'to')) ? null : 'links.cut: an end is nobody'
}

function serverFault(record: unknown): string | null {
  const kind = fieldOf(record, 'kind')
  if (!isKey(serverFields, kind)) return `server: no record is of the kind ${shown(kind)}`
  const fault = fieldFault(record, { clock: 'number', timeMs: 'number', ...serverFields[kind] }, kind)
  if (fault !== null) return fault
  switch (kind) {
    case 'step':
      return (
        causeFault(fieldOf(record, 'cause')) ??
        firstFault(fieldOf(record, 'moves'), moveFault) ??
        firstFault(fieldOf(record, 'moves'), (move) => roleFault(fieldOf(move, 'role'))) ??
        standsFault(fieldOf(record, 'roles')) ??
        firstFault(fieldOf(record, 'facts'), factFault)
      )
    case 'survey':
      return (
        membersFault(fieldOf(record, 'members'), 'survey.members') ??
        durableFault(fieldOf(record, 'durable')) ??
        fieldFault(fieldOf(record, 'roles'), allRoles, 'survey.roles') ??
        standsFault(fieldOf(record, 'roles'))
      )
    case 'service': {
      const tables = fieldOf(fieldOf(record, 'view'), 'tables')
      const tableFields: FieldTypes = { name: 'string', columns: 'array', rows: 'array' }
      return tables === undefined
        ? null
        : (eachFault(tables, tableFields, 'service.view.tables') ??
            firstFault(tables, (table) => textsFault(fieldOf(table, 'columns'), 'columns')) ??
            firstFault(tables, (table) => eachOf(fieldOf(table, 'rows'), rowFault, 'rows')))
    }
    case 'heads': {
      const promised = fieldOf(record, 'promised')
      return promised === null ? null : fieldFault(promised, ballotFields, 'heads.promised')
    }
    case 'fate':
      return messageFault(fieldOf(record, 'message'))
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
  if (type === 'executed')
    return batchFault(fieldOf(fact, 'batch')) ?? executionFault(fieldOf(fact, 'execution'))
  if (type === 'requested') return requestFault(fieldOf(fact, 'request'))
  const message = fieldOf(fact, 'message')
  return message === undefined ? null : messageFault(message)
}

function causeFault(cause: unknown): string | null {
  const type = fieldOf(cause, 'type')
  if (!isKey(causeFields, type)) return `no cause is of the type ${shown(type)}`
  const fault = fieldFault(cause, causeFields[type], `cause.${type}`)
  if (fault !== null) return fault
  const [message, role] = [fieldOf(cause, 'message'), fieldOf(cause, 'role')]
  return (
    (message === undefined ? null : messageFault(message)) ?? (role === undefined ? null : roleFault(role))
  )
}

function moveFault(move: unknown): string | null {
  return fieldFault(move, moveFields, 'moves') ?? textsFault(fieldOf(move, 'edges'), 'moves.edges')
}

function textsFault(texts: unknown, where: string): string | null {
  return eachOf(texts, (text) => (typeof text === 'string' ? null : `${where} are to be texts`), where)
}

function rowFault(row: unknown): string | null {
  return Array.isArray(row) ? null : 'a row is to be of the type array'
}

function heardFault(heard: unknown): string | null {
  return heard === null ? null : messageFault(fieldOf(heard, 'message'))
}

function standsFault(stands: unknown): string | null {
  return eachFault(Object.values(stands as object), standFields, 'roles')
}

function roleFault(role: unknown): string | null {
  return roleNames.some((name) => name === role) ? null : `no role is called ${shown(role)}`
}
