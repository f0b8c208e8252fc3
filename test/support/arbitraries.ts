/** Everything that a datagram may carry, for fast-check: what an honest server or client could say. */
import fc from 'fast-check'
import { type Ballot, compareBallots } from '../../machines/ballot.ts'
import type {
  AcceptedRecord,
  Address,
  Batch,
  BatchGroup,
  Command,
  Json,
  MembershipChange,
  NamedRequest,
  NodeId,
  RequestGroup,
} from '../../machines/batch.ts'
import { type HeardBoot, type ShownBoot, type Voted, whyCopied } from '../../machines/boot.ts'
import type { Names } from '../../machines/inbox.ts'
import { maxElapsedMs, quotaRange, sessionTtlMs } from '../../machines/limits.ts'
import type { Member } from '../../machines/members.ts'
import type { AnyAnswer, Message } from '../../machines/messages.ts'
import type { Outcome, ReadOutcome } from '../../machines/outcome.ts'
import type { SnapshotName } from '../../machines/snapshot-name.ts'
import { isReachable } from '../../src/network/address.ts'
import { quoted } from '../../src/services/seed-text/python-literal.ts'
import type { SeedRequest } from '../../src/services/seed-text/request.ts'

/** A message with what stands around it. */
export interface Said<M extends Message = Message> {
  readonly cluster: string
  readonly sender: NodeId | null
  readonly names: Names | null
  readonly message: M
}

const plain = { noNullPrototype: true } as const

/** Any characters, without halves of surrogate pairs. */
const text = fc.string({ unit: 'binary', maxLength: 12 })
const name = fc.string({ unit: 'binary', minLength: 1, maxLength: 12 })

export const integers = fc.oneof(fc.nat({ max: 5 }), fc.integer({ min: 0, max: 2 ** 52 }))
export const nodeIds: fc.Arbitrary<NodeId> = fc.oneof(fc.nat({ max: 4 }), integers)
export const uids = name
export const clusters = name

/** Written and read once, so that there is no -0 in it; no key is `__proto__`. */
export const jsonValues: fc.Arbitrary<Json> = fc
  .jsonValue({ maxDepth: 4, stringUnit: 'binary' })
  .map((value) =>
    JSON.parse(JSON.stringify(value, (key, inner) => (key === '__proto__' ? undefined : inner)) ?? 'null'),
  )
  .filter((value) => !JSON.stringify(value).includes('__proto__'))

export const addresses: fc.Arbitrary<Address> = fc
  .tuple(fc.oneof(fc.ipV4(), fc.domain(), fc.constant('[::1]')), fc.integer({ min: 1, max: 65_535 }))
  .map(([host, port]) => `${host}:${port}`)
  .filter(isReachable)

export const ballots: fc.Arbitrary<Ballot> = fc.record({ round: integers, node: nodeIds }, plain)
const voted: fc.Arbitrary<Voted> = fc.record({ ballot: fc.option(ballots), below: integers }, plain)
const boot: fc.Arbitrary<ShownBoot> = fc.record(
  {
    count: fc.integer({ min: 1, max: 2 ** 52 }),
    random: name,
    after: fc.oneof(fc.constant(''), name),
    voted,
  },
  plain,
)
const heardBoot: fc.Arbitrary<HeardBoot> = fc.record({ boot, voted }, plain)

export const membershipChanges: fc.Arbitrary<MembershipChange> = fc.oneof(
  fc.record(
    { action: fc.constant('add' as const), id: nodeIds, address: addresses, incarnation: name },
    { ...plain, requiredKeys: ['action', 'id', 'address'] },
  ),
  fc.record(
    { action: fc.constant('admit' as const), id: nodeIds, address: addresses, incarnation: name },
    plain,
  ),
  fc.record({ action: fc.constant('remove' as const), id: nodeIds }, plain),
  fc.record(
    {
      action: fc.constant('move' as const),
      servers: fc.array(fc.record({ id: nodeIds, address: addresses }, plain), {
        minLength: 1,
        maxLength: 3,
      }),
    },
    plain,
  ),
)

const ttlRange = { min: sessionTtlMs.least, max: sessionTtlMs.most }
const sessionIds = fc.tuple(integers, fc.nat({ max: 20 })).map(([instance, index]) => `${instance}.${index}`)

