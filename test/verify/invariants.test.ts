import { describe, expect, test } from 'vitest'
import type { Json, NamedRequest } from '../../machines/batch.ts'
import type { RequestOutcome } from '../../machines/outcome.ts'
import { nothingDurable } from '../../src/core/durable.ts'
import type { Fact } from '../../src/core/facts.ts'
import { serverAddress } from '../../src/core/names.ts'
import { Violation } from '../../src/core/violation.ts'
import { Invariants } from '../../src/verify/invariants.ts'
import { Locks } from '../../src/verify/locks.ts'
import {
  accept,
  accepted,
  ballot,
  batchOf,
  chosenAt,
  crashed,
  executed,
  execution,
  founders,
  gotLock,
  lock,
  prepared,
  promise,
  ran,
  request,
  requested,
  responded,
  said,
  started,
  synced,
  unlock,
  vote,
} from '../support/facts.ts'

const b1 = ballot(1, 0)
const b2 = ballot(2, 1)
const b3 = ballot(3, 2)

const ask = request('a@0', 0, lock('x'))
const other = request('b@0', 0, lock('x'))
const release = request('a@0', 1, unlock('x', 1))
const batch = batchOf(ask)
const rival = batchOf(other)

/** `node` announces that the instance is chosen. */
const settled = (node: number, at: typeof b1 | null, instance: number): Fact =>
  said(node, 2, { type: 'settled', ballot: at, instance })

const asked: Fact[] = [requested(ask), requested(other)]
/** A request is chosen at instance 0, and executed at two servers. */
const normal: Fact[] = [
  ...asked,
  ...prepared(),
  ...chosenAt(b1, 0, batch),
  executed(0, batch, execution(0, [gotLock(ask, 0)]), 'state'),
  executed(1, batch, execution(0, [gotLock(ask, 0)]), 'state'),
]

function observed(facts: readonly Fact[], service = 'lock'): Invariants {
  const invariants = Invariants.begin({ founders, service })
  for (const fact of facts) invariants.observe(fact)
  return invariants
}

/** The number of the invariant that the last fact breaks; throws when an earlier one does. */
function brokenBy(facts: readonly Fact[], service = 'lock'): number | null {
  const before = observed(facts.slice(0, -1), service)
  const text = before.toJson()
  const verdict = (invariants: Invariants): Violation | null => {
    try {
      invariants.observe(facts[facts.length - 1]!)
      return null
    } catch (error) {
      if (error instanceof Violation) return error
      throw error
    }
  }
  const violation = verdict(before.copy())
  // The knowledge that was written down and read again judges alike, and so does the original after its copy.
  expect(verdict(Invariants.fromJson(text))).toEqual(violation)
  expect(before.toJson()).toBe(text)
  expect(verdict(before)).toEqual(violation)
  if (violation !== null)
    expect(violation.message).toMatch(new RegExp(`^invariant ${violation.invariant} \\(`))
  return violation?.invariant ?? null
}

