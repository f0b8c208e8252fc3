/** The schemas of the parts of messages, for the dictionary and all other data that contains such parts. */
import { FormatRegistry, Kind, type TObject, type TProperties, Type, TypeRegistry } from '@sinclair/typebox'
import type { Json } from '../../machines/batch.ts'
import { chunkBytes } from '../../machines/fetching.ts'
import { maxElapsedMs, quotaRange, replicatedLimits, sessionTtlMs } from '../../machines/limits.ts'
import { isWellFormed, jsonFault } from '../core/json.ts'
import { publicIdPattern } from '../core/names.ts'
import { plainTextMark } from '../core/plain-text-client.ts'
import { isReachable, maxAddressLength } from '../network/address.ts'
import {
  cookieLength,
  maxBodyDepth,
  maxFounders,
  maxNameLength,
  maxNonceLength,
  maxResultDepth,
} from './limits.ts'

/** The `Kind` of a schema of `json`. */
export const jsonKind = 'PlainJson'
/** The format of text without half of a surrogate pair. */
export const textFormat = 'well-formed text'
const addressFormat = 'HOST:PORT'
const plainAddressFormat = `${plainTextMark}HOST:PORT`

interface JsonOptions {
  readonly maxDepth: number
}

TypeRegistry.Set<JsonOptions>(jsonKind, ({ maxDepth }, value) => jsonFault(value, maxDepth) === null)
FormatRegistry.Set(textFormat, isWellFormed)
// A server sends to the addresses in messages, so an address that cannot receive datagrams must not become the address of a
// member.
FormatRegistry.Set(addressFormat, isReachable)
FormatRegistry.Set(plainAddressFormat, (text) => {
  return text.startsWith(plainTextMark) && isReachable(text.slice(plainTextMark.length))
})

/** An object with these properties, and no others. */
export function closed<P extends TProperties>(properties: P): TObject<P> {
  return Type.Object(properties, { additionalProperties: false })
}

/** JSON whose arrays and objects are nested at most `maxDepth` deep. */
export function json(maxDepth: number) {
  return Type.Unsafe<Json>({ [Kind]: jsonKind, maxDepth })
}

/** Far below 2^53, so that increments stay exact. */
export const integer = Type.Integer({ minimum: 0, maximum: 2 ** 52 })
const elapsedMs = Type.Integer({ minimum: 0, maximum: maxElapsedMs })
const text = Type.String({ format: textFormat })
export const name = Type.String({ format: textFormat, minLength: 1, maxLength: maxNameLength })
export const nonce = Type.Optional(
  Type.String({ format: textFormat, minLength: 1, maxLength: maxNonceLength }),
)
export const address = Type.String({ format: addressFormat, maxLength: maxAddressLength })
/** The address at which a server answers a client, with a mark for plain text. */
export const replyAddress = Type.Union([
  address,
  Type.String({ format: plainAddressFormat, maxLength: plainTextMark.length + maxAddressLength }),
])
export const commandBody = json(maxBodyDepth)
export const result = json(maxResultDepth)

/** The form of an address cookie. Only its giver can check whether it is valid. */
export const cookie = Type.String({ pattern: `^[A-Za-z0-9_-]{${cookieLength}}$` })

/** A running digest: 53 bits in base 36 (src/core/audit.ts). */
export const runningDigest = Type.String({ pattern: '^[0-9a-z]{1,11}$' })

export const digestAfter = closed({ instance: integer, digest: runningDigest })

export const ballot = closed({ round: integer, node: integer })

const voted = closed({ ballot: Type.Union([ballot, Type.Null()]), below: integer })

/** A boot of a directory, as another server knows it. */
export const heardBoot = closed({
  boot: closed({
    count: integer,
    random: name,
    after: Type.String({ format: textFormat, maxLength: maxNameLength }),
    voted,
  }),
  voted,
})

export const snapshot = closed({
  instance: integer,
  lengthBytes: integer,
  digest: Type.String({ pattern: '^[0-9a-f]{64}$' }),
})