export const commands: fc.Arbitrary<Command> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('service' as const), body: jsonValues }, plain) },
  fc.record({ kind: fc.constant('members' as const), change: membershipChanges }, plain),
  fc.record(
    {
      kind: fc.constant('quota' as const),
      bytes: fc.integer({ min: quotaRange.least, max: quotaRange.most }),
    },
    plain,
  ),
  fc.record(
    {
      kind: fc.constant('upgrade' as const),
      version: fc.integer({ min: 1, max: 2 ** 40 }),
      supportedBy: fc.array(nodeIds, { maxLength: 5 }),
    },
    plain,
  ),
  fc.record({ kind: fc.constant('cancel' as const), seq: integers }, plain),
  fc.record({ kind: fc.constant('open' as const), ttlMs: fc.integer(ttlRange) }, plain),
  fc.constant({ kind: 'touch' as const }),
  fc.record(
    { kind: fc.constant('end' as const), session: sessionIds, now: fc.boolean() },
    { ...plain, requiredKeys: ['kind'] },
  ),
  fc.record(
    { kind: fc.constant('sessions' as const), after: sessionIds },
    { ...plain, requiredKeys: ['kind'] },
  ),
)

export const requests: fc.Arbitrary<NamedRequest> = fc.record(
  { uid: uids, seq: integers, ackedBelow: integers, command: commands },
  plain,
)

/** The seqs rise, as a client sends them. */
const requestsInOrder = fc
  .uniqueArray(fc.record({ seq: integers, command: commands }, plain), {
    minLength: 1,
    maxLength: 3,
    selector: ({ seq }) => seq,
  })
  .map((some) => some.sort((a, b) => a.seq - b.seq))

const reads = fc
  .uniqueArray(fc.record({ seq: integers, body: jsonValues }, plain), {
    minLength: 1,
    maxLength: 3,
    selector: ({ seq }) => seq,
  })
  .map((some) => some.sort((a, b) => a.seq - b.seq))

const groupParts = { uid: uids, ackedBelow: integers, requests: requestsInOrder }

export const requestGroups: fc.Arbitrary<RequestGroup> = fc.record(groupParts, plain)

const batchGroups: fc.Arbitrary<BatchGroup> = fc.record({ ...groupParts, heldBy: nodeIds }, plain)

export const batches: fc.Arbitrary<Batch> = fc.record(
  {
    node: nodeIds,
    elapsedMs: fc.integer({ min: 0, max: maxElapsedMs }),
    groups: fc.array(batchGroups, { maxLength: 3 }),
  },
  plain,
)

export const members: fc.Arbitrary<Member> = fc.record(
  { id: nodeIds, address: addresses, incarnation: fc.option(name), joining: name },
  { ...plain, requiredKeys: ['id', 'address', 'incarnation'] },
)

const foundingPlan = {
  members: fc.array(fc.record({ id: nodeIds, address: addresses }, plain), { minLength: 1, maxLength: 4 }),
  cluster: fc.option(name),
  service: name,
}

const founderNames = fc.record({ id: nodeIds, incarnation: name }, plain)

const position = { instance: integers, index: integers }

export const outcomes: fc.Arbitrary<Outcome> = fc.oneof(
  fc.record({ kind: fc.constant('executed' as const), result: jsonValues, ...position }, plain),
  fc.record({ kind: fc.constant('failed' as const), error: text, ...position }, plain),
  fc.record(
    {
      kind: fc.constant('overQuota' as const),
      ...{ sizeBytes: integers, growthBytes: integers, quotaBytes: integers },
      ...position,
    },
    plain,
  ),
  fc.record({ kind: fc.constant('cancelled' as const), ...position }, plain),
  fc.record(
    {
      kind: fc.constant('refused' as const),
      reason: fc.constantFrom('expired', 'stale', 'conflict', 'forgotten', 'disputed'),
    },
    plain,
  ),
)

const readOutcomes: fc.Arbitrary<ReadOutcome> = fc.oneof(
  fc.record({ kind: fc.constant('read' as const), result: jsonValues, instance: integers }, plain),
  fc.record({ kind: fc.constant('unreadable' as const), error: text, instance: integers }, plain),
)

const answers: fc.Arbitrary<AnyAnswer> = fc.oneof(
  fc.record({ seq: integers, outcome: outcomes }, plain),
  fc.record({ seq: integers, outcome: readOutcomes }, plain),
)

function type<T extends Message['type']>(value: T): { type: fc.Arbitrary<T> } {
  return { type: fc.constant(value) }
}

/** With or without what the answer to a question repeats. */
function withNonce<M extends Message>(messages: fc.Arbitrary<M>): fc.Arbitrary<M> {
  return fc
    .tuple(messages, fc.option(name))
    .map(([message, nonce]) => (nonce === null ? message : { ...message, nonce }))
}

