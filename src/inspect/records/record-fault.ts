/**
 * Checks records that come from outside: from a hub or from a file. A record that passes cannot break a picture. The page checks
 * every record, by the shapes that the hub uses too (record-schemas.ts).
 */
import { type TSchema, Type } from '@sinclair/typebox'
import { Errors } from '@sinclair/typebox/errors'
import { Check } from '@sinclair/typebox/value'
import type { AcceptedRecord, NamedRequest, Request } from '../../../machines/batch.ts'
import { fieldOf } from './field-of.ts'
import type { Refusal } from './protocol.ts'
import {
  batchRequest,
  contextAccepted,
  contextRequest,
  otherRecordSchemas,
  refusal,
  serverRecordSchemas,
  serverRun,
} from './record-schemas.ts'

const serverRecords: Readonly<Record<string, TSchema>> = serverRecordSchemas({
  shown: Type.Unknown(),
  client: Type.String(),
})
const otherRecords: Readonly<Record<string, TSchema>> = otherRecordSchemas

/** Says in a few words why `value` is not a record that the page can show; `null` when it is one. */
export function recordFault(value: unknown): string | null {
  const kind = fieldOf(value, 'kind')
  if (kind !== 'server') return faultByKind(otherRecords, kind, value, 'record')
  return faultIn(serverRun, value, kind) ?? serverRecordFault(fieldOf(value, 'record'))
}

function serverRecordFault(record: unknown): string | null {
  return faultByKind(serverRecords, fieldOf(record, 'kind'), record, 'record of a server')
}

function faultByKind(
  schemas: Readonly<Record<string, TSchema>>,
  kind: unknown,
  value: unknown,
  what: string,
): string | null {
  const schema = typeof kind === 'string' && Object.hasOwn(schemas, kind) ? schemas[kind] : undefined
  return schema === undefined
    ? `no ${what} is of the kind ${(JSON.stringify(kind) ?? 'undefined').slice(0, 80)}`
    : faultIn(schema, value, String(kind))
}

function faultIn(schema: TSchema, value: unknown, where: string): string | null {
  if (Check(schema, value)) return null
  const error = Errors(schema, value).First()
  return `${where}${error?.path ?? ''}: ${error?.message ?? 'it has another shape'}`
}

/** True when `value` is a server that the hub refused. */
export function isRefusal(value: unknown): value is Refusal {
  return Check(refusal, value)
}

/** True when `value` is a request in a context. A context comes from outside and may hold anything. */
export function isRequest(value: unknown): value is Pick<NamedRequest, 'uid' | 'seq' | 'command'> {
  return Check(contextRequest, value)
}

/** True when `value` is a request of a batch in a context. */
export function isBatchRequest(value: unknown): value is Request {
  return Check(batchRequest, value)
}

/** True when `value` is what an acceptor accepted in an instance, in a context. */
export function isAcceptedRecord(value: unknown): value is AcceptedRecord {
  return Check(contextAccepted, value)
}