const good: Record<string, Fact[]> = {
  'the normal case': [
    ...normal,
    responded(0, ask, {
      kind: 'executed',
      result: { token: 1 },
      instance: 0,
      index: 0,
    }),
  ],
  'the same accept is said to each member, and again': [...normal.slice(0, -2), accept(b1, 0, batch)],
  'the proposer and a request queue announce that an instance is settled': [
    ...normal,
    settled(0, b1, 0),
    settled(1, null, 0),
  ],
  'a proposer that helped announces the instance at its own ballot': [
    ...asked,
    ...prepared(),
    ...chosenAt(b1, 0, batch),
    synced(0, { promised: b2, accepted: [{ instance: 0, ballot: b1, batch }] }),
    promise(0, b2, { accepted: [{ instance: 0, ballot: b1, batch }] }),
    synced(1, { promised: b2, accepted: [{ instance: 0, ballot: b1, batch }] }),
    promise(1, b2, { accepted: [{ instance: 0, ballot: b1, batch }] }),
    accept(b2, 0, batch),
    ...vote(0, b2, 0, batch),
    ...vote(1, b2, 0, batch),
    settled(1, b2, 0),
  ],
  'a server restarts and executes again what it stored': [
    ...normal,
    synced(1, { promised: b1, firstUnchosen: 1 }),
    crashed(1),
    started(1, { durable: { ...nothingDurable, promised: b1, firstUnchosen: 1 } }),
    executed(1, batch, execution(0, [gotLock(ask, 0)]), 'state'),
  ],
  'a write that was not synced may survive a crash': [
    ...asked,
    ...prepared(),
    accept(b1, 0, batch),
    ...vote(0, b1, 0, batch),
    crashed(1),
    started(1, {
      durable: { ...nothingDurable, promised: b1, accepted: [{ instance: 0, ballot: b1, batch }] },
    }),
    executed(0, batch, execution(0, [gotLock(ask, 0)])),
  ],
  'a rival helps what may be chosen': [
    ...asked,
    ...prepared(),
    accept(b1, 0, batch),
    ...vote(0, b1, 0, batch),
    synced(0, { promised: b2, accepted: [{ instance: 0, ballot: b1, batch }] }),
    promise(0, b2, { accepted: [{ instance: 0, ballot: b1, batch }] }),
    synced(1, { promised: b2 }),
    promise(1, b2),
    accept(b2, 0, batch),
    ...vote(1, b2, 0, batch),
    ...vote(2, b2, 0, batch),
    executed(1, batch, execution(0, [gotLock(ask, 0)])),
  ],
  'a batch that only one accepted is lost to a rival, which one server learned before': [
    ...asked,
    ...prepared(),
    accept(b1, 0, batch),
    ...vote(0, b1, 0, batch),
    synced(1, { promised: b2 }),
    promise(1, b2),
    synced(2, { promised: b2 }),
    promise(2, b2),
    accept(b2, 0, rival),
    accept(b1, 0, batch),
    ...vote(1, b2, 0, rival),
    ...vote(2, b2, 0, rival),
    accept(b1, 0, batch),
    executed(1, rival, execution(0, [gotLock(other, 0)])),
    // Server 0 learns it: what it accepted is settled.
    synced(0, { promised: b1, firstUnchosen: 1 }),
    executed(0, rival, execution(0, [gotLock(other, 0)])),
  ],
  'two accepts of one instance share a sync, and the first one is what makes a quorum': [
    ...asked,
    ...prepared(),
    accept(b1, 0, batch),
    ...vote(0, b1, 0, batch),
    synced(0, { promised: b2, accepted: [{ instance: 0, ballot: b1, batch }] }),
    promise(0, b2, { accepted: [{ instance: 0, ballot: b1, batch }] }),
    synced(2, { promised: b2 }),
    promise(2, b2),
    accept(b2, 0, batch),
    synced(1, { promised: b2, accepted: [{ instance: 0, ballot: b2, batch }] }),
    accepted(1, b1, 0),
    accepted(1, b2, 0),
    executed(0, batch, execution(0, [gotLock(ask, 0)])),
  ],
  'a request that is chosen twice repeats its outcome': [
    ...normal,
    ...chosenAt(b1, 1, batch),
    executed(0, batch, execution(1, [gotLock(ask, 0)])),
  ],
  'a delayed request is executed later': [
    ...normal,
    ...chosenAt(b1, 1, rival),
    executed(0, rival, execution(1, [{ uid: 'b@0', seq: 0, outcome: { kind: 'delayed', key: 'x' } }])),
    requested(request('a@0', 1, unlock('x'))),
    ...chosenAt(b1, 2, batchOf(request('a@0', 1, unlock('x')), other)),
    executed(
      0,
      batchOf(request('a@0', 1, unlock('x')), other),
      execution(2, [ran({ uid: 'a@0', seq: 1 }, 2, 0, { freed: true }), gotLock(other, 2, 1)]),
    ),
  ],
  'a copy of what a client needs no more is refused': [
    ...normal,
    requested(request('a@0', 1, unlock('x'), 1)),
    ...chosenAt(b1, 1, batchOf(request('a@0', 1, unlock('x'), 1))),
    executed(
      0,
      batchOf(request('a@0', 1, unlock('x'), 1)),
      execution(1, [ran({ uid: 'a@0', seq: 1 }, 1, 0, { freed: true })]),
    ),
    ...chosenAt(b1, 2, batch),
    executed(0, batch, execution(2, [{ uid: 'a@0', seq: 0, outcome: { kind: 'refused', reason: 'stale' } }])),
    responded(0, ask, { kind: 'refused', reason: 'stale' }),
    // A server that is behind recalls it.
    responded(1, ask, {
      kind: 'executed',
      result: { token: 1 },
      instance: 0,
      index: 0,
    }),
  ],
}

