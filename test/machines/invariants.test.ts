/** Each invariant that a field in machines/ states has a check, and each check finds each way in which the invariant can be broken. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { StateValue } from 'xstate'
import { type AcceptorContext, acceptorContext } from '../../machines/acceptor-context.ts'
import { acceptorInvariants } from '../../machines/acceptor-invariants.ts'
import { type AuditorContext, auditorContext } from '../../machines/auditor-context.ts'
import { auditorInvariants } from '../../machines/auditor-invariants.ts'
import { type ClientContext, clientContext } from '../../machines/client-context.ts'
import { clientInvariants, sessionRequestInvariants } from '../../machines/client-invariants.ts'
import { defaultClientTiming } from '../../machines/client-timing.ts'
import type { Fetching } from '../../machines/fetching.ts'
import { type FoundingRecord, newFounding } from '../../machines/founding.ts'
import { foundingInvariants } from '../../machines/founding-invariants.ts'
import { handedOver } from '../../machines/hand-over.ts'
import {
  allHeld,
  type HeldRequest,
  type HeldRequests,
  heldRequest,
  nothingHeld,
  placeOf,
  waitingKey,
  withChanged,
  withRequests,
} from '../../machines/held-requests.ts'
import type { Invariants, Step } from '../../machines/invariant.ts'
import { invariantFault } from '../../machines/invariants.ts'
import { type LearnerContext, learnerContext } from '../../machines/learner-context.ts'
import { learnerInvariants } from '../../machines/learner-invariants.ts'
import type { LeaseContext } from '../../machines/lease.ts'
import { leaseInvariants } from '../../machines/lease-invariants.ts'
import { defaultLimits } from '../../machines/limits.ts'
import { type Line, lineFault, withoutOrders } from '../../machines/line.ts'
import { memberInvariants } from '../../machines/member-invariants.ts'
import { foundingIncarnation } from '../../machines/members.ts'
import type { GivenPromise } from '../../machines/promises.ts'
import { type ProposerContext, proposerContext } from '../../machines/proposer-context.ts'
import { proposerInvariants } from '../../machines/proposer-invariants.ts'
import { type ReaderContext, readerContext } from '../../machines/reader-context.ts'
import { readerInvariants } from '../../machines/reader-invariants.ts'
import { type RequestQueueContext, requestQueueContext } from '../../machines/request-queue-context.ts'
import { heldFault, requestQueueInvariants } from '../../machines/request-queue-invariants.ts'
import {
  noRequests,
  type SessionRequests,
  withAsked,
  withHeld,
  withoutSeqs,
  withSubmitted,
} from '../../machines/session-requests.ts'
import { emptyTable, put } from '../../machines/table.ts'
import type { TimekeeperContext } from '../../machines/timekeeper-context.ts'
import { timekeeperInvariants } from '../../machines/timekeeper-invariants.ts'
import { defaultTiming } from '../../machines/timing.ts'
import { ballot, batch, informant, member, members, record, service } from '../support/role.ts'

/** A check that must find a fault, and the same where nothing is broken. */
interface Case<C> {
  readonly broken: Partial<C>
  readonly before?: Partial<C>
  readonly value?: StateValue
  readonly valueBefore?: StateValue
  readonly event?: { readonly type: string }
}

type Cases<C> = Readonly<Record<string, readonly (readonly [title: string, one: Case<C>])[]>>

const self = { self: 0, incarnation: foundingIncarnation(0), members: members(3) }
const roleInput = { ...self, firstUnchosen: 10, limits: defaultLimits, timing: defaultTiming }

const acceptor = acceptorContext({ ...roleInput, promised: ballot(4, 1), accepted: [] })
const above = (instance: number) => record(instance, ballot(4, 1), 'a')
const accepted = (instance: number) => ({
  to: 1,
  message: { type: 'accepted', ballot: ballot(4, 1), instance } as const,
})

