import { describe, expect, test } from 'vitest'
import { canonicalJson } from '../../src/core/digest.ts'
import { publicId } from '../../src/core/names.ts'
import { plainTextIdleMs, plainTextUid } from '../../src/core/plain-text-client.ts'
import { kvService } from '../../src/services/kv/kv.ts'
import { lockService } from '../../src/services/lock.ts'
import { Replica } from '../../src/services/replica.ts'
import type { Service } from '../../src/services/service.ts'
import { contentsIn } from '../support/replica-contents.ts'
import {
  ask,
  body,
  cancel,
  hourMs,
  lock,
  locked,
  lockedBy,
  newReplica,
  opened,
  outcomesOf,
  recalled,
  restored,
  run,
  testSessions,
  unlock,
} from './driver.ts'

/** Opens the session `n@2.2` in the third batch of `busyReplica`. */
const openN = ask('n', 1, { kind: 'open', ttlMs: hourMs })

function busyReplica(): Replica {
  const replica = newReplica()
  run(replica, [ask('h@0', 1, lock('x')), ask('h@0', 2, lock('y'))], { clockMs: 10 })
  run(replica, [ask('b@0', 3, lock('x')), ask('a@0', 7, lock('y'), 4)], { node: 2, clockMs: 20 })
  run(replica, [ask('a@0', 9, cancel(8)), ask('udp:127.0.0.1:5', 1, unlock('z')), openN], { clockMs: 30 })
  return replica
}

describe('a restored replica', () => {
  test('equals the one that it is the snapshot of', () => {
    const replica = busyReplica()
    const copy = restored(replica)
    expect(copy.digest()).toBe(replica.digest())
    expect([copy.firstUnexecuted, copy.clockMs, copy.waitingCount]).toEqual([3, 30, 2])
    expect(copy.sessionCount).toBe(testSessions.length + 2)
  })

  test('goes on like it: retries, wake-ups, ends of sessions', () => {
    const replica = busyReplica()
    const copy = restored(replica)
    expect(recalled(copy, 'h@0', 1, lock('x'))).toEqual(locked(0))
    for (const [requests, clockMs] of [
      [[ask('h@0', 3, unlock('x')), ask('h@0', 4, unlock('y'))], 40],
      [[ask('a@0', 7, lock('y'), 4), ask('a@0', 8, lock('q')), ask('h@0', 1, lock('x'))], 50],
      [[ask('h@0', 5, lock('r')), ask('n@2.2', 1, lock('s'))], 45 + hourMs],
    ] as const) {
      expect(run(copy, requests, { clockMs })).toEqual(run(replica, requests, { clockMs }))
      expect(copy.digest()).toBe(replica.digest())
    }
    expect(copy.sessionCount, 'one has ended, one of plain text was idle for too long').toBe(
      testSessions.length,
    )
  })

  test('forgets first which client of plain text has been idle for longest, in any order of uids', () => {
    const replica = newReplica()
    const ofPort = (port: string) => ask(plainTextUid(`h:${port}`, 'x', 'm'), 1, unlock('x'))
    for (const [clockMs, port] of ['2', '3', '1'].entries()) run(replica, [ofPort(port)], { clockMs })
    const copy = restored(replica)
    const again = run(copy, ['1', '2', '3'].map(ofPort), { clockMs: plainTextIdleMs + 1 })
    expect(again.outcomes, 'the longest idle one is executed anew').toMatchObject([
      { outcome: { kind: 'executed', instance: 2 } },
      { outcome: { kind: 'executed', instance: 3 } },
      { outcome: { kind: 'executed', instance: 1 } },
    ])
  })

  test('keeps the ends of sessions, their revocation, and what is kept for them', () => {
    const replica = newReplica()
    const [kept, revoked, idle] = ['kept', 'revoked', 'idle'].map((name) => opened(replica, name, 5_000))
    run(replica, [ask(kept!, 1, lock('x')), ask('a@0', 1, lock('y')), ask(kept!, 2, lock('y'))])
    run(replica, [ask('a@0', 2, { kind: 'end', session: publicId(revoked!) })])
    const copy = restored(replica)
    expect(copy.deadlineMs).toBe(replica.deadlineMs)
    for (const one of [replica, copy]) {
      run(one, [ask(revoked!, 1, { kind: 'touch' }), ask(idle!, 1, { kind: 'touch' })], { clockMs: 4_000 })
    }
    expect(copy.digest()).toBe(replica.digest())
    expect(run(copy, [], { clockMs: 5_000 }).endedSessions).toEqual([kept, revoked])
    expect(copy.deadlineMs).toBeNull()
  })
})