describe('good runs break nothing', () => {
  test.each(Object.entries(good))('%s', (_, facts) => {
    observed(facts)
  })
})

const four = [...founders, { id: 3, address: serverAddress(3), incarnation: 'joined' }]
const admit = request('m@0', 0, null)
const admitting: NamedRequest = {
  ...admit,
  command: {
    kind: 'members',
    change: { action: 'admit', id: 3, address: serverAddress(3), incarnation: 'joined' },
  },
}
const admission = batchOf(admitting)
/** Server 3 is counted from instance 1 on. */
const joined: Fact[] = [
  requested(admitting),
  ...asked,
  ...prepared(),
  ...chosenAt(b1, 0, admission),
  executed(0, admission, execution(0, [ran(admit, 0, 0, null)], { members: four })),
  started(3, { incarnation: 'joined' }),
]

describe('members', () => {
  test('a new member votes from the next instance on, and the quorum is one of four', () => {
    const votes = [accept(b1, 1, batch), ...vote(0, b1, 1, batch), ...vote(3, b1, 1, batch)]
    const result = executed(0, batch, execution(1, [gotLock(ask, 1)]))
    expect(brokenBy([...joined, ...votes, result])).toBe(1)
    expect(brokenBy([...joined, ...votes, ...vote(1, b1, 1, batch), result])).toBe(null)
  })

  test('a server that was removed and joins again has promised nothing', () => {
    const removing: NamedRequest = {
      ...request('m@0', 1, null),
      command: { kind: 'members', change: { action: 'remove', id: 3 } },
    }
    const removal = batchOf(removing)
    const removed: Fact[] = [
      ...joined,
      requested(removing),
      accept(b1, 1, removal),
      ...[0, 1, 3].flatMap((node) => vote(node, b1, 1, removal)),
      executed(0, removal, execution(1, [ran({ uid: 'm@0', seq: 1 }, 1, 0, null)], { members: founders })),
      crashed(3),
    ]
    expect(brokenBy([...removed, started(3, { incarnation: 'joined' })])).toBe(3)
    expect(brokenBy([...removed, started(3, { incarnation: 'joined again' })])).toBe(null)
    const early = [started(3, { incarnation: 'joined again' }), synced(3, { promised: b1 })]
    expect(brokenBy([...removed, ...early, promise(3, b1)])).toBe(3)
  })

  test('a server begins with the members of what it stored', () => {
    const durable = { ...nothingDurable, promised: b1, firstUnchosen: 1 }
    expect(
      brokenBy([...joined, synced(1, durable), crashed(1), started(1, { durable, members: four })]),
    ).toBe(null)
    expect(brokenBy([...joined, synced(1, durable), crashed(1), started(1, { durable })])).toBe(7)
  })
})

const holds = (at: typeof b1, of = batch) => ({
  promised: at,
  accepted: [{ instance: 0, ballot: at, batch: of }],
})

