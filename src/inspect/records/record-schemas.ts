/**
 * The shapes of the records. The hub compiles those of servers' records. The page interprets them, because its content security
 * policy forbids code from text.
 */
import { type TSchema, Type } from '@sinclair/typebox'
import { roleNames } from '../../core/roles.ts'
import { clientMessages } from '../../messages/client-messages.ts'
import { dictionary } from '../../messages/dictionary.ts'
import { nodeMessages } from '../../messages/node-messages.ts'
import {
  acceptedRecord,
  address,
  ballot,
  batch,
  closed,
  integer,
  member,
  name,
  namedRequest,
  outcome,
  snapshot,
} from '../../messages/part-schemas.ts'
import { serverMessages } from '../../messages/server-messages.ts'
import type { InspectorRecord, ServerRecord } from './record.ts'

/** Free text from a server. */
export const text = Type.String({ maxLength: 4_000 })
const clock = Type.Integer({ minimum: 0, maximum: 2 ** 52 })
const timeMs = Type.Number({ minimum: 0, maximum: 2 ** 52 })
export const count = Type.Integer({ minimum: 0, maximum: 2 ** 52 })
const stamp = { clock, timeMs }
const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])
const party = Type.Union([integer, Type.String({ maxLength: 400 })])

const nodeSchemas = Object.values(nodeMessages).map(({ schema }) => schema)
const nodeMessage = Type.Union(nodeSchemas)
const clientMessage = Type.Union(Object.values(clientMessages).map(({ schema }) => schema))
const serverMessage = Type.Union(Object.values(serverMessages).map(({ schema }) => schema))
const anyMessage = Type.Union([nodeMessage, clientMessage, serverMessage])

const roleName = Type.Union(roleNames.map((role) => Type.Literal(role)))
const changedRole = Type.String({ pattern: `^(${roleNames.join('|')})$` })
const durable = closed({
  promised: nullable(ballot),
  accepted: Type.Array(acceptedRecord),
  firstUnchosen: integer,
  snapshot: nullable(closed({ instance: integer, lengthBytes: count, digest: name })),
  floor: integer,
})

/** How requests ended, or were delayed. */
const requestOutcomes = Type.Array(
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
)

const execution = closed({
  instance: integer,
  outcomes: requestOutcomes,
  fired: Type.Array(closed({ name: Type.String(), failed: nullable(Type.String()) })),
  endedSessions: Type.Array(Type.String()),
  freed: Type.Array(Type.String()),
  progressed: Type.Boolean(),
  deadlineMs: nullable(integer),
  concerned: Type.Array(integer),
  members: nullable(Type.Array(member)),
})

/** The shapes in which the checks of the hub and of the page differ. */
export interface RecordOptions {
  /** The shape of a context or of a service's view. */
  readonly shown: TSchema
  /** The shape of a client's address; in a schedule, its name. */
  readonly client: TSchema
}

