/**
 * Clients that speak plain text: known by their address, so that a repetition and a new client look alike. Each test says what
 * the datagrams of one address come to. Servers bring each of them in under a uid of its own.
 */
import { describe, expect, test } from 'vitest'
import { isPlainText, plainTextIdleMs, plainTextUid, sessionOf } from '../../src/core/plain-text-client.ts'
import { lockService } from '../../src/services/lock.ts'
import type { Replica } from '../../src/services/replica.ts'
import type { Service } from '../../src/services/service.ts'
import {
  ask,
  body,
  lock,
  locked,
  newReplica,
  outcomesOf,
  recalled,
  refused,
  restored,
  run,
  testSessions,
  unlock,
  unlocked,
} from './driver.ts'

const here = '127.0.0.1:4711'

let marks = 0

/** What a server makes of a datagram that it has not seen before: a request under a uid of its own. */
function brought(action: 'LOCK' | 'UNLOCK', seq: number, name = 'x', address = here) {
  marks += 1
  const uid = plainTextUid(address, name, `m${marks}`)
  return ask(uid, 2 * seq + (action === 'LOCK' ? 0 : 1), action === 'LOCK' ? lock(name) : unlock(name))
}

/** How the next batch, of this alone, ends; `afterMs` of the replicated clock after the last. */
function outcome(replica: Replica, request: ReturnType<typeof brought>, afterMs = 0) {
  const { outcomes } = run(replica, [request], { clockMs: replica.clockMs + afterMs })
  return outcomes.find(({ uid, seq }) => uid === request.uid && seq === request.seq)?.outcome
}

/** The client at this address has the lock x, by its request 1. */
function holding(): Replica {
  const replica = newReplica()
  expect(outcome(replica, brought('LOCK', 1))).toMatchObject({ kind: 'executed' })
  return replica
}

const repeated = refused('repeated')
const executed = { kind: 'executed' }
const delayed = { kind: 'delayed' }

describe('a repetition', () => {
  test('of a LOCK that still holds is answered, and takes nothing', () => {
    const replica = holding()
    expect(outcome(replica, brought('LOCK', 1), plainTextIdleMs / 2)).toEqual(repeated)
    expect(replica.view()).toMatchObject({
      tables: [{ rows: [['x', expect.any(String), 1, 'exclusive']] }, {}],
    })
  })

  test('of a LOCK that holds no more is not answered and takes nothing: who asks may be another client', () => {
    const replica = holding()
    outcome(replica, brought('UNLOCK', 2))
    expect(outcome(replica, brought('LOCK', 1))).toEqual(refused('expired'))
    run(replica, [ask('a@0', 1, lock('x'))])
    expect(outcome(replica, brought('LOCK', 1))).toEqual(refused('expired'))
  })

  test('of a LOCK that another request of the same client has taken again is not answered for it', () => {
    const replica = holding()
    outcome(replica, brought('UNLOCK', 2))
    outcome(replica, brought('LOCK', 3))
    expect(outcome(replica, brought('LOCK', 1))).toEqual(refused('expired'))
  })

  test('of an UNLOCK is answered and frees nothing of a later holder', () => {
    const replica = holding()
    outcome(replica, brought('UNLOCK', 2))
    run(replica, [ask('a@0', 1, lock('x'))])
    expect(outcome(replica, brought('UNLOCK', 2))).toEqual(repeated)
    outcome(replica, brought('LOCK', 3))
    expect(replica.view()).toMatchObject({
      tables: [{ rows: [['x', 'a@0', 2, 'exclusive']] }, {}],
    })
  })

  test('that is chosen twice under one uid ends as it ended', () => {
    const replica = newReplica()
    const request = brought('LOCK', 1)
    expect(outcomesOf(replica, [request, request])).toEqual([locked(0), locked(0)])
    const copy = brought('LOCK', 1)
    expect(outcomesOf(replica, [copy, copy])).toEqual([repeated, repeated])
    expect(outcome(replica, request)).toEqual(locked(0))
  })

  test('of one that failed is not answered', () => {
    const replica = newReplica()
    const [uid, again] = [plainTextUid(here, 'x', 'a'), plainTextUid(here, 'x', 'b')]
    expect(outcomesOf(replica, [ask(uid, 1, body('nonsense'))])).toMatchObject([{ kind: 'failed' }])
    expect(outcomesOf(replica, [ask(again, 1, body('nonsense'))])).toEqual([refused('expired')])
  })

  test('of one that waits at another server waits with it, and ends when it is granted', () => {
    const replica = newReplica()
    run(replica, [ask('a@0', 1, lock('x'))])
    const [first, second] = [brought('LOCK', 1), brought('LOCK', 1)]
    expect(outcomesOf(replica, [first], { node: 1 })).toMatchObject([delayed])
    expect(outcomesOf(replica, [second], { node: 2 })).toMatchObject([delayed])
    expect(replica.waitingCount).toBe(1)
    run(replica, [ask('a@0', 2, unlock('x'))])
    const { outcomes, instance } = run(replica, [second], { node: 2 })
    expect(outcomes).toEqual([
      { ...named(second), outcome: locked(instance) },
      { ...named(first), outcome: repeated },
    ])
    // It was granted once: when it is freed nobody takes it.
    outcome(replica, brought('UNLOCK', 2))
    expect(replica.waitingCount).toBe(0)
    expect(outcome(replica, first)).toEqual(refused('expired'))
  })

  test('of one that waits keeps a bounded number of uids, and the oldest end', () => {
    const replica = newReplica()
    run(replica, [ask('a@0', 1, lock('x'))])
    const copies = Array.from({ length: 50 }, () => brought('LOCK', 1))
    const ends = copies.flatMap((copy) => run(replica, [copy]).outcomes)
    const ended = ends.filter((end) => end.outcome.kind === 'refused').map(({ uid }) => uid)
    expect(ended).toEqual(copies.slice(0, 42).map(({ uid }) => uid))
    run(replica, [ask('a@0', 2, unlock('x'))])
    const last = copies.at(-1) ?? brought('LOCK', 1)
    expect(run(replica, [last]).outcomes).toHaveLength(8)
  })
})