const acceptorCases: Cases<AcceptorContext> = {
  promised: [
    ['it comes down', { broken: { promised: ballot(3, 1) } }],
    ['it is forgotten', { broken: { promised: null } }],
    ['it is below what is accepted', { broken: { accepted: [record(10, ballot(5, 1), 'a')] } }],
  ],
  accepted: [
    ['out of order', { broken: { accepted: [above(11), above(10)] } }],
    ['twice', { broken: { accepted: [above(10), above(10)] } }],
    ['below the first unchosen', { broken: { accepted: [above(9)] } }],
    ['beyond the window', { broken: { accepted: [above(10 + defaultLimits.acceptedWindow)] } }],
  ],
  unsaved: [['a settled record', { broken: { unsaved: { promised: false, accepted: [above(9)] } } }]],
  later: [['a settled record', { broken: { later: [accepted(9)] } }]],
}

const proposer = proposerContext({
  ...self,
  timing: defaultTiming,
  randomSeed: 1,
  promised: ballot(4, 0),
  firstUnexecuted: 10,
})
const given = (node: number, shown: GivenPromise['accepted'] = []): GivenPromise => ({
  node,
  incarnation: foundingIncarnation(node),
  accepted: shown,
  firstUnchosen: 10,
})
const promise = { type: 'promise', ballot: proposer.ballot, from: proposer.preparedFrom }
const twoPromises = [given(0), given(1)]

const proposerCases: Cases<ProposerContext> = {
  members: [
    ['they change while it leads', { broken: { members: members(4) }, value: 'leading' }],
    [
      'they change while it proposes',
      { broken: { members: members(4) }, value: { accepting: 'helping' }, valueBefore: 'leading' },
    ],
  ],
  highestRound: [
    ['it is below that of the ballot', { broken: { ballot: ballot(5, 0) } }],
    ['it comes down', { broken: { highestRound: 4 }, before: { highestRound: 5 } }],
  ],
  promises: [
    ['a server twice', { broken: { promises: [given(1), given(1)] } }],
    ['a server that is no member', { broken: { promises: [given(7)] } }],
    ['another directory', { broken: { promises: [{ ...given(1), incarnation: 'another' }] } }],
    [
      'for another ballot',
      { broken: { promises: [given(1)] }, event: { ...promise, ballot: ballot(3, 0) } as typeof promise },
    ],
    [
      'for another instance',
      { broken: { promises: [given(1)] }, event: { ...promise, from: 9 } as typeof promise },
    ],
    [
      'no quorum when it leads',
      { broken: { promises: [given(0)] }, value: 'leading', valueBefore: 'preparing' },
    ],
    [
      'not its own acceptor when it catches up',
      { broken: { promises: [given(1), given(2)] }, value: 'catchingUp', valueBefore: 'preparing' },
    ],
  ],
  batch: [
    ['it leads where a batch is shown', { broken: { promises: [given(1, [above(10)])] }, value: 'leading' }],
    [
      'it proposes its own where one is shown above',
      {
        broken: { batch: batch('own'), promises: [given(1, [above(11)])] },
        value: { accepting: 'proposing' },
        valueBefore: 'leading',
      },
    ],
  ],
  accepts: [
    ['a server twice', { broken: { accepts: [1, 1] } }],
    ['a server that is no member', { broken: { accepts: [7] } }],
    ['a member that is not counted', { broken: { accepts: [3], members: [...members(3), member(3, null)] } }],
  ],
  isChosen: [['there is no batch', { broken: { isChosen: true } }]],
  tries: [
    [
      'it waits for ever for later choices',
      { broken: { tries: defaultTiming.patientTries + 1 }, value: 'catchingUp' },
    ],
  ],
  hasYielded: [
    [
      'the wait begins anew a second time',
      {
        broken: { hasYielded: true, backoffs: 2 },
        before: { hasYielded: true, backoffs: 1 },
        value: 'backingOff',
        valueBefore: 'backingOff',
      },
    ],
  ],
}

const timekeeper: TimekeeperContext = {
  ...{ self: 0, incarnation: foundingIncarnation(0), members: members(3), timing: defaultTiming },
  ...{ firstInTurn: null, dueInMs: null },
}