const lower = (a: Ballot, b: Ballot) => (compareBallots(a, b) < 0 ? a : b)

/** What was accepted, as a promise of `ballot` from `from` on may show it. */
function acceptedUnder(ballot: Ballot, from: number): fc.Arbitrary<AcceptedRecord[]> {
  const record = fc.record({ offset: fc.nat({ max: 40 }), ballot: ballots, batch: batches })
  return fc.uniqueArray(record, { maxLength: 3, selector: ({ offset }) => offset }).map((records) =>
    records.map((one) => ({
      instance: from + one.offset,
      ballot: lower(one.ballot, ballot),
      batch: one.batch,
    })),
  )
}

const bySomeServer = { cluster: clusters, sender: nodeIds }
const byAnybody = { cluster: clusters, sender: fc.option(nodeIds) }

const below = fc.oneof(fc.nat({ max: 5 }), fc.integer({ min: 0, max: 2 ** 52 - 64 }))

const runningDigests = fc.stringMatching(/^[0-9a-z]{1,11}$/)

export const cookies = fc.stringMatching(/^[A-Za-z0-9_-]{22}$/)

type Nameless<K extends Message['type']> = fc.Arbitrary<Omit<Said<Extract<Message, { type: K }>>, 'names'>>

const seqs = fc.array(integers, { minLength: 1, maxLength: 3 })

const snapshots: fc.Arbitrary<SnapshotName> = fc.record(
  {
    instance: below,
    lengthBytes: fc.integer({ min: 1, max: 2 ** 51 }),
    digest: fc.stringMatching(/^[0-9a-f]{64}$/),
  },
  plain,
)

const shownMembers = fc.array(fc.record({ id: nodeIds, address: addresses, counted: fc.boolean() }, plain), {
  maxLength: 4,
})