describe('when nothing new was asked for a while', () => {
  test('the LOCK of a new client at the address waits for the lock that the old one holds', () => {
    const replica = holding()
    expect(outcome(replica, brought('LOCK', 1), plainTextIdleMs + 1)).toMatchObject(delayed)
  })

  test('it is granted when the lock is free', () => {
    const replica = holding()
    outcome(replica, brought('UNLOCK', 2))
    expect(outcome(replica, brought('LOCK', 1), plainTextIdleMs + 1)).toMatchObject(executed)
  })

  test('its UNLOCK frees', () => {
    const replica = holding()
    outcome(replica, brought('UNLOCK', 2))
    outcome(replica, brought('LOCK', 1, 'x', '127.0.0.1:4712'))
    expect(outcome(replica, brought('UNLOCK', 2), plainTextIdleMs + 1)).toMatchObject({
      result: { freed: true },
    })
  })

  test('repetitions do not count: who only repeats is told nothing for that long, and then asks anew', () => {
    const replica = holding()
    outcome(replica, brought('UNLOCK', 2))
    const step = plainTextIdleMs / 4
    const ends = Array.from({ length: 5 }, () => outcome(replica, brought('LOCK', 1), step))
    expect(ends).toMatchObject([...Array(4).fill(refused('expired')), executed])
    // And with its LOCK its UNLOCK is a new one too.
    expect(outcome(replica, brought('UNLOCK', 2))).toMatchObject({
      kind: 'executed',
      result: { freed: true },
    })
  })

  test('what waits is remembered, however long', () => {
    const replica = newReplica()
    run(replica, [ask('a@0', 1, lock('x'))])
    const first = brought('LOCK', 1)
    run(replica, [first])
    expect(outcome(replica, brought('LOCK', 1), 1_000 * plainTextIdleMs)).toMatchObject(delayed)
    expect(replica.waitingCount).toBe(1)
  })

  test('sessions of other clients stay', () => {
    const replica = holding()
    run(replica, [ask('a@0', 1, unlock('y'))])
    run(replica, [], { clockMs: replica.clockMs + plainTextIdleMs + 1 })
    expect(replica.sessionCount).toBe(testSessions.length)
    expect(outcomesOf(replica, [ask('b@0', 1, unlock('z'))])).toEqual([unlocked(3, 0, false)])
  })
})

describe('a client', () => {
  test('uses one number for LOCK and UNLOCK, and for two locks', () => {
    const replica = newReplica()
    expect(outcomesOf(replica, [brought('LOCK', 1), brought('LOCK', 1, 'y'), brought('UNLOCK', 1)])).toEqual([
      locked(0, 0),
      locked(0, 1),
      unlocked(0, 2),
    ])
  })

  test('at another address is another client', () => {
    const replica = holding()
    expect(outcome(replica, brought('LOCK', 1, 'x', '127.0.0.1:4712'))).toMatchObject(delayed)
  })

  test('is never answered from what one server remembers: that may be of long ago', () => {
    const replica = newReplica()
    const request = brought('LOCK', 1)
    run(replica, [request])
    expect(recalled(replica, request.uid, request.seq, request.command)).toBeNull()
  })

  test('is in the snapshot, with the uids under which it waits', () => {
    const replica = holding()
    const [first, second] = [brought('LOCK', 3), brought('LOCK', 3)]
    run(replica, [first, second])
    const other = restored(replica)
    expect(other.digest()).toBe(replica.digest())
    const ends = [replica, other].map((each) => run(each, [brought('UNLOCK', 4), second, brought('LOCK', 1)]))
    expect(ends[1]?.outcomes.map(({ outcome }) => outcome)).toEqual(
      ends[0]?.outcomes.map(({ outcome }) => outcome),
    )
    expect(ends[1]?.outcomes.map(({ outcome }) => outcome)).toMatchObject([
      executed,
      executed,
      repeated,
      refused('expired'),
    ])
  })
})

test('a service that cannot say whether a result still holds stops nobody', () => {
  const odd = {
    ...lockService,
    stillHolds: () => {
      throw new Error('odd')
    },
  } as unknown as Service
  const replica = newReplica(odd)
  run(replica, [brought('LOCK', 1)])
  expect(outcome(replica, brought('LOCK', 1))).toEqual(refused('expired'))
})

test('a uid of plain text is told from others, and names its session', () => {
  const uid = plainTextUid('[fe80::1%eth0]:5', 'x', 'mark')
  expect(isPlainText(uid)).toBe(true)
  expect(isPlainText('RANDOM@5')).toBe(false)
  expect(sessionOf(uid)).toBe(sessionOf(plainTextUid('[fe80::1%eth0]:5', 'x', 'other')))
  expect(sessionOf(uid)).not.toBe(sessionOf(plainTextUid('[fe80::1%eth0]:5', 'y', 'mark')))
  expect(sessionOf('RANDOM/1@5')).toBe('RANDOM/1@5')
})

function named({ uid, seq }: ReturnType<typeof brought>) {
  return { uid, seq }
}