const timekeeperCases: Cases<TimekeeperContext> = {
  dueInMs: [
    ['a deadline, and nothing waits for it', { broken: { dueInMs: 5 } }],
    ['a wait for no deadline', { broken: {}, value: 'waiting' }],
    ['a deadline that has not passed, and the server yields', { broken: { dueInMs: 5 }, value: 'yielding' }],
    [
      'a deadline that has not passed, and the server proposes',
      { broken: { dueInMs: 5 }, value: 'proposing' },
    ],
  ],
}

const auditor: AuditorContext = auditorContext({
  ...{ self: 0, incarnation: foundingIncarnation(0), members: members(3), timing: defaultTiming },
})
const answered = (...nodes: readonly number[]) => nodes.map((node) => ({ node, digests: ['d'] }))

const auditorCases: Cases<AuditorContext> = {
  concluded: [['it decreases', { before: { concluded: 4 }, broken: { concluded: 3 } }]],
  answers: [
    ['a server twice', { broken: { answers: answered(0, 1, 1) } }],
    ['a server that is no member', { broken: { answers: answered(0, 7) } }],
  ],
  reporters: [
    ['a server twice', { broken: { reporters: [1, 1] } }],
    ['nobody, and the server is silent', { broken: {}, value: 'reported' }],
    ['nobody, and the server halts', { broken: {}, value: 'exposed' }],
  ],
  dispute: [['nothing differs', { broken: {}, value: 'disputed' }]],
}

const learner = learnerContext({ ...roleInput, snapshot: null, requestsSince: 0, highestHeard: 9 })

const pictured = (instance: number) => ({ instance, lengthBytes: 6, digest: 'd' })
const fetchOf = (bytes: Pick<Fetching, 'receivedBytes' | 'keptBytes'> & Partial<Fetching>) => ({
  snapshot: pictured(20),
  resumedBytes: 0,
  keptChunks: 0,
  ...bytes,
})

const learnerCases: Cases<LearnerContext> = {
  firstUnchosen: [['it decreases', { broken: { firstUnchosen: 9 } }]],
  contradiction: [
    ['a server twice', { broken: { contradiction: { batch: batch('a'), by: [1, 1] } } }],
    ['a server that is no member', { broken: { contradiction: { batch: batch('a'), by: [7] } } }],
    [
      'a server that was removed',
      {
        broken: { contradiction: { batch: batch('a'), by: [2] }, members: members(2) },
        before: { contradiction: { batch: batch('a'), by: [2] } },
      },
    ],
  ],
  snapshot: [
    ['of what is not known', { broken: { snapshot: pictured(11) } }],
    ['an older one than before', { broken: { snapshot: pictured(3) }, before: { snapshot: pictured(4) } }],
  ],
  writing: [['an older one than it holds', { broken: { snapshot: pictured(4), writing: pictured(4) } }]],
  fetching: [
    ['more bytes than there are', { broken: { fetching: fetchOf({ receivedBytes: 7, keptBytes: 0 }) } }],
    ['more kept than arrived', { broken: { fetching: fetchOf({ receivedBytes: 3, keptBytes: 4 }) } }],
    [
      'more from before a restart than is kept',
      { broken: { fetching: fetchOf({ resumedBytes: 5, receivedBytes: 4, keptBytes: 4 }) } },
    ],
    [
      'bytes before storage said what it kept',
      { broken: { fetching: fetchOf({ resumedBytes: null, receivedBytes: 3, keptBytes: 0 }) } },
    ],
  ],
  target: [
    ['all is known while behind', { broken: { target: 10 }, value: 'behind', valueBefore: 'behind' }],
    ['all is known while catching up', { broken: { target: 9 }, value: 'catchingUp' }],
  ],
  informant: [
    [
      'it was removed',
      { broken: { informant: informant(2), members: members(2) }, before: { informant: informant(2) } },
    ],
  ],
  answered: [
    ['a server twice', { broken: { answered: [1, 1] } }],
    ['a server that is no member', { broken: { answered: [7] } }],
    [
      'a server that was removed',
      { broken: { answered: [2], members: members(2) }, before: { answered: [2] } },
    ],
    ['others at the beginning', { broken: { answered: [0, 1] }, value: 'inquiring' }],
  ],
  askedAhead: [['a page after the event that asked for it', { broken: { askedAhead: 10 } }]],
}

