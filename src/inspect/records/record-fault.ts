/**
 * A look at records that come from elsewhere: a hub, or a file. What it lets pass breaks no picture. The page does it at every record, by
 * the shapes that the hub uses too (record-schemas.ts).
 */
import { type TSchema, Type } from '@sinclair/typebox'
import { Errors } from '@sinclair/typebox/errors'
import { Check } from '@sinclair/typebox/value'
import type { AcceptedRecord, Request } from '../../../machines/batch.ts'
import { fieldOf } from './field-of.ts'
import type { Refusal } from './protocol.ts'
import {
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

/** What is wrong with `value`, in a few words; `null` when it is a record that can be shown. */
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

/** True of what the hub tells of a server that it refused. */
export function isRefusal(value: unknown): value is Refusal {
  return Check(refusal, value)
}

/** True of a request in a context: that comes from elsewhere, and may hold anything. */
export function isRequest(value: unknown): value is Pick<Request, 'uid' | 'seq' | 'command'> {
  return Check(contextRequest, value)
}

/** True of what is accepted in an instance, in a context. */
export function isAcceptedRecord(value: unknown): value is AcceptedRecord {
  return Check(contextAccepted, value)
}
