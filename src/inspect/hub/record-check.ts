/**
 * The shape of what servers tell the hub. Whatever else comes in is dropped and counted: it must break neither the hub, nor
 * the judgement of invariants, nor a page. Pages have a lighter look, src/inspect/records/record-shape.ts: they take records from
 * files too, and may not compile schemas, since their policy forbids to make code of text.
 */
import { type Static, type TSchema, Type } from '@sinclair/typebox'
import { type TypeCheck, TypeCompiler } from '@sinclair/typebox/compiler'
import { roleNames } from '../../core/roles.ts'
import { clientMessages } from '../../messages/client-messages.ts'
import { nodeMessages } from '../../messages/node-messages.ts'
import {
  acceptedRecord,
  address,
  ballot,
  batch,
  closed,
  integer,
  json,
  member,
  name,
  outcome,
  replyAddress,
  request,
} from '../../messages/part-schemas.ts'
import { serverMessages } from '../../messages/server-messages.ts'
import { protocolVersion, type ServerHello, type ServerToHub } from '../records/protocol.ts'
import type { ServerRecord } from '../records/record.ts'
import { fieldOf } from '../records/shape.ts'

/** Arrays and objects within each other in what is shown of a context or a service. */
const shownDepth = 24
const shown = json(shownDepth)
const text = Type.String({ maxLength: 4_000 })
const clock = Type.Integer({ minimum: 0, maximum: 2 ** 52 })
const timeMs = Type.Number({ minimum: 0, maximum: 2 ** 52 })
const count = Type.Integer({ minimum: 0, maximum: 2 ** 52 })
const stamp = { clock, timeMs }
const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])
const party = Type.Union([integer, Type.String({ maxLength: 400 })])

const nodeSchemas = Object.values(nodeMessages).map(({ schema }) => schema)
const nodeMessage = Type.Union(nodeSchemas)
const anyMessage = Type.Union([
  ...nodeSchemas,
  ...Object.values(clientMessages).map(({ schema }) => schema),
  ...Object.values(serverMessages).map(({ schema }) => schema),
])

const roleName = Type.Union(roleNames.map((role) => Type.Literal(role)))
const stand = closed({ state: Type.String({ maxLength: 200 }), context: shown })
const stands = closed({ acceptor: stand, proposer: stand, learner: stand, requestQueue: stand })
const durable = closed({
  promised: nullable(ballot),
  accepted: Type.Array(acceptedRecord),
  firstUnchosen: integer,
})

const execution = closed({
  instance: integer,
  outcomes: Type.Array(
    closed({
      uid: name,
      seq: integer,
      outcome: Type.Union([
        outcome,
        closed({ kind: Type.Literal('delayed'), key: nullable(Type.String()) }),
        closed({
          kind: Type.Literal('full'),
          of: Type.Union([Type.Literal('sessions'), Type.Literal('waiting')]),
        }),
      ]),
    }),
  ),
  freed: Type.Array(Type.String()),
  progressed: Type.Boolean(),
  concerned: Type.Array(integer),
  members: nullable(Type.Array(member)),
})

const fact = Type.Union([
  closed({ type: Type.Literal('requested'), request: closed(request) }),
  closed({
    type: Type.Literal('started'),
    node: integer,
    incarnation: name,
    durable,
    members: Type.Array(member),
  }),
  closed({ type: Type.Literal('crashed'), node: integer }),
  closed({ type: Type.Literal('said'), node: integer, to: integer, message: nodeMessage }),
  closed({ type: Type.Literal('synced'), node: integer, durable }),
  closed({
    type: Type.Literal('executed'),
    node: integer,
    instance: integer,
    batch,
    execution,
    digest: nullable(Type.String({ maxLength: 200 })),
  }),
  closed({
    type: Type.Literal('responded'),
    node: integer,
    to: replyAddress,
    message: Type.Union([
      serverMessages.response.schema,
      serverMessages.queued.schema,
      serverMessages.busy.schema,
    ]),
  }),
])

const cause = Type.Union([
  closed({ type: Type.Literal('start') }),
  closed({ type: Type.Literal('hear'), sender: integer, message: nodeMessage }),
  closed({ type: Type.Literal('request'), message: clientMessages.request.schema, replyTo: replyAddress }),
  closed({ type: Type.Literal('timer'), role: roleName, id: text }),
  closed({ type: Type.Literal('synced') }),
  closed({ type: Type.Literal('tell'), role: roleName, event: text }),
])

const table = closed({
  name: text,
  columns: Type.Array(text),
  rows: Type.Array(Type.Array(shown)),
  more: count,
  keyColumn: nullable(count),
})

/** By `kind`. */
const recordSchemas = {
  step: closed({
    kind: Type.Literal('step'),
    ...stamp,
    cause,
    moves: Type.Array(closed({ role: roleName, event: text, edges: Type.Array(text), state: text })),
    facts: Type.Array(fact),
    writes: count,
    roles: Type.Partial(stands),
  }),
  survey: closed({
    kind: Type.Literal('survey'),
    ...stamp,
    address,
    pid: nullable(count),
    members: Type.Array(member),
    durable,
    firstUnexecuted: integer,
    roles: stands,
  }),
  heads: closed({
    kind: Type.Literal('heads'),
    ...stamp,
    promised: nullable(ballot),
    isPromisedSynced: Type.Boolean(),
    firstUnchosen: integer,
    firstUnexecuted: integer,
    leftOut: count,
  }),
  fate: closed({
    kind: Type.Literal('fate'),
    ...stamp,
    from: party,
    to: party,
    message: anyMessage,
    fate: Type.Union([Type.Literal('dropped'), Type.Literal('delayed'), Type.Literal('duplicated')]),
    reason: text,
  }),
  service: closed({
    kind: Type.Literal('service'),
    ...stamp,
    firstUnexecuted: integer,
    view: Type.Union([closed({ tables: Type.Array(table) }), closed({ json: shown })]),
  }),
  ended: closed({ kind: Type.Literal('ended'), ...stamp, reason: nullable(text) }),
} satisfies Record<ServerRecord['kind'], TSchema>

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

/** True when `value` is the first thing that a server says. */
export function isServerHello(value: unknown): value is ServerHello {
  return helloCheck.Check(value)
}

/** True when `value` says what became of a command. */
export function isServerResult(value: unknown): value is Extract<ServerToHub, { type: 'server.result' }> {
  return resultCheck.Check(value)
}

/** True when `value` is a batch of records; they are not looked at. */
export function isRecordBatch(value: unknown): value is { leftOut: number; records: unknown[] } {
  return batchCheck.Check(value)
}

/** True when `value` is a record of the server `node` in every part, and tells of no other server. */
export function isServerRecord(value: unknown, node: number): value is ServerRecord {
  if (!(recordChecks.get(fieldOf(value, 'kind'))?.Check(value) ?? false)) return false
  const record = value as Static<(typeof recordSchemas)[keyof typeof recordSchemas]>
  return record.kind !== 'step' || record.facts.every((one) => !('node' in one) || one.node === node)
}