const queue = requestQueueContext({ ...self, limits: defaultLimits, timing: defaultTiming, leader: null })
const withOne = (before: HeldRequests, uid: string, seq: number) =>
  withRequests(before, { uid, ackedBelow: 0 }, [
    {
      ...{ uid, seq, command: service('x'), commandBytes: 10 },
      ...{ heldBy: 0, replyTo: 'here', avoid: null, receivedAtMs: 0 },
    },
  ])
const held = withOne(withOne(nothingHeld, 'a', 1), 'b', 2)

/** The first request, handed over with these changes. */
function handedWith(change: Partial<HeldRequest>): HeldRequests {
  const request = heldRequest(held, { uid: 'a', seq: 1 })
  if (request === undefined) return held
  const changed = withChanged(held, [{ ...request, ...change }])
  const requests = allHeld(changed).filter(({ uid }) => uid === 'a')
  return handedOver(changed, requests, { round: 1, atMs: null, limits: defaultLimits }).held
}

/** The first request, delayed, with that address. */
function delayedOf(replyTo: string | null): HeldRequests {
  const request = heldRequest(held, { uid: 'a', seq: 1 })
  if (request === undefined) return held
  return {
    ...withChanged(held, [{ ...request, replyTo, tag: { key: null } }]),
    ready: withoutOrders(held.ready, new Set([request.order])),
    waiting: put(held.waiting, waitingKey(null), [[placeOf(request)]]),
    delayedCount: 1,
  }
}

/** The requests with the first one of the session `uid` changed. Lines stay as they are. */
function changedIn(uid: string, change: Partial<HeldRequest>): HeldRequests {
  const request = heldRequest(held, { uid, seq: uid === 'a' ? 1 : 2 })
  return request === undefined ? held : withChanged(held, [{ ...request, ...change }])
}

const queueCases: Cases<RequestQueueContext> = {
  held: [
    ['something while it is not counted', { broken: { held, members: [member(1), member(2)] } }],
    ['a request that stands nowhere', { broken: { held: { ...held, ready: [] } } }],
    ['a delayed request of another server', { broken: { held: delayedOf(null) } }],
  ],
  leader: [
    ['a request of another server', { broken: { held: handedWith({ heldBy: 2 }), leader: 1 } }],
    [
      'the request of a client that left the leader',
      { broken: { held: handedWith({ avoid: 1 }), leader: 1 } },
    ],
    ['a request, and there is no leader', { broken: { held: handedWith({}), leader: null } }],
  ],
  silentMs: [
    ['longer than the leader is waited for', { broken: { silentMs: defaultTiming.leaderPatienceMs } }],
  ],
  offered: [
    ['a request that is not held', { broken: { held, offered: [7] } }],
    ['a request that left', { broken: { held: nothingHeld, offered: [0] }, before: { held, offered: [0] } }],
  ],
}

const client = clientContext({ timing: defaultClientTiming, randomSeed: 1, uid: 'a', server: 2, firstSeq: 1 })

function submittedTo(last: number): SessionRequests {
  const seqs = Array.from({ length: last }, (_, at) => at + 1)
  return withSubmitted(
    noRequests,
    seqs.map((seq) => ({ seq, command: service('x'), commandBytes: 10 })),
  )
}

/** Two requests that are asked. */
const twoAsked = withAsked(submittedTo(2), 16, { round: 1, nowMs: 0 }).requests
const oneHeld = withHeld(twoAsked, [1], 0).requests
const asking = { requests: twoAsked, servers: 3, round: 1 }
const inAsking = { value: 'asking', valueBefore: 'asking' }