/** Each breaks the invariant of its number with its last fact, and nothing before. */
const bad: [number, string, Fact[]][] = [
  [
    1,
    'two servers execute different batches',
    [...normal, executed(2, rival, execution(0, [gotLock(other, 0)]))],
  ],
  [
    1,
    'a batch is executed that one of three accepted',
    [
      ...asked,
      ...prepared(),
      accept(b1, 0, batch),
      ...vote(0, b1, 0, batch),
      executed(0, batch, execution(0, [gotLock(ask, 0)])),
    ],
  ],
  [
    1,
    'votes of two ballots are added up',
    [
      ...asked,
      ...prepared(),
      accept(b1, 0, batch),
      ...vote(0, b1, 0, batch),
      synced(1, { promised: b2 }),
      promise(1, b2),
      synced(2, { promised: b2 }),
      promise(2, b2),
      accept(b2, 0, rival),
      ...vote(1, b2, 0, rival),
      executed(1, rival, execution(0, [gotLock(other, 0)])),
    ],
  ],
  [
    1,
    'a batch is told as chosen that was not',
    [
      ...normal,
      said(1, 2, { type: 'chosen', from: 0, batches: [rival], firstUnchosen: 1, unsettled: false }),
    ],
  ],
  [
    1,
    'an instance is announced as settled before a quorum accepted a batch',
    [...asked, ...prepared(), accept(b1, 0, batch), ...vote(0, b1, 0, batch), settled(0, b1, 0)],
  ],
  [
    1,
    'an instance is announced as settled by a request queue before it is chosen',
    [...normal, settled(0, null, 1)],
  ],
  [
    1,
    'an instance is announced as settled at a ballot below the one at which it was chosen',
    [
      ...asked,
      ...prepared(),
      accept(b1, 0, batch),
      ...vote(0, b1, 0, batch),
      synced(1, { promised: b2 }),
      promise(1, b2),
      synced(2, { promised: b2 }),
      promise(2, b2),
      accept(b2, 0, rival),
      ...vote(1, b2, 0, rival),
      ...vote(2, b2, 0, rival),
      settled(0, b1, 0),
    ],
  ],
  [1, 'a disk holds as chosen what is not', [...normal, synced(1, { promised: b1, firstUnchosen: 2 })]],
  [
    2,
    'a request is chosen that nobody sent',
    [...prepared(), ...chosenAt(b1, 0, batch), executed(0, batch, execution(0, [gotLock(ask, 0)]))],
  ],
  [
    2,
    'a request is chosen with another command',
    [
      requested(request('a@0', 0, lock('y'))),
      ...prepared(),
      ...chosenAt(b1, 0, batch),
      executed(0, batch, execution(0, [gotLock(ask, 0)])),
    ],
  ],
  [
    3,
    'a promise decreases',
    [...prepared(), synced(0, { promised: b3 }), promise(0, b3), synced(0, { promised: b2 })],
  ],
  [3, 'a promise is lost in a crash', [...prepared(), crashed(1), started(1)]],
  [3, 'a promise is said before it is durable', [...prepared(), promise(1, b2)]],
  [
    3,
    'an accepted is said before it is durable',
    [...asked, ...prepared(), accept(b1, 0, batch), accepted(1, b1, 0)],
  ],
  [
    3,
    'a batch is accepted below the promise',
    [
      ...asked,
      ...prepared(),
      accept(b1, 0, batch),
      synced(1, { promised: b2 }),
      synced(1, { promised: b2, accepted: [{ instance: 0, ballot: b1, batch }] }),
    ],
  ],
  [
    3,
    'an accept does not raise the promise',
    [
      ...asked,
      ...prepared(),
      accept(b2, 0, batch),
      synced(1, { promised: b1, accepted: [{ instance: 0, ballot: b2, batch }] }),
    ],
  ],
  [
    3,
    'an accepted is said below what was promised',
    [
      ...asked,
      ...prepared(),
      accept(b1, 0, batch),
      ...vote(1, b1, 0, batch),
      synced(1, { ...holds(b1), promised: b2 }),
      promise(1, b2, { accepted: holds(b1).accepted }),
      accepted(1, b1, 0),
    ],
  ],
  [
    3,
    'what was accepted is lost in a crash',
    [
      ...asked,
      ...prepared(),
      accept(b1, 0, batch),
      ...vote(1, b1, 0, batch),
      crashed(1),
      started(1, { durable: { ...nothingDurable, promised: b1 } }),
    ],
  ],
  [
    3,
    'what was known to be chosen is lost in a crash',
    [
      ...normal,
      synced(1, { promised: b1, firstUnchosen: 1 }),
      crashed(1),
      started(1, { durable: { ...nothingDurable, promised: b1 } }),
    ],
  ],
  [
    3,
    'a promise hides what was accepted',
    [
      ...asked,
      ...prepared(),
      accept(b1, 0, batch),
      ...vote(1, b1, 0, batch),
      synced(1, { ...holds(b1), promised: b2 }),
      promise(1, b2),
    ],
  ],
  [3, 'a server that is gone says something', [...prepared(), crashed(1), promise(1, b1)]],
  [
    4,
    'a higher ballot carries another batch',
    [...asked, ...prepared(), ...chosenAt(b1, 0, batch), accept(b2, 0, rival)],
  ],
  [
    4,
    'a batch is chosen when a higher ballot has issued another',
    [
      ...asked,
      ...prepared(),
      accept(b2, 0, rival),
      accept(b1, 0, batch),
      ...vote(0, b1, 0, batch),
      synced(1, holds(b1)),
    ],
  ],
  [
    4,
    'a ballot is used for two batches',
    [...asked, ...prepared(), accept(b1, 0, batch), accept(b1, 0, rival)],
  ],
  [
    4,
    'a ballot of another server is used',
    [...asked, ...prepared(), said(1, 0, { type: 'accept', ballot: b1, instance: 0, batch })],
  ],
  [4, 'something is accepted that nobody issued', [...asked, ...prepared(), synced(1, holds(b1))]],
  [
    4,
    'another batch is accepted than was issued',
    [...asked, ...prepared(), accept(b1, 0, batch), synced(1, holds(b1, rival))],
  ],
  [
    5,
    'the next instance is begun before one is chosen',
    [...asked, ...prepared(), accept(b1, 0, batch), ...vote(0, b1, 0, batch), accept(b1, 1, rival)],
  ],
  [
    5,
    'the next instance is begun before one is executed',
    [...asked, ...prepared(), ...chosenAt(b1, 0, batch), accept(b1, 1, rival)],
  ],
  [
    6,
    'a request is executed twice',
    [...normal, ...chosenAt(b1, 1, batch), executed(0, batch, execution(1, [ran(ask, 1, 0, { token: 2 })]))],
  ],
  [
    6,
    'a request that is chosen again is given another result',
    [...normal, ...chosenAt(b1, 1, batch), executed(0, batch, execution(1, [ran(ask, 0, 0, { token: 8 })]))],
  ],
  [
    6,
    'a request that has ended is delayed',
    [
      ...normal,
      ...chosenAt(b1, 1, batch),
      executed(0, batch, execution(1, [{ uid: 'a@0', seq: 0, outcome: { kind: 'delayed', key: null } }])),
    ],
  ],
  [
    6,
    'a request is executed in the place of another',
    [
      ...asked,
      ...prepared(),
      ...chosenAt(b1, 0, batchOf(ask, other)),
      executed(0, batchOf(ask, other), execution(0, [gotLock(ask, 0, 1)])),
    ],
  ],
  [
    6,
    'a request is executed that its client needs no more',
    [
      ...normal,
      requested(request('a@0', 1, unlock('x'), 1)),
      ...chosenAt(b1, 1, batchOf(request('a@0', 1, unlock('x'), 1))),
      executed(
        0,
        batchOf(request('a@0', 1, unlock('x'), 1)),
        execution(1, [ran({ uid: 'a@0', seq: 1 }, 1, 0, { freed: true })]),
      ),
      ...chosenAt(b1, 2, batch),
      executed(0, batch, execution(2, [gotLock(ask, 2)])),
    ],
  ],
  [
    7,
    'two servers give one request different outcomes',
    [...normal, executed(2, batch, execution(0, [ran(ask, 0, 0, { token: 8 })]))],
  ],
  [
    7,
    'a request is delayed at one server and executed at another',
    [
      ...normal,
      executed(2, batch, execution(0, [{ uid: 'a@0', seq: 0, outcome: { kind: 'delayed', key: 'x' } }])),
    ],
  ],
  [
    7,
    'two servers are in different states',
    [...normal, executed(2, batch, execution(0, [gotLock(ask, 0)]), 'another state')],
  ],
  [
    8,
    'a request is answered before it is executed',
    [...normal, responded(0, other, { kind: 'executed', result: null, instance: 1, index: 0 })],
  ],
  [
    8,
    'a request is answered with another outcome',
    [
      ...normal,
      responded(0, ask, {
        kind: 'executed',
        result: { token: 2 },
        instance: 0,
        index: 0,
      }),
    ],
  ],
  [
    8,
    'a request is refused that its client still needs',
    [...normal, responded(0, other, { kind: 'refused', reason: 'stale' })],
  ],
  [
    10,
    'a lock is given twice',
    [...normal, ...chosenAt(b1, 1, rival), executed(0, rival, execution(1, [gotLock(other, 1)]))],
  ],
  [
    10,
    'a token goes back',
    [
      ...normal,
      requested(request('a@0', 1, unlock('x'))),
      ...chosenAt(b1, 1, batchOf(request('a@0', 1, unlock('x')), other)),
      executed(
        0,
        batchOf(request('a@0', 1, unlock('x')), other),
        execution(1, [ran({ uid: 'a@0', seq: 1 }, 1, 0, { freed: true }), ran(other, 1, 1, { token: 1 })]),
      ),
    ],
  ],
  [
    10,
    'an unlock does not free',
    [
      ...normal,
      requested(release),
      ...chosenAt(b1, 1, batchOf(release)),
      executed(0, batchOf(release), execution(1, [ran(release, 1, 0, { freed: false })])),
    ],
  ],
]

