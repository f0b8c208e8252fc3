/**
 * The compiled shapes of the messages from servers. All other input is dropped and counted: it must not break the hub, the
 * judgement of the invariants or a page.
 */
import { type Static, type TSchema, Type } from '@sinclair/typebox'
import { type TypeCheck, TypeCompiler } from '@sinclair/typebox/compiler'
import { address, closed, integer, json, member, name, replyAddress } from '../../messages/part-schemas.ts'
import { fieldOf } from '../records/field-of.ts'
import { protocolVersion, type ServerHello, type ServerToHub } from '../records/protocol.ts'
import type { ServerRecord } from '../records/record.ts'
import { count, serverRecordSchemas, text } from '../records/record-schemas.ts'

/** How deeply arrays and objects may be nested in a context or in the view of a service. */
const shownDepth = 24

const recordSchemas = serverRecordSchemas({ shown: json(shownDepth), client: replyAddress })

const recordChecks = new Map<unknown, TypeCheck<TSchema>>(
  Object.entries(recordSchemas).map(([kind, schema]) => [kind, TypeCompiler.Compile<TSchema>(schema)]),
)

const helloCheck = TypeCompiler.Compile(
  closed({
    type: Type.Literal('server.hello'),
    version: Type.Literal(protocolVersion),
    node: integer,
    incarnation: name,
    run: name,
    cluster: name,
    service: name,
    founders: Type.Array(member),
    address,
    allowsFaults: Type.Boolean(),
  }),
)

const batchCheck = TypeCompiler.Compile(
  closed({ type: Type.Literal('server.records'), leftOut: count, records: Type.Array(Type.Unknown()) }),
)

const resultCheck = TypeCompiler.Compile(
  closed({
    type: Type.Literal('server.result'),
    id: count,
    result: Type.Union([
      closed({ ok: Type.Literal(true), text }),
      closed({ ok: Type.Literal(false), error: text }),
    ]),
  }),
)

/** True when `value` is the first message of a server. */
export function isServerHello(value: unknown): value is ServerHello {
  return helloCheck.Check(value)
}

/** True when `value` is the result of a command. */
export function isServerResult(value: unknown): value is Extract<ServerToHub, { type: 'server.result' }> {
  return resultCheck.Check(value)
}

/** True when `value` is a batch of records. The records are not checked. */
export function isRecordBatch(value: unknown): value is { leftOut: number; records: unknown[] } {
  return batchCheck.Check(value)
}

/** True when `value` is a valid record of server `node`, and concerns no other server. */
export function isServerRecord(value: unknown, node: number): value is ServerRecord {
  if (!(recordChecks.get(fieldOf(value, 'kind'))?.Check(value) ?? false)) return false
  const record = value as Static<(typeof recordSchemas)[keyof typeof recordSchemas]>
  return record.kind !== 'step' || record.facts.every((one) => !('node' in one) || one.node === node)
}