const clientCases: Cases<ClientContext> = {
  requests: [
    ['idle with a request', { broken: asking, value: 'idle' }],
    ['asking without a request', { broken: {}, value: 'asking' }],
    [
      'asking for what is held',
      { broken: { ...asking, requests: withHeld(twoAsked, [1, 2], 0).requests }, value: 'asking' },
    ],
    ['waiting for what is not held', { broken: { ...asking, requests: oneHeld }, value: 'waiting' }],
    [
      'the requests are out of order',
      { broken: { ...asking, requests: { ...twoAsked, open: twoAsked.open.toReversed() } }, ...inAsking },
    ],
    [
      'a request disappears without an answer',
      {
        broken: { requests: withoutSeqs(twoAsked, [1]).requests },
        before: asking,
        ...inAsking,
        event: { type: 'busy' },
      },
    ],
    [
      'a request appears that was not submitted',
      { broken: asking, value: 'asking', event: { type: 'response' } },
    ],
  ],
  window: [
    ['none', { broken: { window: 0 } }],
    ['too large', { broken: { window: 1_025 } }],
  ],
  server: [['none of them', { broken: { ...asking, server: 3 }, ...inAsking }]],
  avoid: [['the asked server', { broken: { ...asking, avoid: 2 }, ...inAsking }]],
  round: [['a request of a later round', { broken: { ...asking, round: 0 }, ...inAsking }]],
  nowMs: [['it decreases', { broken: { nowMs: 4 }, before: { nowMs: 5 } }]],
}

const lease: LeaseContext = {
  ...{ ttlMs: 10_000, provenAtMs: 100, nowMs: 200 },
  ...{ isTouching: false, lostBecause: null },
}

const leaseCases: Cases<LeaseContext> = {
  provenAtMs: [['it decreases', { broken: { provenAtMs: 99 } }]],
  nowMs: [['it decreases', { broken: { nowMs: 199 } }]],
  lostBecause: [
    ['lost for no reason', { broken: {}, value: 'lost' }],
    ['a reason, and it is not lost', { broken: { lostBecause: 'ended' }, value: 'kept' }],
  ],
}

function stepOf<C>(context: C, idle: StateValue, one: Case<C>): Step<C> {
  const { broken, before = {}, value = idle, valueBefore = idle, event = { type: 'any' } } = one
  const was = { ...context, ...before }
  return { context: { ...was, ...broken }, value, event, before: { context: was, value: valueBefore } }
}

const reads = {
  clients: put(emptyTable, 'a', { uid: 'a', replyTo: 'here', reads: [{ seq: 1, body: 'x', bodyBytes: 3 }] }),
  count: 1,
  bytes: 3,
}

const reader: ReaderContext = {
  ...readerContext({
    ...{ self: 0, incarnation: 'founder-0', members: members(3), randomSeed: 1, firstUnexecuted: 4 },
    ...{ timing: defaultTiming, limits: defaultLimits },
  }),
}

const confirmedBy = (node: number, incarnation = `founder-${node}`) => {
  return { node, incarnation, firstUnchosen: 4, acceptedBelow: 4 }
}

const readerCases: Cases<ReaderContext> = {
  gathered: [
    ['some in idle', { broken: { gathered: reads } }],
    [
      'one that is not counted',
      { broken: { asked: reads, gathered: { ...reads, count: 2 } }, value: 'asking' },
    ],
    [
      'bytes that are not counted',
      { broken: { asked: reads, gathered: { ...reads, bytes: 2 } }, value: 'asking' },
    ],
  ],
  asked: [
    ['some in idle', { broken: { asked: reads } }],
    ['none while it asks', { broken: {}, value: 'asking' }],
    ['none while it catches up', { broken: {}, value: 'catchingUp' }],
    [
      'two with one seq',
      {
        broken: {
          asked: {
            ...{ count: 2, bytes: 6 },
            clients: put(emptyTable, 'a', {
              ...{ uid: 'a', replyTo: 'here' },
              reads: [1, 1].map((seq) => ({ seq, body: 'x', bodyBytes: 3 })),
            }),
          },
        },
        value: 'asking',
      },
    ],
    [
      'a client with none',
      {
        broken: {
          asked: { ...reads, clients: put(reads.clients, 'b', { uid: 'b', replyTo: 'here', reads: [] }) },
        },
        value: 'asking',
      },
    ],
  ],
  question: [['it decreases', { broken: { question: 0 } }]],
  answers: [
    ['a server twice', { broken: { answers: [confirmedBy(1), confirmedBy(1)] } }],
    ['another directory', { broken: { answers: [confirmedBy(1, 'another')] } }],
    ['not a member', { broken: { answers: [confirmedBy(9)] } }],
  ],
}

