/**
 * The shape of everything that a datagram may carry, checked before anything of it reaches a machine: an exception in a
 * guard ends an actor. Nothing is allowed that is not named, save in the body of a command, a result and a status.
 */
import {
  FormatRegistry,
  Kind,
  type Static,
  type TObject,
  type TProperties,
  Type,
  TypeRegistry,
} from '@sinclair/typebox'
import { type TypeCheck, TypeCompiler } from '@sinclair/typebox/compiler'
import type { Json } from '../../machines/batch.ts'
import { maxElapsedMs } from '../../machines/limits.ts'
import type { Message } from '../../machines/messages.ts'
import { isWellFormed, jsonFault } from '../core/json.ts'
import { isReachable, maxAddressLength } from '../network/address.ts'
import {
  cookieLength,
  maxBodyDepth,
  maxFounders,
  maxNameLength,
  maxNonceLength,
  maxResultDepth,
} from './limits.ts'
import { plainTextMark } from './seed-text.ts'

const jsonKind = 'PlainJson'
const textFormat = 'well-formed text'
const addressFormat = 'HOST:PORT'
const plainAddressFormat = `${plainTextMark}HOST:PORT`

interface JsonOptions {
  readonly maxDepth: number
}

TypeRegistry.Set<JsonOptions>(jsonKind, ({ maxDepth }, value) => jsonFault(value, maxDepth) === null)
FormatRegistry.Set(textFormat, isWellFormed)
// A server sends to the addresses that messages name: one that cannot be sent to must not become a member's.
FormatRegistry.Set(addressFormat, isReachable)
FormatRegistry.Set(plainAddressFormat, (text) => {
  return text.startsWith(plainTextMark) && isReachable(text.slice(plainTextMark.length))
})

function closed<P extends TProperties>(properties: P): TObject<P> {
  return Type.Object(properties, { additionalProperties: false })
}

function json(maxDepth: number) {
  return Type.Unsafe<Json>({ [Kind]: jsonKind, maxDepth })
}

/** Far below 2^53, so that adding one to it is exact for ever. */
const integer = Type.Integer({ minimum: 0, maximum: 2 ** 52 })
const elapsedMs = Type.Integer({ minimum: 0, maximum: maxElapsedMs })
const text = Type.String({ format: textFormat })
const name = Type.String({ format: textFormat, minLength: 1, maxLength: maxNameLength })
const nonce = Type.Optional(Type.String({ format: textFormat, minLength: 1, maxLength: maxNonceLength }))
const address = Type.String({ format: addressFormat, maxLength: maxAddressLength })
/** Where a server answers a client, and in which words. */
const replyAddress = Type.Union([
  address,
  Type.String({ format: plainAddressFormat, maxLength: plainTextMark.length + maxAddressLength }),
])
const body = json(maxBodyDepth)
const result = json(maxResultDepth)

/** What an address cookie looks like; whether it is one, only its giver can tell. */
const cookie = Type.String({ pattern: `^[A-Za-z0-9_-]{${cookieLength}}$` })

const ballot = closed({ round: integer, node: integer })

const membershipChange = Type.Union([
  closed({ action: Type.Literal('add'), id: integer, address, incarnation: Type.Optional(name) }),
  closed({ action: Type.Literal('admit'), id: integer, address, incarnation: name }),
  closed({ action: Type.Literal('remove'), id: integer }),
])

const command = Type.Union([
  closed({ kind: Type.Literal('service'), body }),
  closed({ kind: Type.Literal('members'), change: membershipChange }),
  closed({ kind: Type.Literal('cancel'), seq: integer }),
])

const request = { uid: name, seq: integer, ackedBelow: integer, command }
const batch = closed({ node: integer, elapsedMs, requests: Type.Array(closed(request)) })
const acceptedRecord = closed({ instance: integer, ballot, batch })
const member = closed({
  id: integer,
  address,
  incarnation: Type.Union([name, Type.Null()]),
  joining: Type.Optional(name),
})
const foundingPlan = {
  members: Type.Array(closed({ id: integer, address }), { minItems: 1, maxItems: maxFounders }),
  cluster: Type.Union([name, Type.Null()]),
}
const position = { instance: integer, index: integer }

const outcome = Type.Union([
  closed({ kind: Type.Literal('executed'), result, ...position }),
  closed({ kind: Type.Literal('failed'), error: text, ...position }),
  closed({ kind: Type.Literal('cancelled'), ...position }),
  closed({
    kind: Type.Literal('refused'),
    reason: Type.Union([
      Type.Literal('expired'),
      Type.Literal('stale'),
      Type.Literal('conflict'),
      Type.Literal('forgotten'),
      Type.Literal('repeated'),
    ]),
  }),
])

/** What messages are made of, for whoever reads the same elsewhere. */
export const wireParts = {
  integer,
  name,
  address,
  replyAddress,
  ballot,
  batch,
  acceptedRecord,
  member,
  outcome,
  closed,
  json,
} as const

