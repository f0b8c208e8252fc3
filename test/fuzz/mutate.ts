/**
 * Makes datagrams that nobody honest sends. The sender of them knows all that goes over the wire but the incarnations of
 * servers, and the names that honest clients draw: so it can repeat any datagram, and say anything in the name of anybody,
 * but not vote. Of what is no vote (`prepare`, `learn`, `denial`, the messages about snapshots) it
 * changes the numbers and leaves the incarnations. A sender that knows incarnations as well can lie as a member, which docs/verification.md says is not covered;
 * and a sender that reaches the port can change the members, end any session and free any lock, which this therefore does not ask for.
 */
import type { Json, NodeId } from '../../machines/batch.ts'
import type { Random } from '../../src/simulator/random.ts'
import { batchMark } from '../../src/wire/batch-parts.ts'
import { splitIntoPieces } from '../../src/wire/pieces.ts'
import { type Fields, wireText } from '../support/wire-text.ts'
import type { Corpus } from './corpus.ts'

/** What a datagram was made by. */
export type Kind =
  | 'repeated'
  | 'insider'
  | 'fields'
  | 'bytes'
  | 'batches'
  | 'pieces'
  | 'many'
  | 'clocks'
  | 'weighty'
  | 'questions'
  | 'text'
  | 'random'

export interface Made {
  readonly kind: Kind
  /** The server that it is for, if it matters. */
  readonly server?: NodeId
  readonly datagrams: readonly Uint8Array[]
}

/** What the maker of datagrams may use beside what it saw. */
export interface Means {
  readonly corpus: Corpus
  readonly random: Random
  /** The cookie that the server of the datagram gave to its source; '' for none. */
  readonly cookie: string
  /** The server that it is for. */
  readonly to: NodeId
  /** The uids of sessions that were opened for it. */
  readonly sessions: readonly string[]
}

const weights: readonly (readonly [Kind, number])[] = [
  ['repeated', 20],
  ['insider', 2],
  ['fields', 43],
  ['bytes', 20],
  ['batches', 4],
  ['pieces', 1],
  ['many', 1],
  ['clocks', 1],
  ['weighty', 0.02],
  ['questions', 1],
  ['text', 4],
  ['random', 8],
]

const totalWeight = weights.reduce((sum, [, weight]) => sum + weight, 0)

export function make(means: Means): Made {
  let drawn = means.random.below(totalWeight * 100) / 100
  const [kind] = weights.find(([, weight]) => {
    drawn -= weight
    return drawn < 0
  }) ?? ['random']
  if (kind === 'repeated') return repeatedDatagram(means)
  if (kind === 'insider') return insidersQuestion(means)
  return { kind, datagrams: makers[kind](means) }
}

const makers: Readonly<
  Record<Exclude<Kind, 'repeated' | 'insider'>, (means: Means) => readonly Uint8Array[]>
> = {
  fields: (means) => [Buffer.from(changedText(means))],
  bytes: (means) => [changedBytes(Buffer.from(wireText(JSON.parse(envelopeText(means)))), means.random)],
  batches: (means) => [changedBatches(means)],
  pieces: (means) => pieces(means),
  many: (means) => [Buffer.from(manyMessages(means))],
  clocks: (means) => [Buffer.from(clocks(means))],
  weighty: (means) => weighty(means),
  questions: (means) => [Buffer.from(questions(means))],
  text: ({ random }) => [Buffer.from(plainText(random))],
  random: ({ random }) => [randomBytes(random, random.below(1_500))],
}

/** Mostly for the server that it was for: three servers that all have the same requests get in each other's way. */
function repeatedDatagram({ corpus, random }: Means): Made {
  if (corpus.datagrams.length === 0) return { kind: 'repeated', datagrams: [] }
  const { bytes, server } = random.pick(corpus.datagrams)
  return { kind: 'repeated', datagrams: [bytes], ...(random.chance(90) && { server }) }
}