/** By kind of message: what an honest server or client says, with its sender. */
const nameless: { readonly [K in Message['type']]: Nameless<K> } = {
  prepare: fc
    .tuple(clusters, fc.record({ ...type('prepare'), ballot: ballots, from: integers }, plain))
    .map(([cluster, message]) => ({ cluster, sender: message.ballot.node, message })),
  promise: fc
    .tuple(clusters, nodeIds, ballots, below, integers)
    .chain(([cluster, sender, ballot, from, firstUnchosen]) =>
      acceptedUnder(ballot, from).map((accepted) => ({
        cluster,
        sender,
        message: { type: 'promise' as const, ballot, from, accepted, firstUnchosen },
      })),
    ),
  accept: fc
    .tuple(
      clusters,
      fc.record(
        { ...type('accept'), ballot: ballots, instance: integers, batch: batches, digest: runningDigests },
        { ...plain, requiredKeys: ['type', 'ballot', 'instance', 'batch'] },
      ),
    )
    .map(([cluster, message]) => ({ cluster, sender: message.ballot.node, message })),
  accepted: fc.record({
    ...bySomeServer,
    message: fc.record({ ...type('accepted'), ballot: ballots, instance: integers }, plain),
  }),
  denial: fc.record({
    ...bySomeServer,
    message: fc.record(
      {
        ...type('denial'),
        ballot: ballots,
        instance: integers,
        promised: fc.option(ballots),
        firstUnchosen: integers,
      },
      plain,
    ),
  }),
  learn: fc.record({ ...bySomeServer, message: fc.record({ ...type('learn'), from: integers }, plain) }),
  chosen: fc
    .tuple(clusters, nodeIds, below, fc.array(batches, { maxLength: 3 }), fc.nat({ max: 40 }), fc.boolean())
    .map(([cluster, sender, from, page, more, unsettled]) => ({
      cluster,
      sender,
      message: {
        type: 'chosen' as const,
        from,
        batches: page,
        // Who was asked for more than it knows says so with an empty page.
        firstUnchosen: page.length === 0 ? more : from + page.length + more,
        unsettled,
      },
    })),
  compacted: fc
    .tuple(clusters, nodeIds, snapshots, fc.nat({ max: 40 }))
    .map(([cluster, sender, snapshot, more]) => ({
      cluster,
      sender,
      message: { type: 'compacted' as const, snapshot, firstUnchosen: snapshot.instance + more },
    })),
  fetch: fc.tuple(clusters, nodeIds, snapshots, fc.nat()).map(([cluster, sender, snapshot, offset]) => ({
    cluster,
    sender,
    message: { type: 'fetch' as const, snapshot, offsetBytes: offset % snapshot.lengthBytes },
  })),
  chunk: fc
    .tuple(clusters, nodeIds, snapshots, fc.uint8Array({ minLength: 1, maxLength: 60 }))
    .map(([cluster, sender, snapshot, bytes]) => ({
      cluster,
      sender,
      message: {
        type: 'chunk' as const,
        snapshot: { ...snapshot, lengthBytes: snapshot.lengthBytes + bytes.length },
        offsetBytes: snapshot.lengthBytes,
        bytes: Buffer.from(bytes).toString('base64'),
      },
    })),
  settled: fc
    .tuple(
      clusters,
      nodeIds,
      fc.record({ ...type('settled'), ballot: fc.option(ballots), instance: integers }, plain),
    )
    .map(([cluster, sender, message]) => ({ cluster, sender: message.ballot?.node ?? sender, message })),
  handOver: fc.record({
    ...bySomeServer,
    message: fc.record(
      { ...type('handOver'), groups: fc.array(requestGroups, { minLength: 1, maxLength: 3 }) },
      plain,
    ),
  }),
  compare: fc.record({
    ...bySomeServer,
    message: fc.record({ ...type('compare'), instance: integers, digest: runningDigests }, plain),
  }),
  compared: fc.record({
    ...bySomeServer,
    message: fc.record(
      {
        ...type('compared'),
        instance: integers,
        digests: fc.array(runningDigests, { minLength: 1, maxLength: 16 }),
      },
      plain,
    ),
  }),
  exposure: fc.record({
    ...bySomeServer,
    message: fc
      .record(
        { ...type('exposure'), node: nodeIds, directory: name, one: heardBoot, other: heardBoot },
        plain,
      )
      .filter((message) => whyCopied(message) !== null),
  }),
  confirm: fc.record({
    ...bySomeServer,
    message: fc.record({ ...type('confirm'), question: integers }, plain),
  }),
  confirmed: fc
    .tuple(clusters, nodeIds, integers, below, fc.nat({ max: 40 }))
    .map(([cluster, sender, question, firstUnchosen, more]) => ({
      cluster,
      sender,
      message: { type: 'confirmed' as const, question, firstUnchosen, acceptedBelow: firstUnchosen + more },
    })),
  read: fc.record({
    ...byAnybody,
    message: fc.record({ ...type('read'), uid: uids, reads, stale: fc.boolean() }, plain),
  }),
  request: fc.record({
    ...byAnybody,
    message: fc.record(
      { ...type('request'), ...groupParts, avoid: nodeIds },
      { ...plain, requiredKeys: ['type', 'uid', 'ackedBelow', 'requests'] },
    ),
  }),
  hello: fc.record({ ...byAnybody, message: withNonce(fc.record(type('hello'), plain)) }),
  inquire: fc.record({ ...byAnybody, message: withNonce(fc.record(type('inquire'), plain)) }),
  backup: fc.record({
    ...byAnybody,
    message: withNonce(
      fc.record(
        {
          ...type('backup'),
          least: integers,
          part: fc.record({ snapshot: snapshots, offsetBytes: integers }, plain),
        },
        { ...plain, requiredKeys: ['type', 'least'] },
      ),
    ),
  }),
  response: fc.record({
    ...bySomeServer,
    message: fc.record(
      {
        ...type('response'),
        uid: uids,
        answers: fc.array(answers, {
          minLength: 1,
          maxLength: 3,
        }),
      },
      plain,
    ),
  }),
  queued: fc.record({
    ...bySomeServer,
    message: fc.record(
      { ...type('queued'), uid: uids, seqs, askAgainMs: fc.nat(60_000) },
      { ...plain, requiredKeys: ['type', 'uid', 'seqs'] },
    ),
  }),
  busy: fc.record({
    ...bySomeServer,
    message: fc.record(
      {
        ...type('busy'),
        uid: uids,
        seqs,
        reason: fc.constantFrom('busy' as const, 'notMember' as const, 'stopping' as const),
      },
      plain,
    ),
  }),
  welcome: withNonce(
    fc.record(
      {
        ...type('welcome'),
        cluster: clusters,
        service: fc.constantFrom('lock', 'kv+lock', 'a'.repeat(128)),
        node: nodeIds,
        instance: integers,
        members: shownMembers,
        commandBytes: integers,
      },
      plain,
    ),
  ).map((message) => ({ cluster: message.cluster, sender: message.node, message })),
  report: fc.record({
    ...bySomeServer,
    message: withNonce(fc.record({ ...type('report'), status: jsonValues }, plain)),
  }),
  offer: withNonce(
    fc.record(
      {
        ...type('offer'),
        snapshot: snapshots,
        lengthBytes: integers,
        digest: fc.stringMatching(/^[0-9a-f]{64}$/),
        cluster: clusters,
        service: fc.constantFrom('lock', 'kv+lock'),
        head: jsonValues,
        members: shownMembers,
      },
      plain,
    ),
  ).chain((message) => nodeIds.map((sender) => ({ cluster: message.cluster, sender, message }))),
  part: fc
    .tuple(clusters, nodeIds, snapshots, integers, fc.uint8Array({ minLength: 1, maxLength: 40 }))
    .map(([cluster, sender, snapshot, offsetBytes, bytes]) => ({
      cluster,
      sender,
      message: {
        type: 'part' as const,
        ...{ snapshot, offsetBytes, bytes: Buffer.from(bytes).toString('base64') },
      },
    })),
  noBackup: fc.record({
    ...bySomeServer,
    message: withNonce(
      fc.record(
        {
          ...type('noBackup'),
          reason: fc.constantFrom('drawing' as const, 'behind' as const, 'gone' as const, 'nothing' as const),
        },
        plain,
      ),
    ),
  }),
  join: fc.record({ ...bySomeServer, message: fc.record(type('join'), plain) }),
  invitation: fc.record({
    ...bySomeServer,
    message: fc.record(
      { ...type('invitation'), to: name, incarnation: name, founders: fc.array(members, { maxLength: 4 }) },
      plain,
    ),
  }),
  notInvited: fc.record({
    ...bySomeServer,
    message: fc.record(
      {
        ...type('notInvited'),
        to: name,
        missing: fc.constantFrom('member' as const, 'incarnation' as const),
      },
      plain,
    ),
  }),
  found: fc
    .record({ ...type('found'), ...foundingPlan, incarnation: name }, plain)
    .map((message) => ({ cluster: '', sender: message.members[0]!.id, message })),
  founder: fc
    .tuple(clusters, nodeIds, name, name, fc.option(fc.array(founderNames, { maxLength: 4 })), fc.boolean())
    .map(([cluster, sender, to, incarnation, others, isFounded]) => ({
      cluster,
      sender,
      message: {
        type: 'founder' as const,
        to,
        incarnation,
        founders: others === null ? null : [...others, { id: sender, incarnation }],
        isFounded: others !== null && isFounded,
      },
    })),
  notFounder: fc.record({
    ...bySomeServer,
    message: fc.record({ ...type('notFounder'), to: name, ...foundingPlan, isFounded: fc.boolean() }, plain),
  }),
  challenge: fc.record({
    ...bySomeServer,
    message: fc.record({ ...type('challenge'), cookie: cookies, withheld: integers }, plain),
  }),
}