describe('a digest', () => {
  test('is that of the state, not of the order in which it was reached', () => {
    const [one, other] = [newReplica(), newReplica()]
    const sessions = [ask('a@0', 1, unlock('x')), ask('b@0', 1, unlock('x'))]
    run(one, [ask('h@0', 2, lock('p'))])
    run(one, [ask('h@0', 1, lock('q'))])
    run(one, sessions)
    run(other, [ask('h@0', 2, lock('p'))])
    run(other, [ask('h@0', 1, lock('q'))])
    const copy = restored(other)
    run(copy, sessions)
    expect(copy.digest()).toBe(one.digest())
    expect(one.digest()).toMatch(/^[0-9a-f]{64}$/)
  })

  test('does not depend on the order in which requests came to wait', () => {
    const delaying: Service = {
      ...(kvService as Service),
      parse: (json) => json,
      execute: (state) => ({ kind: 'delayed', state, key: 'k' }),
    }
    const waiting = [ask('a@0', 1, body(1)), ask('b@0', 1, body(1)), ask('a@0', 2, body(1))]
    const digests = [waiting, waiting.toReversed()].map((requests) => {
      const replica = newReplica(delaying)
      run(replica, requests)
      return replica.digest()
    })
    expect(digests[1]).toBe(digests[0])
  })

  test('what has ended is written in order of seq', () => {
    const replica = newReplica()
    run(
      replica,
      [3, 1, 2].map((seq) => ask('a@0', seq, unlock('x'))),
    )
    const { sessions } = contentsIn(replica.snapshot())
    expect(sessions[0]?.ended.map(([seq]) => seq)).toEqual([1, 2, 3])
  })

  test.each([
    ['the instance', [[], []], [[]]],
    ['a lock', [[ask('a@0', 1, lock('x'))]], [[ask('a@0', 1, lock('y'))]]],
    ['a session', [[ask('a@0', 1, unlock('x'))]], [[ask('b@0', 1, unlock('x'))]]],
    ['what is acknowledged', [[ask('a@0', 5, unlock('x'), 3)]], [[ask('a@0', 5, unlock('x'), 4)]]],
    [
      'what waits',
      [[ask('h@0', 1, lock('x')), ask('a@0', 1, lock('x'))]],
      [[ask('h@0', 1, lock('x')), ask('a@0', 2, lock('x'))]],
    ],
  ])('differs with %s', (_, these, those) => {
    const [one, other] = [newReplica(), newReplica()]
    for (const requests of these) run(one, requests)
    for (const requests of those) run(other, requests)
    expect(one.digest()).not.toBe(other.digest())
  })

  test('differs with the time, and with the server at which a request waits', () => {
    const digests = [
      { node: 0, clockMs: 0 },
      { node: 0, clockMs: 1 },
      { node: 1, clockMs: 0 },
    ].map((options) => {
      const replica = newReplica()
      run(replica, [ask('h@0', 1, lock('x')), ask('a@0', 1, lock('x'))], options)
      return replica.digest()
    })
    expect(new Set(digests).size).toBe(3)
  })
})

describe('what is no snapshot', () => {
  test.each([
    ['nothing', Buffer.from(''), 'the snapshot is cut short, after 0 lines'],
    ['noise', Buffer.from('noise\n'), 'line 1 of the snapshot: not a snapshot: noise is no JSON'],
    ['noise that never ends a line', Buffer.alloc(70_000, 'a'), 'a line has more than 65536 bytes'],
    ['no text', Buffer.from([0xc3, 0x28, 0x0a]), 'its bytes are no UTF-8 text'],
    ['another format', Buffer.from('{"format":7}\n'), 'a snapshot of format 7: this version reads format 6'],
    ['another service', newReplica(kvService as Service).snapshot(), 'a snapshot of the service kv'],
  ])('%s is refused', (_, bytes, error) => {
    expect(() => Replica.restore(lockService as Service, bytes)).toThrow(error)
  })
})

test('canonical JSON: keys in order at every depth, arrays as they are, nothing for what is undefined', () => {
  const value = { b: [3, 1, { d: null, c: 'é"' }], a: undefined, A: true }
  expect(canonicalJson(value)).toBe('{"A":true,"b":[3,1,{"c":"é\\"","d":null}]}')
})

test('a token keeps growing after a restore', () => {
  const replica = lockedBy('a@0')
  run(replica, [ask('a@0', 2, unlock('x'))])
  expect(outcomesOf(restored(replica), [ask('a@0', 3, lock('x'))])).toEqual([locked(2, 0, 2)])
})