/** What a member could ask or refuse, with a number that it would not say. The node of a ballot is the sender, or it is dropped. */
function insidersQuestion({ corpus, random }: Means): Made {
  if (corpus.questions.length === 0) return { kind: 'insider', datagrams: [] }
  const { text, server } = random.pick(corpus.questions)
  const envelope = JSON.parse(text) as Fields & { m: Fields[] }
  const [message] = envelope.m
  if (message === undefined) return { kind: 'insider', datagrams: [] }
  const { ballot, promised, snapshot } = message as {
    ballot?: Fields
    promised?: Fields | null
    snapshot?: Fields
  }
  const places: readonly (readonly [Fields, string])[] = [
    ...Object.keys(message).map((key) => [message, key] as const),
    ...(ballot === undefined ? [] : [[ballot, 'round'] as const]),
    ...(promised == null ? [] : [[promised, 'round'] as const]),
    ...Object.keys(snapshot ?? {}).map((key) => [snapshot ?? {}, key] as const),
  ]
  const [container, key] = random.pick(places.filter(([fields, key]) => typeof fields[key] === 'number'))
  container[key] = changedNumber(Number(container[key]), random)
  return { kind: 'insider', server, datagrams: [Buffer.from(JSON.stringify(envelope))] }
}

/** An envelope with one message of any type and its batches, as JSON, which could be a server's or a client's. */
function envelopeText({ corpus, random, cookie, to, sessions }: Means, types = corpus.types): string {
  const text = corpus.envelopeOf(random.pick(types), random.below(1_000_000))
  const fields = harmless(JSON.parse(text) as Fields)
  if (random.chance(50)) fields.k = cookie
  if (sessions.length > 0 && random.chance(70)) askIn(fields, random.pick(sessions))
  if (!corpus.sawNames && typeof fields.s === 'number') fields.s = random.pick([77, random.below(1_000_000)])
  else if (random.chance(20)) fields.s = random.pick([0, 1, 2, 3, 77, null, random.below(1_000_000)])
  // What says that it is of the server itself is dropped at once.
  if (fields.s === to && random.chance(90)) fields.s = (to + 1 + random.below(2)) % 3
  return corpus.scrubbed(JSON.stringify(fields))
}

function changedText(means: Means): string {
  const { corpus, random } = means
  const envelope = JSON.parse(envelopeText(means)) as Fields
  const changes = random.below(4)
  for (let times = 0; times < changes; times += 1) changeSomewhere(envelope, random)
  return corpus.scrubbed(wireText(harmless(envelope), textOf))
}

/** Has the requests of the envelope ask in the session `uid`. */
function askIn({ m }: Fields, uid: string): void {
  for (const message of Array.isArray(m) ? (m as (Fields | null)[]) : []) {
    if (message?.type === 'request') message.uid = uid
  }
}

/** Anybody can change the members, and end the session of another client: so nothing that does may go out whole. */
function harmless(envelope: Fields): Fields {
  const text = JSON.stringify(envelope)
  if (!/"kind":"(members|end)"/.test(text)) return envelope
  return JSON.parse(
    text.replaceAll('"kind":"members"', '"kind":"membership"').replaceAll(/"session":"[\d.]+"/g, noSession),
  ) as Fields
}

/** No session was opened there. */
const noSession = '"session":"4503599627370495.0"'

/** Undefined stands for a field that is taken out; -0 and the like stay what they are. */
function textOf(value: unknown): string | undefined {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'number' && !Number.isFinite(inner) ? 'NaN' : inner,
  )?.replaceAll('"1e999"', '1e999')
}

function changeSomewhere(root: Fields, random: Random): void {
  let container: Json[] | Fields = root
  for (;;) {
    const keys = Object.keys(container)
    if (keys.length === 0) return
    const key = random.pick(keys)
    const value: Json | undefined = (container as Fields)[key]
    const isDeep = typeof value === 'object' && value !== null && Object.keys(value).length > 0
    if (isDeep && random.chance(85)) {
      container = value as Json[] | Fields
      continue
    }
    change(container as Fields, key, random)
    return
  }
}

function change(container: Fields, key: string, random: Random): void {
  const value = container[key]
  const way = random.below(10)
  if (way === 0) delete container[key]
  else if (way === 1) container[`${key}x`] = value ?? null
  else if (way === 2) container[key] = nested(random.pick([2, 10, 40, 500]))
  else if (way === 3) container[key] = structuredClone(random.pick(oddValues))
  else if (typeof value === 'number') container[key] = changedNumber(value, random)
  else if (typeof value === 'string') container[key] = changedString(value, random)
  else if (typeof value === 'boolean') container[key] = !value
  else if (Array.isArray(value)) container[key] = repeated(value, random)
  else container[key] = structuredClone(random.pick(oddValues))
}

const oddValues: readonly Json[] = [
  null,
  true,
  '',
  0,
  -1,
  1.5,
  [],
  {},
  '1e999',
  '__proto__',
  'x'.repeat(5_000),
  { constructor: 1 },
]