const betweenServers = [
  'prepare',
  'promise',
  'accept',
  'accepted',
  'denial',
  'learn',
  'chosen',
  'compacted',
  'fetch',
  'chunk',
  'settled',
  'handOver',
  'compare',
  'compared',
  'exposure',
  'confirm',
  'confirmed',
  'join',
]

const names: fc.Arbitrary<Names> = fc.oneof(
  fc.record({ incarnation: name, addressee: fc.option(name) }, plain),
  fc.record({ incarnation: name, addressee: fc.option(name), boot }, plain),
)

/** The same, with what servers write around what they say to each other. */
export const said = Object.fromEntries(
  Object.entries(nameless).map(([type, one]) => [
    type,
    fc
      .tuple<[Omit<Said, 'names'>, Names]>(one, names)
      .map(([what, names]) => ({ ...what, names: betweenServers.includes(type) ? names : null })),
  ]),
) as { readonly [K in Message['type']]: fc.Arbitrary<Said<Extract<Message, { type: K }>>> }

export const messageTypes = Object.keys(said) as Message['type'][]

/** Any message, with its sender. */
export const anythingSaid: fc.Arbitrary<Said> = fc.oneof(...Object.values(said))

/** Any message. */
export const messages: fc.Arbitrary<Message> = anythingSaid.map(({ message }) => message)

/** What the seed's clients can ask for, as Python 3 writes it. */
export const seedRequests: fc.Arbitrary<SeedRequest> = fc
  .record({
    seq: integers.filter((seq) => seq < 2 ** 51),
    action: fc.constantFrom('LOCK' as const, 'UNLOCK' as const),
    name,
  })
  .map((asked) => ({ ...asked, tuple: `(${asked.seq}, '${asked.action}', ${quoted(asked.name)})` }))