const machines = [
  { name: 'acceptor', context: acceptor, idle: 'listening', table: acceptorInvariants, cases: acceptorCases },
  { name: 'proposer', context: proposer, idle: 'idle', table: proposerInvariants, cases: proposerCases },
  { name: 'learner', context: learner, idle: 'following', table: learnerInvariants, cases: learnerCases },
  { name: 'requestQueue', context: queue, idle: 'empty', table: requestQueueInvariants, cases: queueCases },
  {
    ...{ name: 'timekeeper', context: timekeeper, idle: 'idle' },
    ...{ table: timekeeperInvariants, cases: timekeeperCases },
  },
  { name: 'auditor', context: auditor, idle: 'agreeing', table: auditorInvariants, cases: auditorCases },
  { name: 'reader', context: reader, idle: 'idle', table: readerInvariants, cases: readerCases },
  { name: 'client', context: client, idle: 'idle', table: clientInvariants, cases: clientCases },
  { name: 'lease', context: lease, idle: 'unneeded', table: leaseInvariants, cases: leaseCases },
] as unknown as readonly {
  readonly name: 'acceptor'
  readonly context: AcceptorContext
  readonly idle: StateValue
  readonly table: Invariants<AcceptorContext>
  readonly cases: Cases<AcceptorContext>
}[]

describe.each(machines)('of the $name', ({ name, context, idle, table, cases }) => {
  test('each field with a check has cases that break it, and no other', () => {
    expect(Object.keys(cases).sort()).toEqual(Object.keys(table).sort())
  })

  test('a start breaks nothing, and neither does a step that changes nothing', () => {
    const start = { context, value: idle, event: { type: 'xstate.init' }, before: null }
    expect(invariantFault(name, start)).toBeNull()
    expect(invariantFault(name, stepOf(context, idle, { broken: {} }))).toBeNull()
  })

  const all = Object.entries(cases).flatMap(([field, list]) =>
    list.map(([title, one]) => [field, title, one] as const),
  )
  test.each(all)('%s: %s', (field, _, one) => {
    const step = stepOf(context, idle, one)
    expect(table[field as keyof AcceptorContext]?.(step)).toMatch(/^[a-z].*[a-z0-9]$/)
    expect(invariantFault(name, step)).not.toBeNull()
  })
})

test('a proposer with the promises of a quorum may lead', () => {
  const one = {
    broken: { promises: twoPromises },
    value: 'leading',
    valueBefore: 'preparing',
    event: promise,
  }
  expect(invariantFault('proposer', stepOf(proposer, 'idle', one))).toBeNull()
})