/** The shapes of the records of a server, by `kind`. */
export function serverRecordSchemas({ shown, client }: RecordOptions) {
  const machine = closed({ state: Type.String({ maxLength: 200 }), context: shown })
  const roleStates = closed({
    ...{ acceptor: machine, proposer: machine, learner: machine, requestQueue: machine },
    timekeeper: machine,
    auditor: machine,
    reader: machine,
  })
  const fact = Type.Union([
    closed({ type: Type.Literal('requested'), request: closed(namedRequest) }),
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
    closed({ type: Type.Literal('stored'), node: integer, snapshot }),
    closed({ type: Type.Literal('installed'), node: integer, snapshot, members: Type.Array(member) }),
    closed({ type: Type.Literal('recalled'), node: integer, ended: requestOutcomes }),
    closed({
      type: Type.Literal('responded'),
      node: integer,
      to: client,
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
    closed({
      type: Type.Literal('request'),
      message: Type.Union([clientMessages.request.schema, clientMessages.read.schema]),
      replyTo: client,
    }),
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

  return {
    step: closed({
      kind: Type.Literal('step'),
      ...stamp,
      cause,
      moves: Type.Array(closed({ role: roleName, event: text, edges: Type.Array(text), state: text })),
      facts: Type.Array(fact),
      writes: count,
      // Not a partial object: that would accept a role that is `undefined`.
      roles: Type.Record(changedRole, machine, { additionalProperties: false }),
    }),
    keyframe: closed({
      kind: Type.Literal('keyframe'),
      ...stamp,
      address,
      pid: nullable(count),
      members: Type.Array(member),
      durable,
      firstUnexecuted: integer,
      roles: roleStates,
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
      replica: closed({ clockMs: count, deadlineMs: nullable(count), tables: Type.Array(table) }),
    }),
    ended: closed({ kind: Type.Literal('ended'), ...stamp, reason: nullable(text) }),
  } as const satisfies Record<ServerRecord['kind'], TSchema>
}

/** More rules than a reader makes by hand, and few enough to keep a server fast. */
const maxRules = 200

/** The longest delay of a message, in milliseconds. */
export const maxDelayMs = 60_000

const maxCount = 1_000_000

const ruleParty = Type.Union([integer, Type.Literal('client'), Type.Literal('any')])

/** The rules for messages. */
export const rules = Type.Array(
  closed({
    from: ruleParty,
    to: ruleParty,
    message: oneOf(['any', ...Object.keys(dictionary)]),
    action: oneOf(['drop', 'delay', 'duplicate']),
    delayMs: Type.Integer({ minimum: 0, maximum: maxDelayMs }),
    count: nullable(Type.Integer({ minimum: 1, maximum: maxCount })),
  }),
  { maxItems: maxRules },
)

/** One of these texts. */
export function oneOf(values: readonly string[]) {
  return Type.Union(values.map((value) => Type.Literal(value)))
}

/** The fields of a held request in a context that the page shows. Some contexts hold more fields. */
export const contextRequest = Type.Object({
  uid: namedRequest.uid,
  seq: namedRequest.seq,
  command: namedRequest.command,
})

/** A request of a batch in a context. */
export const batchRequest = Type.Object({ seq: namedRequest.seq, command: namedRequest.command })

/** An accepted batch in a context. */
export const contextAccepted = Type.Object({ instance: integer, ballot, batch })

const milestone = Type.Object({
  timeMs: Type.Number(),
  what: Type.String(),
  node: nullable(integer),
  text: nullable(Type.String()),
  members: Type.Optional(Type.Array(Type.Object({ id: integer, address: Type.String() }))),
})

const standing = Type.Object({
  invariant: integer,
  standing: oneOf(['holds', 'broken', 'unjudged']),
  text: Type.String(),
  since: Type.Optional(Type.Object({ instance: integer, timeMs: Type.Number() })),
})

/** The shapes of the records that do not come from a server, by `kind`. */
export const otherRecordSchemas = {
  cluster: Type.Object({
    cluster: Type.String(),
    service: Type.String(),
    founders: Type.Array(member),
    allowsFaults: Type.Boolean(),
    rules: Type.Optional(rules),
  }),
  gap: Type.Object({ node: integer, incarnation: Type.String(), run: Type.String(), count }),
  process: Type.Object({
    node: integer,
    timeMs: Type.Number(),
    state: oneOf(['up', 'gone', 'paused', 'resumed', 'silent']),
    reason: nullable(Type.String()),
  }),
  links: Type.Object({
    timeMs: Type.Number(),
    cut: Type.Array(Type.Object({ from: party, to: party })),
  }),
  repeats: Type.Object({ timeMs: Type.Number(), sinceMs: Type.Number(), count }),
  milestones: Type.Object({ milestones: Type.Array(milestone) }),
  client: Type.Object({
    client: Type.String(),
    uid: Type.String(),
    timeMs: Type.Number(),
    heard: nullable(Type.Object({ from: integer, message: serverMessage })),
    event: Type.String(),
    moves: Type.Array(
      Type.Object({ event: Type.String(), edges: Type.Array(Type.String()), state: Type.String() }),
    ),
    said: Type.Array(Type.Object({ to: party, message: clientMessage })),
    machine: Type.Object({ state: Type.String(), context: Type.Unknown() }),
  }),
  verdict: Type.Object({
    timeMs: Type.Number(),
    invariants: Type.Array(standing),
    failure: Type.Optional(Type.String()),
  }),
} as const satisfies Record<Exclude<InspectorRecord['kind'], 'server'>, TSchema>

/** A server that the hub refused. */
export const refusal = Type.Object({
  key: Type.String(),
  cluster: Type.String(),
  service: Type.String(),
  node: integer,
  address: Type.String(),
  reason: Type.String(),
  count,
  timeMs: Type.Number(),
})

/** The fields around a server's record. */
export const serverRun = Type.Object({ node: integer, incarnation: Type.String(), run: Type.String() })