/** One batch an instance, executed as given; in instance i it has `outcomes[i]`. */
function lockRun(...steps: (readonly [NamedRequest, RequestOutcome['outcome'] | Json])[]): Fact[] {
  return [
    ...prepared(),
    ...steps.flatMap(([request, outcome], instance): Fact[] => {
      const batch = batchOf(request)
      const isOutcome = typeof outcome === 'object' && outcome !== null && 'kind' in outcome
      const end = isOutcome
        ? { uid: request.uid, seq: request.seq, outcome: outcome as RequestOutcome['outcome'] }
        : ran(request, instance, 0, outcome as Json)
      return [
        requested(request),
        ...chosenAt(b1, instance, batch),
        executed(0, batch, execution(instance, [end])),
      ]
    }),
  ]
}

/** The request with its command for a service that is composed with others. */
function forService(service: string, request: NamedRequest): NamedRequest {
  const { command } = request
  return command.kind === 'service'
    ? { ...request, command: { kind: 'service', body: { service, command: command.body } } }
    : request
}

describe('invariant 10', () => {
  const take = (uid: string, more: object = {}) =>
    request(`${uid}@0`, 0, { action: 'lock', name: 'x', ...more } as Json)
  const freeing = (token: number) => request(`f${token}@0`, 0, unlock('x', token))
  const shared = { mode: 'shared' }
  const waits = { kind: 'delayed', key: 'own' } as const

  test.each<[string, Parameters<typeof lockRun>, number | null]>([
    [
      'waiters collect out of order what was granted in order',
      [
        [take('a', shared), { token: 1 }],
        [take('b'), waits],
        [take('c', shared), waits],
        [take('d', shared), waits],
        [freeing(1), { freed: true }],
        [take('b'), { token: 2 }],
        [freeing(2), { freed: true }],
        [take('d', shared), { token: 4 }],
        [take('c', shared), { token: 3 }],
      ],
      null,
    ],
    [
      'two shared requests that waited have tokens in the wrong order',
      [
        [take('a'), { token: 1 }],
        [take('b', shared), waits],
        [take('c', shared), waits],
        [freeing(1), { freed: true }],
        [take('c', shared), { token: 2 }],
        [take('b', shared), { token: 3 }],
      ],
      10,
    ],
    [
      'two shared grants have one token',
      [
        [take('a', shared), { token: 1 }],
        [take('b', shared), { token: 1 }],
      ],
      10,
    ],
    [
      'two requests that waited for different locks have one token',
      [
        [request('a@0', 0, { action: 'lock', names: ['x', 'y'] }), { token: 1 }],
        [take('b'), waits],
        [request('c@0', 0, lock('y')), waits],
        [freeing(1), { freed: true }],
        [take('b'), { token: 2 }],
        [request('c@0', 0, lock('y')), { token: 2 }],
      ],
      10,
    ],
    [
      'one that waits is passed',
      [
        [take('a'), { token: 1 }],
        [take('b'), waits],
        [take('c'), waits],
        [freeing(1), { freed: true }],
        [take('c'), { token: 2 }],
      ],
      10,
    ],
    [
      'a shared request passes an exclusive one that waits',
      [
        [take('a', shared), { token: 1 }],
        [take('b'), waits],
        [take('c', shared), { token: 2 }],
      ],
      10,
    ],
    [
      'an exclusive holder is beside a shared one',
      [
        [take('a', shared), { token: 1 }],
        [take('b'), { token: 2 }],
      ],
      10,
    ],
    [
      'a semaphore has as many holders as permits',
      [
        [take('a', { permits: 2 }), { token: 1 }],
        [take('b', { permits: 2 }), { token: 2 }],
      ],
      null,
    ],
    [
      'a semaphore has more holders than permits',
      [
        [take('a', { permits: 2 }), { token: 1 }],
        [take('b', { permits: 2 }), { token: 2 }],
        [take('c', { permits: 2 }), { token: 3 }],
      ],
      10,
    ],
    [
      'a name of several is held already',
      [
        [take('a'), { token: 1 }],
        [request('b@0', 0, { action: 'lock', names: ['w', 'x'] }), { token: 2 }],
      ],
      10,
    ],
    [
      'a token is not above that of another lock',
      [
        [take('a'), { token: 2 }],
        [request('b@0', 0, lock('y')), { token: 1 }],
      ],
      10,
    ],
    [
      'a lock is granted after it was forced now',
      [
        [take('a'), { token: 1 }],
        [
          request('o@0', 0, { action: 'force', name: 'x', now: true }),
          {
            holders: [{ session: '0', token: 1, mode: 'exclusive', ageMs: 0, ttlMs: null }],
            more: 0,
            freed: true,
          },
        ],
        [take('b'), { token: 2 }],
      ],
      null,
    ],
  ])('%s', (_, steps, invariant) => {
    expect(brokenBy(lockRun(...steps))).toBe(invariant)
    const ofPart = (service: string) =>
      lockRun(...steps.map(([request, outcome]) => [forService(service, request), outcome] as const))
    expect(brokenBy(ofPart('lock'), 'kv+lock')).toBe(invariant)
    // A command for another service may look like one for a lock.
    expect(brokenBy(ofPart('kv'), 'kv+lock')).toBe(null)
  })

  test('a request that was refused since its name was taken is not judged', () => {
    const locks = new Locks('lock')
    const refusal = { kind: 'refused', reason: 'conflict' } as const
    const other = request('a@0', 0, lock('y'))
    locks.executed(
      0,
      batchOf(take('a'), other),
      execution(0, [ran(take('a'), 0, 0, { token: 1 }), { uid: 'a@0', seq: 0, outcome: refusal }]),
    )
    expect(locks.toJson()).toMatchObject({ holds: [{ names: ['x'] }] })
  })

  test('what a session holds and waits for ends with it', () => {
    const locks = new Locks('lock')
    const next = (
      instance: number,
      request: NamedRequest,
      outcome: RequestOutcome['outcome'],
      ended: string[],
    ) =>
      locks.executed(instance, batchOf(request), {
        ...execution(instance, [{ uid: request.uid, seq: request.seq, outcome }]),
        endedSessions: ended,
      })
    const granted = (instance: number, token: number) =>
      ({ kind: 'executed', result: { token }, instance, index: 0 }) as const
    next(0, take('a'), granted(0, 1), [])
    next(1, take('b'), waits, [])
    next(2, take('c'), waits, [])
    expect(() =>
      locks.copy().executed(3, batchOf(take('c')), execution(3, [ran(take('c'), 3, 0, { token: 2 })])),
    ).toThrow(Violation)
    next(3, take('c'), granted(3, 2), ['a@0', 'b@0'])
    expect(locks.toJson()).toMatchObject({ holds: [{ token: 2 }], waits: [] })
  })
})