describe('of what a request queue holds', () => {
  const first: Line = [[[0, 'a', 1]]]
  const second: Line = [[[1, 'b', 2]]]
  const session = { uid: 'a', ackedBelow: 0 }
  const one = heldRequest(held, { uid: 'a', seq: 1 })
  if (one === undefined) throw new Error('the request is not held')
  const sessionOf = (requests: readonly HeldRequest[]) => put(held.sessions, 'a', { ...session, requests })
  const three = [
    [0, 'a', 1],
    [1, 'b', 2],
    [2, 'a', 1],
  ] as const
  test.each<[title: string, broken: HeldRequests]>([
    ['a request stands nowhere', { ...held, ready: second }],
    ['a request is in two lines', { ...held, waiting: put(held.waiting, 'anything', second) }],
    ['a request is ready and handed over', { ...held, handedOver: second }],
    [
      'a request without a tag waits',
      { ...held, ready: first, waiting: put(held.waiting, 'anything', second) },
    ],
    ['a request that was not handed over is in that line', { ...held, ready: first, handedOver: second }],
    ['a request that was handed over is ready', changedIn('a', { handed: { round: 1, atMs: 0 } })],
    ['a tagged request is ready', changedIn('b', { tag: { key: 'k' } })],
    ['a request that is not held stands in a line', { ...held, ready: [...held.ready, [[2, 'c', 3]]] }],
    [
      'another request stands in its place',
      {
        ...held,
        ready: [
          [
            [0, 'a', 1],
            [1, 'c', 3],
          ],
        ],
      },
    ],
    [
      'a request stands in the place of another order',
      {
        ...held,
        ready: [
          [
            [0, 'a', 1],
            [7, 'b', 2],
          ],
        ],
      },
    ],
    ['a line has an empty stretch', { ...held, ready: [...held.ready, []] }],
    ['the count is wrong', { ...held, count: 3 }],
    [
      'a session holds nothing',
      { ...held, sessions: put(held.sessions, 'c', { ...session, uid: 'c', requests: [] }) },
    ],
    [
      'a session holds a request twice',
      { ...held, count: 3, ready: [three], sessions: sessionOf([one, { ...one, order: 2 }]) },
    ],
    [
      'the requests of a session are not in order of seq',
      {
        ...held,
        count: 3,
        ready: [
          [
            [0, 'a', 1],
            [1, 'b', 2],
            [2, 'a', 2],
          ],
        ],
        sessions: sessionOf([{ ...one, seq: 2, order: 2 }, one]),
      },
    ],
  ])('%s', (_, broken) => {
    expect(heldFault(broken)).not.toBeNull()
    const step = stepOf(queue, 'empty', { broken: { held: broken } })
    expect(invariantFault('requestQueue', step)).not.toBeNull()
  })

  test('nothing is broken', () => {
    expect(heldFault(nothingHeld)).toBeNull()
    expect(heldFault(held)).toBeNull()
    expect(heldFault(delayedOf('here'))).toBeNull()
    for (const sound of [
      { held: handedWith({ avoid: 2 }), leader: 1 },
      { silentMs: defaultTiming.leaderPatienceMs, givenUp: 1 },
    ]) {
      expect(invariantFault('requestQueue', stepOf(queue, 'empty', { broken: sound }))).toBeNull()
    }
  })

  test.each<[title: string, broken: Line]>([
    ['an empty stretch', [[]]],
    [
      'out of order in a stretch',
      [
        [
          [2, 'a', 1],
          [1, 'b', 1],
        ],
      ],
    ],
    [
      'the same place twice',
      [
        [
          [1, 'a', 1],
          [1, 'b', 1],
        ],
      ],
    ],
    ['a stretch before the one that it follows', [[[3, 'a', 1]], [[2, 'b', 1]]]],
  ])('a line: %s', (_, broken) => {
    expect(lineFault(broken)).not.toBeNull()
  })
})

describe('of the requests of a session', () => {
  const backlog = submittedTo(2)
  test.each<[field: keyof typeof sessionRequestInvariants, title: string, broken: SessionRequests]>([
    ['open', 'out of order', { ...twoAsked, open: twoAsked.open.toReversed() }],
    ['open', 'twice', { ...twoAsked, open: [...twoAsked.open, ...twoAsked.open] }],
    ['backlog', 'out of order', { ...backlog, backlog: backlog.backlog.toReversed() }],
    ['backlog', 'asked too', { ...twoAsked, backlog: backlog.backlog }],
    ['asked', 'a wrong count', { ...twoAsked, asked: { count: 1, bytes: 20 } }],
    ['asked', 'wrong bytes', { ...twoAsked, asked: { count: 2, bytes: 10 } }],
    ['asked', 'a held request counts', { ...oneHeld, asked: twoAsked.asked }],
    ['nextSeq', 'a seq that is used', { ...twoAsked, nextSeq: 2 }],
    ['nextSeq', 'a seq of the backlog', { ...backlog, nextSeq: 2 }],
  ])('%s: %s', (field, _, broken) => {
    expect(sessionRequestInvariants[field](broken)).not.toBeNull()
  })

  test('nothing is broken', () => {
    for (const sound of [noRequests, twoAsked, oneHeld, backlog]) {
      for (const check of Object.values(sessionRequestInvariants)) expect(check(sound)).toBeNull()
    }
  })
})

