import { describe, expect, test } from 'vitest'
import type { Service } from '../../src/services/service.ts'
import {
  ask,
  body,
  cancel,
  lock,
  locked,
  lockedBy,
  newReplica,
  opened,
  outcomesOf,
  recalled,
  refused,
  restored,
  run,
  unlock,
} from './driver.ts'

describe('a delayed request', () => {
  test('says what it waits for, and is no progress', () => {
    const replica = lockedBy('h@0')
    expect(run(replica, [ask('a@0', 1, lock('x'))])).toMatchObject({
      outcomes: [{ uid: 'a@0', seq: 1, outcome: { kind: 'delayed', key: 'a@0#1' } }],
      progressed: false,
    })
    expect(replica.waitingCount).toBe(1)
  })

  test('is proposed again once woken, and runs', () => {
    const replica = newReplica()
    run(replica, [ask('h@0', 1, lock('x')), ask('a@0', 1, lock('x'))])
    expect(run(replica, [ask('h@0', 2, unlock('x'))])).toMatchObject({ freed: ['a@0#1'], concerned: [0] })
    expect(outcomesOf(replica, [ask('a@0', 1, lock('x'))])).toEqual([locked(2)])
    expect(replica.waitingCount).toBe(0)
    expect(recalled(replica, 'a@0', 1, lock('x'))).toEqual(locked(2))
  })

  test('chosen twice while it waits, it waits once', () => {
    const replica = newReplica()
    const request = ask('a@0', 1, lock('x'))
    run(replica, [ask('h@0', 1, lock('x')), request, request])
    run(replica, [request])
    expect(replica.waitingCount).toBe(1)
  })
})

describe('what is freed, and who is concerned', () => {
  test('the servers that hold a request waiting for a freed key, in order of id', () => {
    const replica = newReplica()
    run(replica, [ask('h@0', 1, lock('x')), ask('h@0', 2, lock('y'))])
    run(replica, [ask('a@0', 1, lock('x'))], { node: 2 })
    run(replica, [ask('b@0', 1, lock('x')), ask('c@0', 1, lock('x'))], { node: 0 })
    run(replica, [ask('d@0', 1, lock('y'))], { node: 1 })
    expect(run(replica, [ask('h@0', 3, unlock('x'))], { node: 1, heldBy: 0 })).toMatchObject({
      freed: ['a@0#1'],
      concerned: [0, 2],
    })
  })

  test('a request that another server had chosen since waits at that one', () => {
    const replica = lockedBy('h@0')
    run(replica, [ask('a@0', 1, lock('x'))], { node: 1 })
    run(replica, [ask('a@0', 1, lock('x'))], { node: 2 })
    expect(run(replica, [ask('h@0', 2, unlock('x'))]).concerned).toEqual([0, 2])
  })

  test('a key for which nobody waits is left out', () => {
    const replica = lockedBy('h@0')
    expect(run(replica, [ask('h@0', 2, unlock('x'))])).toMatchObject({ freed: [], concerned: [0] })
  })

  test('a request that came after the release does not need to be woken', () => {
    const replica = lockedBy('h@0')
    const requests = [ask('h@0', 2, unlock('x')), ask('a@0', 1, lock('x')), ask('b@0', 1, lock('x'))]
    expect(run(replica, requests)).toMatchObject({
      outcomes: [{}, { outcome: locked(1, 1) }, { outcome: { kind: 'delayed' } }],
      freed: [],
    })
  })

  test('a key whose last waiting request ran in the same batch is left out', () => {
    const replica = newReplica()
    run(replica, [ask('h@0', 1, lock('x')), ask('a@0', 1, lock('x'))])
    expect(run(replica, [ask('h@0', 2, unlock('x')), ask('a@0', 1, lock('x'))]).freed).toEqual([])
  })

  test('keys come in the order in which they were freed, each once', () => {
    const replica = newReplica()
    run(replica, [
      ask('h@0', 1, lock('x')),
      ask('h@0', 2, lock('y')),
      ask('a@0', 1, lock('x')),
      ask('a@0', 2, lock('y')),
    ])
    const requests = [unlock('y'), unlock('x'), lock('y'), unlock('y')]
    expect(
      run(
        replica,
        requests.map((command, i) => ask('h@0', 3 + i, command)),
      ).freed,
    ).toEqual(['a@0#2', 'a@0#1'])
  })

  test('a server that is no member any more is not concerned', () => {
    const replica = lockedBy('h@0')
    run(replica, [ask('a@0', 1, lock('x'))], { node: 2 })
    run(replica, [ask('m@0', 1, { kind: 'members', change: { action: 'remove', id: 2 } })])
    expect(run(replica, [ask('h@0', 2, unlock('x'))])).toMatchObject({
      freed: ['a@0#1'],
      concerned: [0],
    })
  })

  test('what waits for anything is concerned by any progress', () => {
    const moody: Service<number> = {
      name: 'moody',
      initial: () => 0,
      parse: (json) => json,
      execute: (state, command) =>
        command === 'wait' ? { kind: 'delayed', state } : { kind: 'executed', state, result: null },
      snapshot: (state) => [state as number],
      restore: ([state]) => Number(state),
    }
    const replica = newReplica(moody as Service)
    expect(run(replica, [ask('a@0', 1, body('wait'))], { node: 1 })).toMatchObject({
      outcomes: [{ outcome: { kind: 'delayed', key: null } }],
      progressed: false,
      concerned: [1],
    })
    expect(run(replica, [ask('b@0', 1, body('go'))])).toMatchObject({
      freed: [],
      progressed: true,
      concerned: [0, 1],
    })
  })
})