function changedNumber(value: number, random: Random): Json {
  const steps = [1, 2, 15, 16, 17, 100, 2 ** 20, 2 ** 31, 2 ** 32, 2 ** 40, 2 ** 51]
  const step = random.pick(steps) * (random.chance(50) ? 1 : -1)
  return random.pick([
    value + step,
    value + step,
    value + step,
    0,
    2 ** 52,
    2 ** 52 - 1,
    2 ** 53,
    -value,
    value + 0.5,
    '1e999',
  ])
}

function changedString(value: string, random: Random): Json {
  return random.pick([
    '',
    `${value}x`,
    value.slice(1),
    '\ud800',
    '\0',
    value.repeat(50).slice(0, 3_000),
    random.below(1_000),
    'prepare',
    'accept',
    'chosen',
    'learn',
    'request',
  ])
}

function repeated(value: Json[], random: Random): Json[] {
  const times = random.pick([0, 2, 3, 50])
  return Array.from({ length: times }, () => value)
    .flat()
    .slice(0, 2_000)
}

function nested(depth: number): Json {
  let value: Json = 1
  for (let level = 0; level < depth; level += 1) value = [value]
  return value
}

function changedBytes(bytes: Buffer, random: Random): Uint8Array {
  const changed = Buffer.from(bytes)
  switch (random.below(4)) {
    case 0: {
      const flips = random.between(1, 8)
      for (let times = 0; times < flips && changed.length > 0; times += 1) {
        const at = random.below(changed.length)
        changed[at] = (changed[at] ?? 0) ^ (1 << random.below(8))
      }
      return changed
    }
    case 1:
      return changed.subarray(0, random.below(changed.length + 1))
    case 2:
      return Buffer.concat([changed, changed.subarray(0, random.below(changed.length + 1))])
    default: {
      const at = random.below(changed.length + 1)
      return Buffer.concat([changed.subarray(0, at), randomBytes(random, 20), changed.subarray(at)])
    }
  }
}

/** Batches behind an envelope that are missing, repeated, exchanged, cut, of other messages, or not named in it. */
function changedBatches(means: Means): Uint8Array {
  const { random } = means
  const some = () =>
    Buffer.from(wireText(JSON.parse(envelopeText(means, ['accept', 'promise', 'chosen']))))
      .toString('latin1')
      .split(String.fromCharCode(batchMark))
  const parts = some()
  const others = some().slice(1)
  const at = random.between(0, parts.length)
  const way = random.below(6)
  if (way === 0) parts.splice(at, 1)
  else if (way === 1) parts.splice(at, 0, ...parts.slice(1))
  else if (way === 2) parts.splice(at, 0, ...others)
  else if (way === 3) parts.splice(1, parts.length - 1, ...random.shuffled(parts.slice(1)))
  else if (way === 4) parts.splice(at, 0, random.pick(['', ' ', '{}', '0', '\n', '\xff', '['.repeat(3_000)]))
  else if (at < parts.length) {
    const changed = changedBytes(Buffer.from(parts[at] ?? '', 'latin1'), random)
    parts[at] = Buffer.from(changed).toString('latin1')
  }
  return Buffer.from(parts.join(String.fromCharCode(batchMark)), 'latin1')
}

/** Pieces of something long: some missing, repeated, of another message or in another order; or headers alone. */
function pieces(means: Means): readonly Uint8Array[] {
  const { random } = means
  const id = BigInt(random.below(2 ** 30))
  const length = random.pick([1, 100, 5_000, 60_000])
  const payload = random.chance(50)
    ? Buffer.from(manyMessages(means).padEnd(length))
    : randomBytes(random, length)
  const cut = splitIntoPieces(payload, random.pick([200, 1_200, 8_000]), id).slice(0, 30)
  const changed = cut.flatMap((piece) => {
    const way = random.below(12)
    if (way === 0) return []
    if (way === 1) return [piece, piece]
    if (way === 2) return [changedBytes(Buffer.from(piece), random)]
    return [piece]
  })
  return random.chance(50) ? changed : random.shuffled(changed)
}

/** An envelope with many messages, of its own sender or of others. */
function manyMessages(means: Means): string {
  const { corpus, random } = means
  const envelope = JSON.parse(envelopeText(means)) as Fields
  const count = random.pick([2, 2, 2, 10, 10, 50])
  const messages = Array.from({ length: count }, () => {
    const another = JSON.parse(random.chance(50) ? envelopeText(means) : JSON.stringify(envelope)) as Fields
    return Array.isArray(another.m) ? another.m : []
  })
  const m = messages.flat()
  const text = corpus.scrubbed(wireText(harmless({ ...envelope, m })))
  return text.length < 60_000 ? text : text.slice(0, 60_000)
}

