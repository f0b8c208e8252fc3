/** The schema of a datagram. It is checked before any part reaches a machine, because an exception in a guard ends the actor. */
import { Kind, type Static, type TObject, type TSchema, Type } from '@sinclair/typebox'
import { type TypeCheck, TypeCompiler } from '@sinclair/typebox/compiler'
import type { Batch } from '../../machines/batch.ts'
import type { Message } from '../../machines/messages.ts'
import { jsonFault } from '../core/json.ts'
import { dictionary } from '../messages/dictionary.ts'
import { maxNameLength } from '../messages/limits.ts'
import {
  ballot,
  batch,
  closed,
  cookie,
  integer,
  jsonKind,
  name,
  textFormat,
} from '../messages/part-schemas.ts'

/** The version of the wire. A decoder refuses every other version by name. */
export const wireVersion = 4

/**
 * The envelope of messages. `v` is the version of the wire, `c` the cluster, `s` the sender, `t` its clock, `k` the address
 * cookie that it echoes ('' when it has none yet), and `m` the messages. Between servers, `i` is the incarnation of the sender,
 * `b` is its boot (count, random part, random part of the boot before, and how far it had voted: ballot and instance), and `r` is the
 * incarnation of the receiver as the sender knows it.
 */
const envelopeSchema = closed({
  v: integer,
  c: Type.String({ format: textFormat, maxLength: maxNameLength }),
  s: Type.Union([integer, Type.Null()]),
  i: Type.Optional(name),
  b: Type.Optional(
    Type.Tuple([
      integer,
      name,
      Type.String({ format: textFormat, maxLength: maxNameLength }),
      Type.Union([ballot, Type.Null()]),
      integer,
    ]),
  ),
  r: Type.Optional(Type.Union([name, Type.Null()])),
  t: Type.Optional(integer),
  k: Type.Optional(Type.Union([Type.Literal(''), cookie])),
  m: Type.Array(Type.Unknown(), { minItems: 1 }),
})

export type Envelope = Static<typeof envelopeSchema>

declare const numbered: unique symbol
/** A message with a number in place of each batch: in a datagram, the batches follow the envelope. */
export type NumberedMessage = Message & { readonly [numbered]: true }

const envelopeCheck = TypeCompiler.Compile(envelopeSchema)
const batchCheck = TypeCompiler.Compile(batch)
const messageChecks = new Map<unknown, TypeCheck<TObject>>(
  Object.entries(dictionary).map(([type, { schema }]) => [
    type,
    TypeCompiler.Compile(withNumbers<TObject>(schema)),
  ]),
)

/** `schema` with a number in place of each batch. */
function withNumbers<Schema extends TSchema>(schema: Schema): Schema
function withNumbers(schema: TSchema): TSchema {
  if (schema === batch) return integer
  if (schema[Kind] === 'Array') return { ...schema, items: withNumbers(schema.items) }
  if (schema[Kind] !== 'Object') return schema
  const properties = Object.entries<TSchema>(schema.properties)
  return {
    ...schema,
    properties: Object.fromEntries(properties.map(([key, part]) => [key, withNumbers(part)])),
  }
}

/** True when `value` is an envelope. Does not check its messages. */
export function isEnvelope(value: unknown): value is Envelope {
  return envelopeCheck.Check(value)
}

/** True when every part of `value` fits the schema of a message, with a number in place of each batch. */
export function isMessage(value: unknown): value is NumberedMessage {
  return messageChecks.get(typeOf(value))?.Check(value) ?? false
}

/** True when every part of `value` fits the schema of a batch. */
export function isBatch(value: unknown): value is Batch {
  return batchCheck.Check(value)
}

/** The `type` of a value that may be a message. */
export function typeOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null && 'type' in value ? value.type : undefined
}

/** Describes why `isEnvelope` is false for `value`. */
export function describeEnvelopeFault(value: unknown): string {
  return describeFault(envelopeCheck as TypeCheck<TObject>, value, 'envelope')
}

/** Describes why `isBatch` is false for `value`. */
export function describeBatchFault(value: unknown): string {
  return describeFault(batchCheck as TypeCheck<TObject>, value, 'batch')
}

/** Describes why `isMessage` is false for `value`. */
export function describeMessageFault(value: unknown): string {
  const type = typeOf(value)
  const check = messageChecks.get(type)
  return check === undefined
    ? `no message is of the type ${typeof type === 'string' ? `'${type}'` : typeof type}`
    : describeFault(check, value, String(type))
}

function describeFault(check: TypeCheck<TObject>, value: unknown, subject: string): string {
  const fault = check.Errors(value).First()
  if (fault === undefined) return `${subject}: nothing is wrong`
  const { path, message, schema } = fault
  const why = schema[Kind] === jsonKind ? jsonFault(fault.value, schema.maxDepth) : message
  return `${subject}${path}: ${why}`
}