describe('cancel', () => {
  const cancelled = (instance: number, index = 0) => ({ kind: 'cancelled', instance, index })
  const cancelledInTime = (instance: number, index = 0) => ({
    kind: 'executed',
    result: { ended: null },
    instance,
    index,
  })

  test('of what waits: it is forgotten, and its queue is told', () => {
    const replica = newReplica()
    run(replica, [ask('h@0', 1, lock('x')), ask('a@0', 5, lock('x'))])
    const execution = run(replica, [ask('a@0', 6, cancel(5))])
    expect(execution.outcomes).toEqual([
      { uid: 'a@0', seq: 6, outcome: cancelledInTime(1) },
      { uid: 'a@0', seq: 5, outcome: cancelled(1) },
    ])
    expect(replica.waitingCount).toBe(0)
    expect(run(replica, [ask('h@0', 2, unlock('x'))]).freed).toEqual([])
    expect(outcomesOf(replica, [ask('a@0', 5, lock('x'))])).toEqual([cancelled(1)])
    expect(outcomesOf(replica, [ask('b@0', 1, lock('x'))])).toEqual([locked(4)])
    expect(recalled(replica, 'a@0', 5, lock('y')), 'its command is still known').toEqual(refused('conflict'))
  })

  test('chosen before what it cancels: that never runs', () => {
    const replica = newReplica()
    run(replica, [ask('a@0', 6, cancel(5))])
    expect(recalled(replica, 'a@0', 5, lock('x'))).toEqual(cancelled(0))
    expect(outcomesOf(replica, [ask('a@0', 5, lock('x')), ask('b@0', 1, lock('x'))])).toEqual([
      cancelled(0),
      locked(1, 1),
    ])
  })

  test('chosen after it ended: says how', () => {
    const replica = newReplica()
    run(replica, [ask('a@0', 5, lock('x')), ask('a@0', 6, body('nonsense'))])
    const failure = recalled(replica, 'a@0', 6, body('nonsense'))
    expect(failure).toMatchObject({ kind: 'failed' })
    expect(run(replica, [ask('a@0', 7, cancel(5)), ask('a@0', 8, cancel(6))]).outcomes).toEqual([
      {
        uid: 'a@0',
        seq: 7,
        outcome: { kind: 'executed', result: { ended: locked(0) }, instance: 1, index: 0 },
      },
      {
        uid: 'a@0',
        seq: 8,
        outcome: { kind: 'executed', result: { ended: failure }, instance: 1, index: 1 },
      },
    ])
    expect(recalled(replica, 'a@0', 5, lock('x'))).toEqual(locked(0))
  })

  test('in one batch with what it cancels, before and after', () => {
    const before = newReplica()
    expect(outcomesOf(before, [ask('a@0', 6, cancel(5)), ask('a@0', 5, lock('x'))])).toEqual([
      cancelledInTime(0),
      cancelled(0),
      cancelled(0),
    ])
    const after = newReplica()
    expect(outcomesOf(after, [ask('a@0', 5, lock('x')), ask('a@0', 6, cancel(5))])).toEqual([
      locked(0),
      { kind: 'executed', result: { ended: locked(0) }, instance: 0, index: 1 },
    ])
  })

  test('chosen twice: the recorded outcome', () => {
    const replica = newReplica()
    run(replica, [ask('a@0', 6, cancel(5))])
    expect(run(replica, [ask('a@0', 6, cancel(5))]).outcomes).toEqual([
      { uid: 'a@0', seq: 6, outcome: cancelledInTime(0) },
    ])
    expect(outcomesOf(replica, [ask('a@0', 7, cancel(5))])).toEqual([
      { kind: 'executed', result: { ended: cancelled(0) }, instance: 2, index: 0 },
    ])
  })

  test('of what is below ackedBelow, of itself, and of another client: nothing else changes', () => {
    const replica = newReplica()
    run(replica, [ask('b@0', 5, lock('x'))])
    expect(outcomesOf(replica, [ask('a@0', 6, cancel(2), 4)])).toEqual([
      { kind: 'executed', result: { ended: refused('stale') }, instance: 1, index: 0 },
    ])
    expect(outcomesOf(replica, [ask('a@0', 7, cancel(7))])).toMatchObject([
      { kind: 'failed', error: expect.stringContaining('seq 7 cancels itself') },
    ])
    run(replica, [ask('a@0', 8, cancel(5))])
    expect(recalled(replica, 'b@0', 5, lock('x'))).toEqual(locked(0))
  })
})

test('a client that waits for longer than its ttl keeps its session by touches, also across a restore', () => {
  let replica = newReplica()
  const uid = opened(replica, 'n', 10_000)
  run(replica, [ask('h@0', 1, lock('x')), ask(uid, 1, lock('x')), ask(uid, 2, lock('z'))])
  for (let touched = 1; touched <= 3; touched += 1) {
    run(replica, [ask(uid, 2 + touched, { kind: 'touch' })], { clockMs: touched * 9_000 })
    if (touched === 2) replica = restored(replica)
  }
  run(replica, [ask('h@0', 2, unlock('x'))])
  expect(outcomesOf(replica, [ask(uid, 1, lock('x'))], { clockMs: 36_000 })).toEqual([locked(6)])
  expect(recalled(replica, uid, 2, lock('z'))).toEqual(locked(1, 2))
  expect(run(replica, [], { clockMs: 37_000 }).endedSessions, 'it is touched no more').toEqual([uid])
  expect(recalled(replica, uid, 1, lock('x'))).toEqual(refused('expired'))
})
