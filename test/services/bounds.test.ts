/** What is kept of clients is bounded: beyond it they are told to come back, or that a result is forgotten. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Command } from '../../machines/batch.ts'
import { type ReplicatedLimits, replicatedLimits } from '../../machines/limits.ts'
import { kvService } from '../../src/services/kv/kv.ts'
import { lockService } from '../../src/services/lock.ts'
import { Replica } from '../../src/services/replica.ts'
import type { Service } from '../../src/services/service.ts'
import { batchOf } from '../support/batches.ts'
import { contentsIn } from '../support/replica-contents.ts'
import {
  ask,
  body,
  cancel,
  hourMs,
  lock,
  opened,
  outcomesOf,
  recalled,
  refused,
  run,
  threeMembers,
  unlock,
} from './driver.ts'

const open = (ttlMs = 10_000): Command => ({ kind: 'open', ttlMs })
const full = (of: 'sessions' | 'waiting') => ({ kind: 'full', of })

function bounded(
  limits: Partial<ReplicatedLimits>,
  service: Service = lockService as Service,
  sessions: number = limits.sessions ?? 4,
): Replica {
  return new Replica({
    service,
    members: threeMembers,
    sessions: ['a@0', 'b@0', 'h@0', 'c@0'].slice(0, sessions),
    limits: { ...replicatedLimits, ...limits },
  })
}

describe('sessions', () => {
  test('beyond the limit a new one is turned away, before it is proposed and when it was; known ones go on', () => {
    const replica = bounded({ sessions: 2 })
    expect(replica.recall('n', [{ seq: 1, command: open() }])).toEqual({ ended: [], isFull: true })
    expect(run(replica, [ask('n', 1, open())])).toMatchObject({
      outcomes: [{ uid: 'n', seq: 1, outcome: full('sessions') }],
      progressed: false,
    })
    expect(replica.sessionCount).toBe(2)
    expect(outcomesOf(replica, [ask('a@0', 2, lock('x'))])).toMatchObject([{ kind: 'executed' }])
    expect(recalled(replica, 'a@0', 3, lock('x'))).toBeNull()
  })

  test('one that ends makes room, and the request that was turned away is executed then', () => {
    const replica = bounded({ sessions: 1 }, lockService as Service, 0)
    opened(replica, 'n', 5_000)
    expect(outcomesOf(replica, [ask('m', 1, open())])).toEqual([full('sessions')])
    expect(outcomesOf(replica, [ask('m', 1, open())], { clockMs: 5_000 })).toMatchObject([
      { kind: 'executed' },
    ])
  })

  test('those of plain text leave room for others', () => {
    const replica = bounded({ sessions: 2, plainTextSessions: 1 }, lockService as Service, 0)
    run(replica, [ask('udp:h:1/x/1', 1, unlock('x'))])
    expect(outcomesOf(replica, [ask('udp:h:1/y/1', 1, unlock('y'))])).toEqual([full('sessions')])
    expect(outcomesOf(replica, [ask('n', 1, open())])).toMatchObject([{ kind: 'executed' }])
    run(replica, [], { clockMs: 2 * hourMs })
    expect(outcomesOf(replica, [ask('udp:h:1/y/1', 1, unlock('y'))])).toMatchObject([{ kind: 'executed' }])
  })

  test('usage tells how many there are of how many', () => {
    const replica = bounded({ sessions: 5 }, lockService as Service, 2)
    run(replica, [ask('a@0', 1, lock('x')), ask('b@0', 1, lock('x'))])
    expect(replica.usage).toEqual({
      members: { used: 3, allowed: 31 },
      sessions: { used: 2, allowed: 5 },
      plainTextSessions: { used: 0, allowed: 100_000 },
      waiting: { used: 1, allowed: 100_000 },
      resultBytes: { used: expect.any(Number), allowed: 256 * 1_048_576 },
      timers: { used: 0, allowed: 250_000 },
      stateBytes: { used: expect.any(Number), allowed: 2 ** 30 },
    })
  })
})

describe('requests that wait', () => {
  test.each([
    ['of one session', { sessionWaiting: 2 }, 'a@0'],
    ['of all', { waiting: 2 }, 'b@0'],
  ])('%s: beyond the limit another is turned away, and what frees them is not', (_, limits, uid) => {
    const replica = bounded(limits)
    run(replica, [ask('h@0', 1, lock('x')), ask('a@0', 1, lock('x')), ask('a@0', 2, lock('x'))])
    expect(outcomesOf(replica, [ask(uid, 3, lock('x'))])).toEqual([full('waiting')])
    expect(replica.waitingCount).toBe(2)
    expect(outcomesOf(replica, [ask('a@0', 1, lock('x'))]), 'what waits goes on waiting').toEqual([
      { kind: 'delayed', key: 'a@0#1' },
    ])
    run(replica, [ask('h@0', 2, unlock('x'))])
    expect(
      outcomesOf(replica, [ask('a@0', 1, lock('x')), ask(uid, 3, lock('x'))]),
      'it asks again',
    ).toMatchObject([{ kind: 'executed' }, { kind: 'delayed' }])
  })

  test('a service that is turned away has not been: its state is that of before', () => {
    const counting: Service = {
      ...(lockService as Service),
      sizeBytes: () => 0,
      initial: () => 0,
      parse: (json) => json,
      execute: (state) => ({ kind: 'delayed', state: (state as number) + 1, key: 'k' }),
      snapshot: (state) => [state as number],
    }
    const replica = bounded({ waiting: 1 }, counting)
    run(replica, [ask('a@0', 1, body(1)), ask('a@0', 2, body(2))])
    expect(contentsIn(replica.snapshot()).rows).toEqual([1])
  })
})

describe('results that nobody acknowledges', () => {
  test('of one session: the lowest half is forgotten, and a retry of one is refused, never executed again', () => {
    const replica = bounded({ sessionResults: 10 })
    for (let seq = 1; seq <= 11; seq += 1) run(replica, [ask('c@0', seq, unlock(`x${seq}`))])
    expect(recalled(replica, 'c@0', 6, unlock('x6'))).toEqual(refused('forgotten'))
    expect(recalled(replica, 'c@0', 7, unlock('x7'))).toMatchObject({ kind: 'executed', instance: 6 })
    expect(run(replica, [ask('c@0', 3, unlock('x3'))])).toMatchObject({
      outcomes: [{ outcome: refused('forgotten') }],
      progressed: false,
    })
    expect(outcomesOf(replica, [ask('c@0', 12, unlock('x'))])).toMatchObject([{ kind: 'executed' }])
  })

  test('what waits among them is not forgotten', () => {
    const replica = bounded({ sessionResults: 10 })
    run(replica, [ask('h@0', 1, lock('x')), ask('c@0', 2, lock('x'))])
    for (let seq = 3; seq <= 20; seq += 1) run(replica, [ask('c@0', seq, unlock(`x${seq}`))])
    expect(recalled(replica, 'c@0', 3, unlock('x3'))).toEqual(refused('forgotten'))
    expect(recalled(replica, 'c@0', 2, lock('x'))).toBeNull()
    run(replica, [ask('h@0', 2, unlock('x'))])
    expect(outcomesOf(replica, [ask('c@0', 2, lock('x'))])).toMatchObject([{ kind: 'executed' }])
  })

  test('a client may begin high and go on low', () => {
    const replica = bounded({ sessionResults: 10 })
    for (const seq of [2 ** 52, 1, 2, 3, 4, 5]) {
      expect(outcomesOf(replica, [ask('c@0', seq, unlock('x'))])).toMatchObject([{ kind: 'executed' }])
    }
  })

  test('a session that acknowledges forgets nothing', () => {
    const replica = bounded({ sessionResults: 10 })
    for (let seq = 1; seq <= 100; seq += 1) run(replica, [ask('a@0', seq, unlock('x'), seq - 8)])
    for (let seq = 92; seq <= 100; seq += 1) {
      expect(recalled(replica, 'a@0', seq, unlock('x'))).toMatchObject({ kind: 'executed' })
    }
    expect(recalled(replica, 'a@0', 91, unlock('x'))).toEqual(refused('stale'))
  })

  test('in bytes: of one session the lowest, of all the oldest', () => {
    const value = 'v'.repeat(1_000)
    const put = (key: string) => body({ action: 'put', key, value })
    const get = body({ action: 'get', key: 'k' })
    for (const [limits, uids] of [
      [{ sessionResultBytes: 10_000 }, ['a@0']],
      [{ resultBytes: 10_000 }, ['a@0', 'b@0', 'c@0']],
    ] as const) {
      const replica = bounded(limits, kvService as Service)
      run(replica, [ask('h@0', 1, put('k'))])
      for (let seq = 1; seq <= 30; seq += 1) {
        for (const uid of uids) run(replica, [ask(uid, seq, get)])
        expect(replica.usage.resultBytes.used).toBeLessThan(12_000)
      }
      expect(recalled(replica, 'a@0', 1, get)).toEqual(refused('forgotten'))
      expect(recalled(replica, 'a@0', 30, get)).toMatchObject({
        kind: 'executed',
        result: { entry: { value } },
      })
    }
  })

  test('what is acknowledged, or of a session that has ended, takes no room', () => {
    const replica = bounded({}, lockService as Service, 0)
    const [a, b] = [opened(replica, 'a', 5_000), opened(replica, 'b', 5_000)]
    run(replica, [ask(a, 1, lock('x')), ask(b, 1, lock('y'))])
    const { used } = replica.usage.resultBytes
    run(replica, [ask(a, 2, lock('z'), 2)])
    expect(replica.usage.resultBytes.used).toBe(used)
    run(replica, [], { clockMs: 5_000 })
    expect(replica.usage.resultBytes.used).toBe(0)
    expect(replica.sessionCount).toBe(0)
  })
})

test('two replicas forget and turn away the same, though one is restored on its way', () => {
  // Two sessions that are open from the start, and one that may have been opened.
  const uid = fc.constantFrom('a@0', 'b@0', 'n@0.0')
  const command = fc.oneof(
    fc.constantFrom('x', 'y').map(lock),
    fc.constantFrom('x', 'y').map(unlock),
    fc.nat(12).map(cancel),
    fc.constant(body('malformed'.repeat(20))),
  )
  const request = fc.oneof(
    { weight: 1, arbitrary: fc.constant(ask('n', 1, open(hourMs))) },
    {
      weight: 8,
      arbitrary: fc.record({
        uid,
        seq: fc.integer({ min: 1, max: 12 }),
        ackedBelow: fc.constantFrom(0, 0, 0, 3),
        command,
      }),
    },
  )
  const batches = fc.array(
    fc
      .record({
        node: fc.nat(2),
        elapsedMs: fc.constantFrom(0, 0, 0, 2 * hourMs),
        requests: fc.array(request, { maxLength: 5 }),
      })
      .map(({ node, elapsedMs, requests }) => batchOf(node, requests, { elapsedMs })),
    { maxLength: 20 },
  )
  const limits = {
    ...replicatedLimits,
    sessions: 3,
    plainTextSessions: 1,
    waiting: 2,
    sessionWaiting: 1,
    sessionResults: 4,
    sessionResultBytes: 4_000,
    resultBytes: 7_000,
  }
  const reached = new Set<string>()
  fc.assert(
    fc.property(batches, fc.nat(20), (given, restoredAt) => {
      const one = bounded(limits, lockService as Service, 2)
      let other = bounded(limits, lockService as Service, 2)
      given.forEach((batch, instance) => {
        if (instance === restoredAt) other = Replica.restore(lockService as Service, other.snapshot(), limits)
        const execution = one.execute(instance, batch)
        expect(other.execute(instance, batch)).toEqual(execution)
        for (const { outcome } of execution.outcomes) {
          reached.add(outcome.kind === 'refused' ? outcome.reason : outcome.kind)
          if (outcome.kind === 'full') reached.add(outcome.of)
        }
        const { sessions, waiting, resultBytes } = one.usage
        expect(other.usage).toEqual(one.usage)
        for (const { used, allowed } of [sessions, waiting, resultBytes])
          expect(used).toBeLessThanOrEqual(allowed)
      })
      expect(other.digest()).toBe(one.digest())
    }),
    { numRuns: 400 },
  )
  for (const what of ['sessions', 'waiting', 'forgotten', 'stale', 'delayed', 'cancelled', 'conflict']) {
    expect(reached).toContain(what)
  }
})