describe('bad runs break the invariant that they should', () => {
  test.each(bad)('%i: %s', (invariant, _, facts) => {
    expect(brokenBy(facts)).toBe(invariant)
  })

  test('without the lock service, locks are not judged', () => {
    const twice = [
      ...normal,
      ...chosenAt(b1, 1, rival),
      executed(0, rival, execution(1, [gotLock(other, 1)])),
    ]
    expect(brokenBy(twice, 'kv')).toBe(null)
  })
})

describe('what is known', () => {
  test('is the same text in any order it was learned', () => {
    const [a, b] = [vote(0, b1, 0, batch), vote(2, b1, 0, batch)]
    const start = [...prepared(), accept(b1, 0, batch)]
    expect(observed([...asked, ...start, ...a, ...b]).toJson()).toBe(
      observed([...asked].reverse().concat(start, b, a)).toJson(),
    )
  })

  test('forgets the votes of a ballot that can no longer be chosen', () => {
    const lost = observed([
      ...asked,
      ...prepared(),
      accept(b1, 0, batch),
      ...vote(0, b1, 0, batch),
      synced(1, { promised: b2 }),
      promise(1, b2),
      synced(2, { promised: b2 }),
      promise(2, b2),
    ])
    expect(lost.knowledge().choices.open).toEqual([])
  })

  test('forgets how an instance was chosen that is settled', () => {
    expect(observed(normal).knowledge().choices.open).toEqual([])
  })

  test('forgets requests that their clients need no more', () => {
    const next = request('a@0', 1, lock('y'), 1)
    const facts = [requested(next), ...chosenAt(b1, 1, batchOf(next))]
    const after = observed([
      ...normal,
      ...facts,
      executed(0, batchOf(next), execution(1, [gotLock(next, 1)])),
    ])
    expect(after.knowledge().requests.map(({ sent }) => sent.map(([seq]) => seq))).toEqual([[1], [0]])
  })
})