describe('of the members', () => {
  test('none breaks anything where each has an id of its own', () => {
    expect(memberInvariants.id(members(3))).toBeNull()
    expect(memberInvariants.incarnation([...members(3), member(3, null)])).toBeNull()
  })

  test('id: two have it', () => {
    const twice = [...members(3), member(1, 'another')]
    expect(memberInvariants.id(twice)).not.toBeNull()
    expect(invariantFault('acceptor', stepOf(acceptor, 'listening', { broken: { members: twice } }))).toBe(
      'two members have one id',
    )
  })

  test('incarnation: a member without one is counted', () => {
    expect(memberInvariants.incarnation([...members(3), member(3, null)], [0, 1, 2, 3])).not.toBeNull()
  })
})

describe('of a founder', () => {
  const plan = { members: [0, 1].map((id) => ({ id, address: `h:${id}` })), cluster: null, service: 'lock' }
  const founder = newFounding(0, 'own', plan)
  const founders = [
    { id: 0, incarnation: 'own' },
    { id: 1, incarnation: 'other' },
  ]
  const holding: FoundingRecord = { ...founder, founders }

  test('nothing is broken on the way', () => {
    expect(foundingInvariants.founders(founder, null)).toBeNull()
    expect(foundingInvariants.founders(holding, founder)).toBeNull()
    expect(foundingInvariants.isFounded({ ...holding, isFounded: true })).toBeNull()
  })

  test.each<[title: string, broken: FoundingRecord, before: FoundingRecord | null]>([
    ['its own incarnation is missing', { ...holding, founders: founders.slice(1) }, founder],
    ['the list is exchanged', { ...holding, founders: founders.slice(0, 1) }, holding],
    ['the list is forgotten', founder, holding],
  ])('founders: %s', (_, broken, before) => {
    expect(foundingInvariants.founders(broken, before)).not.toBeNull()
  })

  test('isFounded: there is no list', () => {
    expect(foundingInvariants.isFounded({ ...founder, isFounded: true })).not.toBeNull()
  })
})

describe('each invariant that a file states has its check', () => {
  const folder = join(import.meta.dirname, '../../machines')
  const checked: Readonly<Record<string, readonly string[]>> = {
    'acceptor-context.ts': Object.keys(acceptorInvariants),
    'auditor-context.ts': Object.keys(auditorInvariants),
    'client-context.ts': Object.keys(clientInvariants),
    'founding.ts': Object.keys(foundingInvariants),
    'held-reads.ts': ['ReadsOfClient'],
    'held-requests.ts': ['HeldSession', 'sessions', 'tag'],
    'learner-context.ts': Object.keys(learnerInvariants),
    'lease-context.ts': Object.keys(leaseInvariants),
    'line.ts': ['Stretch'],
    'members.ts': Object.keys(memberInvariants),
    'proposer-context.ts': Object.keys(proposerInvariants),
    'reader-context.ts': Object.keys(readerInvariants),
    'session-requests.ts': Object.keys(sessionRequestInvariants),
    'request-queue-context.ts': Object.keys(requestQueueInvariants),
    'timekeeper-context.ts': Object.keys(timekeeperInvariants),
  }

  test.each(readdirSync(folder).filter((file) => file.endsWith('.ts')))('machines/%s', (file) => {
    const source = readFileSync(join(folder, file), 'utf8')
    const comments = source.matchAll(
      /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*(?:export )?(?:readonly|type|interface) (\w+)/g,
    )
    const stated = [...comments].flatMap(([, comment = '', name = '']) =>
      comment.includes('Invariant:') ? [name] : [],
    )
    expect(stated.sort()).toEqual([...(checked[file] ?? [])].sort())
    // None stands where no field is.
    expect(source.match(/\bInvariant:/g)?.length ?? 0).toBe(stated.length)
  })
})