/** Many messages between servers, each with the highest clock that the wire carries: one that is followed at each is used up. */
function clocks({ corpus, random, cookie, to }: Means): string {
  const from = (to + 1 + random.below(2)) % 3
  const s = random.chance(50) ? 77 : from
  const ballot = { round: 1, node: to }
  const m = Array.from({ length: 800 }, (_, instance) => ({ type: 'accepted', ballot, instance }))
  const fields = JSON.parse(corpus.envelopeOf('accepted', 0)) as Fields
  return corpus.scrubbed(JSON.stringify({ ...fields, s, t: 2 ** 52, k: cookie, m }))
}

/** A batch of a million bytes that takes twenty times as much in memory, in pieces; from a server that is none. */
function weighty({ corpus, random }: Means): readonly Uint8Array[] {
  const fields = JSON.parse(corpus.envelopeOf('accept', 0)) as Fields
  const instance = random.pick([0, 10, 1_000, 2 ** 52 - 1])
  const command = { kind: 'service', body: '?' }
  const groups = [{ uid: 'u', ackedBelow: 0, heldBy: 77, requests: [{ seq: 1, command }] }]
  const batch = { node: 77, elapsedMs: random.below(1_000), groups }
  const accept = { type: 'accept', ballot: { round: 1, node: 77 }, instance, batch }
  const text = corpus.scrubbed(wireText({ ...fields, s: 77, m: [accept] }))
  const payload = Buffer.from(text.replace('"?"', `[${Array(340_000).fill('{}').join(',')}]`))
  return splitIntoPieces(payload, 60_000, BigInt(random.below(2 ** 30)))
}

/** As many questions as there is room for, with the right cookie: what draws the longest answers. */
function questions({ corpus, random, cookie, sessions }: Means): string {
  const envelope = JSON.parse(corpus.envelopeOf('learn', random.below(1_000))) as Fields
  // Each request is work for all servers; of the others there can be as many as fit.
  const kinds = random.chance(20) ? 4 : 3
  const count = kinds === 4 ? random.pick([1, 10]) : random.pick([1, 50, 1_000])
  const m = Array.from({ length: count }, (_, index): Json => {
    const kind = random.below(kinds)
    if (kind === 0) return { type: 'hello' }
    if (kind === 1) return random.chance(30) ? backupQuestion(random) : { type: 'inquire' }
    if (kind === 2) return { type: 'learn', from: random.below(100) + index }
    const isOpening = sessions.length === 0 || random.chance(10)
    if (isOpening) return opening(random)
    return {
      type: 'request',
      uid: random.pick(sessions),
      ackedBelow: 0,
      requests: Array.from({ length: random.between(1, 3) }, (_, place) => ({
        seq: random.below(50) * 3 + place,
        command: { kind: 'service', body: { action: 'lock', name: `fuzzed-${random.below(2_000)}` } },
      })),
    }
  })
  const sender = corpus.sawNames ? random.pick([null, 0, 1, 2, 77]) : random.pick([null, 77])
  return corpus.scrubbed(JSON.stringify({ ...envelope, s: sender, k: cookie, m }))
}

function backupQuestion(random: Means['random']): Json {
  const least = random.below(100)
  if (random.chance(50)) return { type: 'backup', least }
  const snapshot = { instance: random.below(100), lengthBytes: 1_000, digest: 'a'.repeat(64) }
  return { type: 'backup', least, part: { snapshot, offsetBytes: random.below(2_000) } }
}

/** A request for a session. */
export function opening(random: Random): Json {
  const command = { kind: 'open', ttlMs: random.between(1_000, 600_000) }
  const uid = `fuzzed-${random.below(1_000_000)}`
  return { type: 'request', uid, ackedBelow: 0, requests: [{ seq: 1, command }] }
}

function plainText(random: Random): string {
  const action = random.pick(['LOCK', 'UNLOCK', 'lock', 'STEAL'])
  const name = random.pick(['fuzzed', 'fuzzed-1', 'x'.repeat(300), "'", 'fuzzed\n'])
  const line = `REQUEST:-1:-1:(${random.below(1_000)},'${action}','${name}')`
  return random.chance(70) ? line : `${line}\n`.repeat(random.between(2, 200)).slice(0, 50_000)
}

function randomBytes(random: Random, length: number): Buffer {
  const bytes = Buffer.alloc(length)
  for (let at = 0; at < length; at += 1) bytes[at] = random.below(256)
  return bytes
}