/** Bytes of a snapshot in base64. */
export const chunkOfSnapshot = Type.String({
  pattern: '^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$',
  minLength: 4,
  maxLength: Math.ceil(chunkBytes / 3) * 4,
})

const membershipChange = Type.Union([
  closed({ action: Type.Literal('add'), id: integer, address, incarnation: Type.Optional(name) }),
  closed({ action: Type.Literal('admit'), id: integer, address, incarnation: name }),
  closed({ action: Type.Literal('remove'), id: integer }),
  closed({
    action: Type.Literal('move'),
    servers: Type.Array(closed({ id: integer, address }), {
      minItems: 1,
      maxItems: replicatedLimits.members,
    }),
  }),
])

/** The public id of a session. */
const publicId = Type.String({ pattern: publicIdPattern })

const command = Type.Union([
  closed({ kind: Type.Literal('service'), body: commandBody }),
  closed({ kind: Type.Literal('members'), change: membershipChange }),
  closed({
    kind: Type.Literal('quota'),
    bytes: Type.Integer({ minimum: quotaRange.least, maximum: quotaRange.most }),
  }),
  closed({
    kind: Type.Literal('upgrade'),
    version: Type.Integer({ minimum: 1, maximum: 2 ** 52 }),
    supportedBy: Type.Array(integer, { maxItems: replicatedLimits.members }),
  }),
  closed({ kind: Type.Literal('cancel'), seq: integer }),
  closed({
    kind: Type.Literal('open'),
    ttlMs: Type.Integer({ minimum: sessionTtlMs.least, maximum: sessionTtlMs.most }),
  }),
  closed({ kind: Type.Literal('touch') }),
  closed({
    kind: Type.Literal('end'),
    session: Type.Optional(publicId),
    now: Type.Optional(Type.Boolean()),
  }),
  closed({ kind: Type.Literal('sessions'), after: Type.Optional(publicId) }),
])

/** The fields of the requests of a session, in a message or in a batch. */
export const requestGroup = {
  uid: name,
  ackedBelow: integer,
  requests: Type.Array(closed({ seq: integer, command }), { minItems: 1 }),
}
/** The fields of a request with its name. */
export const namedRequest = { uid: name, seq: integer, ackedBelow: integer, command }
const batchGroup = closed({ ...requestGroup, heldBy: integer })
export const batch = closed({ node: integer, elapsedMs, groups: Type.Array(batchGroup) })
export const acceptedRecord = closed({ instance: integer, ballot, batch })
export const member = closed({
  id: integer,
  address,
  incarnation: Type.Union([name, Type.Null()]),
  joining: Type.Optional(name),
})
/** The fields of a founder's plan. */
export const foundingPlan = {
  members: Type.Array(closed({ id: integer, address }), { minItems: 1, maxItems: maxFounders }),
  cluster: Type.Union([name, Type.Null()]),
  service: name,
}
/** The position of a request in the sequence. */
const position = { instance: integer, index: integer }

export const outcome = Type.Union([
  closed({ kind: Type.Literal('executed'), result, ...position }),
  closed({ kind: Type.Literal('failed'), error: text, ...position }),
  closed({
    kind: Type.Literal('overQuota'),
    sizeBytes: integer,
    growthBytes: integer,
    quotaBytes: integer,
    ...position,
  }),
  closed({ kind: Type.Literal('cancelled'), ...position }),
  closed({
    kind: Type.Literal('refused'),
    reason: Type.Union([
      Type.Literal('expired'),
      Type.Literal('stale'),
      Type.Literal('conflict'),
      Type.Literal('forgotten'),
      Type.Literal('disputed'),
      Type.Literal('repeated'),
    ]),
  }),
])

const readOutcome = Type.Union([
  closed({ kind: Type.Literal('read'), result, instance: integer }),
  closed({ kind: Type.Literal('unreadable'), error: text, instance: integer }),
])
/** The answer to a request or to a read. */
export const answer = Type.Union([
  closed({ seq: integer, outcome }),
  closed({ seq: integer, outcome: readOutcome }),
])