/** By `type`. */
export const messageSchemas = {
  prepare: closed({ type: Type.Literal('prepare'), ballot, from: integer }),
  promise: closed({
    type: Type.Literal('promise'),
    ballot,
    from: integer,
    accepted: Type.Array(acceptedRecord),
    firstUnchosen: integer,
  }),
  accept: closed({ type: Type.Literal('accept'), ballot, instance: integer, batch }),
  accepted: closed({ type: Type.Literal('accepted'), ballot, instance: integer }),
  denial: closed({
    type: Type.Literal('denial'),
    ballot,
    instance: integer,
    promised: Type.Union([ballot, Type.Null()]),
    firstUnchosen: integer,
  }),
  learn: closed({ type: Type.Literal('learn'), from: integer }),
  chosen: closed({
    type: Type.Literal('chosen'),
    from: integer,
    batches: Type.Array(batch),
    firstUnchosen: integer,
    unsettled: Type.Boolean(),
  }),
  request: closed({ type: Type.Literal('request'), ...request }),
  hello: closed({ type: Type.Literal('hello'), nonce }),
  inquire: closed({ type: Type.Literal('inquire'), nonce }),
  response: closed({ type: Type.Literal('response'), uid: name, seq: integer, outcome }),
  queued: closed({ type: Type.Literal('queued'), uid: name, seq: integer }),
  busy: closed({
    type: Type.Literal('busy'),
    uid: name,
    seq: integer,
    reason: Type.Union([Type.Literal('busy'), Type.Literal('notMember'), Type.Literal('stopping')]),
  }),
  welcome: closed({
    type: Type.Literal('welcome'),
    cluster: name,
    node: integer,
    instance: integer,
    members: Type.Array(closed({ id: integer, address, counted: Type.Boolean() })),
    commandBytes: integer,
    nonce,
  }),
  join: closed({ type: Type.Literal('join') }),
  invitation: closed({
    type: Type.Literal('invitation'),
    to: name,
    incarnation: name,
    founders: Type.Array(member),
  }),
  notInvited: closed({
    type: Type.Literal('notInvited'),
    to: name,
    missing: Type.Union([Type.Literal('member'), Type.Literal('incarnation')]),
  }),
  found: closed({ type: Type.Literal('found'), ...foundingPlan, incarnation: name }),
  founder: closed({
    type: Type.Literal('founder'),
    to: name,
    incarnation: name,
    founders: Type.Union([
      Type.Array(closed({ id: integer, incarnation: name }), { maxItems: maxFounders }),
      Type.Null(),
    ]),
    isFounded: Type.Boolean(),
  }),
  notFounder: closed({
    type: Type.Literal('notFounder'),
    to: name,
    ...foundingPlan,
    isFounded: Type.Boolean(),
  }),
  report: closed({ type: Type.Literal('report'), status: result, nonce }),
  challenge: closed({ type: Type.Literal('challenge'), cookie, withheld: integer, nonce }),
} satisfies Record<Message['type'], TObject>

/**
 * What stands around messages. `v` is the version of the wire, `c` the cluster, `s` the sender, `t` its clock, `k` the address
 * cookie that it echoes ('' when it has none yet), `m` the messages; between servers `i`, the incarnation of the sender, and `r`,
 * that of the receiver as the sender knows it.
 */
const envelopeSchema = closed({
  v: integer,
  c: Type.String({ format: textFormat, maxLength: maxNameLength }),
  s: Type.Union([integer, Type.Null()]),
  i: Type.Optional(name),
  r: Type.Optional(Type.Union([name, Type.Null()])),
  t: Type.Optional(integer),
  k: Type.Optional(Type.Union([Type.Literal(''), cookie])),
  m: Type.Array(Type.Unknown(), { minItems: 1 }),
})

export type Envelope = Static<typeof envelopeSchema>

const envelopeCheck = TypeCompiler.Compile(envelopeSchema)
const messageChecks = new Map<unknown, TypeCheck<TObject>>(
  Object.entries(messageSchemas).map(([type, schema]) => [type, TypeCompiler.Compile<TObject>(schema)]),
)

/** True when `value` is an envelope; its messages are not looked at. */
export function isEnvelope(value: unknown): value is Envelope {
  return envelopeCheck.Check(value)
}

/** True when `value` is a message in every part. */
export function isMessage(value: unknown): value is Message {
  return messageChecks.get(typeOf(value))?.Check(value) ?? false
}

/** The `type` of what may be a message. */
export function typeOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null && 'type' in value ? value.type : undefined
}

/** What is wrong with `value`, for which `isEnvelope` is false. */
export function describeEnvelopeFault(value: unknown): string {
  return describeFault(envelopeCheck as TypeCheck<TObject>, value, 'envelope')
}

/** What is wrong with `value`, for which `isMessage` is false. */
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
