/** A look at messages, batches and what is stored, in records that come from elsewhere: all that is made into words. */
import type { BeginningMessage, Challenge, Message } from '../../../machines/messages.ts'
import { eachOf, type FieldTypes, fieldFault, fieldOf, firstFault, isKey, shown } from './shape.ts'

/** What a server says before it takes part, and of addresses, no record tells of. */
type ToldType = Exclude<Message, BeginningMessage | Challenge>['type']

const messageFields: Readonly<Record<ToldType, FieldTypes>> = {
  prepare: { ballot: 'object' },
  promise: { ballot: 'object', accepted: 'array' },
  accept: { ballot: 'object', batch: 'object' },
  accepted: { ballot: 'object', instance: 'number' },
  denial: { ballot: 'object' },
  learn: { from: 'number' },
  chosen: { batches: 'array' },
  request: {},
  queued: { uid: 'string', seq: 'number' },
  busy: { uid: 'string', seq: 'number' },
  response: { uid: 'string', seq: 'number', outcome: 'object' },
  hello: {},
  welcome: {},
  inquire: {},
  report: {},
}

const ballotFields: FieldTypes = { round: 'number', node: 'number' }
const acceptedFields: FieldTypes = { instance: 'number', ballot: 'object', batch: 'object' }
const batchFields: FieldTypes = { requests: 'array', elapsedMs: 'number' }
const requestFields: FieldTypes = { uid: 'string', seq: 'number', command: 'object' }
const executionFields: FieldTypes = { instance: 'number', outcomes: 'array' }
const endingFields: FieldTypes = { uid: 'string', seq: 'number', outcome: 'object' }
const durableFields: FieldTypes = { accepted: 'array', firstUnchosen: 'number' }

/** What is wrong with a message; `null` when it can be told in words. */
export function messageFault(message: unknown): string | null {
  const type = fieldOf(message, 'type')
  if (!isKey(messageFields, type)) return `no message is of the type ${shown(type)}`
  const fault = fieldFault(message, messageFields[type], type)
  if (fault !== null) return fault
  const [ballot, promised] = [fieldOf(message, 'ballot'), fieldOf(message, 'promised')]
  if (ballot !== undefined) {
    const fault = fieldFault(ballot, ballotFields, `${type}.ballot`)
    if (fault !== null) return fault
  }
  switch (type) {
    case 'promise':
      return firstFault(fieldOf(message, 'accepted'), acceptedFault)
    case 'accept':
      return batchFault(fieldOf(message, 'batch'))
    case 'denial':
      return promised === null ? null : fieldFault(promised, ballotFields, 'denial.promised')
    case 'chosen':
      return firstFault(fieldOf(message, 'batches'), batchFault)
    case 'request':
      return requestFault(message)
    case 'response':
      return fieldFault(fieldOf(message, 'outcome'), { kind: 'string' }, 'response.outcome')
    default:
      return null
  }
}

/** What is wrong with a batch and its requests. */
export function batchFault(batch: unknown): string | null {
  return fieldFault(batch, batchFields, 'batch') ?? firstFault(fieldOf(batch, 'requests'), requestFault)
}

/** What is wrong with a request. */
export function requestFault(request: unknown): string | null {
  const command = fieldOf(request, 'command')
  return (
    fieldFault(request, requestFields, 'request') ??
    fieldFault(command, { kind: 'string' }, 'command') ??
    (fieldOf(command, 'kind') === 'members'
      ? fieldFault(fieldOf(command, 'change'), { action: 'string' }, 'command.change')
      : null)
  )
}

/** What is wrong with what came of a batch. */
export function executionFault(execution: unknown): string | null {
  const { members = null } = (execution ?? {}) as { readonly members?: unknown }
  return (
    fieldFault(execution, executionFields, 'execution') ??
    firstFault(
      fieldOf(execution, 'outcomes'),
      (one) =>
        fieldFault(one, endingFields, 'outcomes') ??
        fieldFault(fieldOf(one, 'outcome'), { kind: 'string' }, 'outcome'),
    ) ??
    (members === null ? null : membersFault(members, 'execution.members'))
  )
}

/** What is wrong with a list of members. */
export function membersFault(members: unknown, where: string): string | null {
  return eachOf(members, (member) => fieldFault(member, { id: 'number', address: 'string' }, where), where)
}

/** What is wrong with what is stored. */
export function durableFault(durable: unknown): string | null {
  const promised = fieldOf(durable, 'promised')
  return (
    fieldFault(durable, durableFields, 'durable') ??
    (promised === null ? null : fieldFault(promised, ballotFields, 'durable.promised')) ??
    firstFault(fieldOf(durable, 'accepted'), acceptedFault)
  )
}

/** What is wrong with what is accepted in an instance. */
export function acceptedFault(record: unknown): string | null {
  return (
    fieldFault(record, acceptedFields, 'accepted') ??
    fieldFault(fieldOf(record, 'ballot'), ballotFields, 'accepted.ballot') ??
    batchFault(fieldOf(record, 'batch'))
  )
}
