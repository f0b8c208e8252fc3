import { describe, expect, test } from 'vitest'
import { canonicalJson } from '../../src/core/digest.ts'
import { kvService } from '../../src/services/kv/kv.ts'
import { lockService } from '../../src/services/lock.ts'
import { Replica } from '../../src/services/replica.ts'
import type { Service } from '../../src/services/service.ts'
import {
  ask,
  body,
  cancel,
  hourMs,
  lock,
  locked,
  lockedBy,
  newReplica,
  outcomesOf,
  recalled,
  restored,
  run,
  threeMembers,
  unlock,
} from './driver.ts'

function busyReplica(): Replica {
  const replica = newReplica()
  run(replica, [ask('h@0', 1, lock('x')), ask('h@0', 2, lock('y'))], { clockMs: 10 })
  run(replica, [ask('b@0', 3, lock('x')), ask('a@0', 7, lock('y'), 4)], { node: 2, clockMs: 20 })
  run(replica, [ask('a@0', 9, cancel(8)), ask('udp:127.0.0.1:5', 1, unlock('z'))], { clockMs: 30 })
  return replica
}

describe('a restored replica', () => {
  test('equals the one that it is the snapshot of', () => {
    const replica = busyReplica()
    const copy = restored(replica)
    expect(copy.digest()).toBe(replica.digest())
    expect([copy.firstUnexecuted, copy.clockMs, copy.waitingCount, copy.sessionCount]).toEqual([3, 30, 2, 4])
  })

  test('goes on like it: retries, wake-ups, evictions', () => {
    const replica = busyReplica()
    const copy = restored(replica)
    expect(recalled(copy, 'h@0', 1, lock('x'))).toEqual(locked(0))
    for (const [requests, clockMs] of [
      [[ask('h@0', 3, unlock('x')), ask('h@0', 4, unlock('y'))], 40],
      [[ask('a@0', 7, lock('y'), 4), ask('a@0', 8, lock('q')), ask('h@0', 1, lock('x'))], 50],
      [[ask('h@0', 5, lock('r'))], 45 + hourMs],
    ] as const) {
      expect(run(copy, requests, { clockMs })).toEqual(run(replica, requests, { clockMs }))
      expect(copy.digest()).toBe(replica.digest())
    }
    expect(copy.sessionCount, 'one was idle for too long; one is used, one waits, one is not yet due').toBe(3)
  })

  test('forgets first what has been idle for longest, in any order of uids', () => {
    const replica = newReplica()
    for (const [clockMs, uid] of ['b@0', 'c@0', 'a@0'].entries()) {
      run(replica, [ask(uid, 1, unlock('x'))], { clockMs })
    }
    const copy = restored(replica)
    run(copy, [], { clockMs: hourMs + 1 })
    expect(['a@0', 'b@0', 'c@0'].map((uid) => recalled(copy, uid, 1, unlock('x'))?.kind)).toEqual([
      'executed',
      'refused',
      'executed',
    ])
  })

  test('keeps the limit of its sessions', () => {
    const brief = new Replica({ service: lockService as Service, members: threeMembers, sessionIdleMs: 5 })
    run(brief, [ask('a@0', 1, lock('x'))])
    const copy = restored(brief)
    run(copy, [], { clockMs: 6 })
    expect(copy.sessionCount).toBe(0)
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
    const { sessions } = JSON.parse(Buffer.from(replica.snapshot()).toString())
    expect(sessions[0].ended.map(([seq]: [number]) => seq)).toEqual([1, 2, 3])
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
    ['noise', Buffer.from('noise'), 'not a snapshot, in 5 bytes'],
    ['another format', Buffer.from('{"format":7}'), 'a snapshot of format 7: this version reads format 2'],
    ['another service', newReplica(kvService as Service).snapshot(), 'a snapshot of the service kv'],
  ])('%s is refused', (_, bytes, error) => {
    expect(() => Replica.restore(lockService as Service, bytes)).toThrow(error)
  })

  test('nor is a limit of no time', () => {
    expect(
      () => new Replica({ service: lockService as Service, members: threeMembers, sessionIdleMs: 0 }),
    ).toThrow('sessionIdleMs is 0')
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
