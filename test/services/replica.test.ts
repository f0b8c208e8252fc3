import { describe, expect, test } from 'vitest'
import { maxClockMs, maxElapsedMs } from '../../machines/limits.ts'
import type { Service } from '../../src/services/service.ts'
import { batchOf } from '../support/batches.ts'
import { execution } from '../support/facts.ts'
import {
  ask,
  body,
  lock,
  locked,
  lockedBy,
  newReplica,
  outcomesOf,
  recalled,
  refused,
  run,
  unlock,
  unlocked,
} from './driver.ts'

describe('instances', () => {
  test('are executed in order, each once', () => {
    const replica = newReplica()
    run(replica, [])
    const digest = replica.digest()
    const batch = batchOf(0, [ask('a@0', 1, lock('x'))], { elapsedMs: 99 })
    expect(() => replica.execute(0, batch)).toThrow('instance 0 is not the next instance to execute: 1 is')
    expect(() => replica.execute(2, batch)).toThrow('instance 2 is not the next')
    expect(replica.digest()).toBe(digest)
    expect(replica.firstUnexecuted).toBe(1)
  })

  test('an empty batch says nothing', () => {
    expect(run(newReplica(), [])).toEqual(execution(0))
  })

  test('the replicated clock is the sum of what batches bring', () => {
    const replica = newReplica()
    const times = [5, 0, 8].map((elapsedMs, instance) => {
      replica.execute(instance, batchOf(0, [], { elapsedMs }))
      return replica.clockMs
    })
    expect(times).toEqual([5, 5, 13])
  })

  test('the replicated clock stays a safe integer, with any batches', () => {
    const replica = newReplica()
    for (let instance = 0; instance < 20_000; instance += 1) {
      replica.execute(instance, batchOf(0, [], { elapsedMs: maxElapsedMs }))
    }
    expect(replica.clockMs).toBe(maxClockMs)
  })

  test('the service is told the moment', () => {
    const moments: unknown[] = []
    const watching: Service = {
      ...still,
      execute(state, _, at) {
        moments.push(at)
        return { kind: 'executed', state, result: null }
      },
    }
    const replica = newReplica(watching)
    run(replica, [], { clockMs: 70 })
    run(replica, [ask('a@0', 1, body(1)), ask('b@0', 1, body(2))], { clockMs: 80 })
    expect(moments).toEqual([
      { instance: 1, index: 0, clockMs: 80, version: 1, uid: 'a@0', seq: 1, ttlMs: null },
      { instance: 1, index: 1, clockMs: 80, version: 1, uid: 'b@0', seq: 1, ttlMs: null },
    ])
  })
})

describe('each (uid, seq) is executed once', () => {
  test('chosen again later: the recorded outcome, where it was executed', () => {
    const replica = newReplica()
    const request = ask('a@0', 1, lock('x'))
    expect(outcomesOf(replica, [request])).toEqual([locked(0)])
    const again = run(replica, [ask('b@0', 1, unlock('y')), request])
    expect(again.outcomes[1]).toEqual({ uid: 'a@0', seq: 1, outcome: locked(0) })
  })

  test('twice in one batch', () => {
    const replica = newReplica()
    const request = ask('a@0', 1, unlock('x'))
    expect(outcomesOf(replica, [ask('b@0', 1, lock('x')), request, request])).toEqual([
      locked(0, 0),
      unlocked(0, 1),
      unlocked(0, 1),
    ])
  })

  test('a repetition is no progress', () => {
    const replica = newReplica()
    const request = ask('a@0', 1, lock('x'))
    expect(run(replica, [request]).progressed).toBe(true)
    expect(run(replica, [request]).progressed).toBe(false)
  })

  test('another client with the same seq is another request', () => {
    const replica = lockedBy('a@0')
    expect(outcomesOf(replica, [ask('b@0', 1, lock('y'))])).toEqual([locked(1)])
  })

  test('a retry is answered from the record, without being proposed', () => {
    const replica = newReplica()
    expect(recalled(replica, 'a@0', 1, lock('x'))).toBeNull()
    run(replica, [ask('a@0', 1, lock('x'))])
    expect(recalled(replica, 'a@0', 1, lock('x'))).toEqual(locked(0))
    expect(recalled(replica, 'a@0', 2, lock('x'))).toBeNull()
    run(replica, [ask('a@0', 2, lock('x'))])
    expect(recalled(replica, 'a@0', 2, lock('x')), 'it waits').toBeNull()
  })
})

describe('ackedBelow', () => {
  test('frees what is recorded below it, and nothing else', () => {
    const replica = newReplica()
    run(
      replica,
      [1, 2, 3].map((seq) => ask('a@0', seq, lock(`x${seq}`))),
    )
    const bytes = replica.snapshot().length
    run(replica, [ask('a@0', 4, lock('x4'), 3)])
    expect(recalled(replica, 'a@0', 1, lock('x1'))).toEqual(refused('stale'))
    expect(recalled(replica, 'a@0', 2, lock('x2'))).toEqual(refused('stale'))
    expect(recalled(replica, 'a@0', 3, lock('x3'))).toEqual(locked(0, 2))
    expect(recalled(replica, 'a@0', 4, lock('x4'))).toEqual(locked(1))
    expect(replica.snapshot().length).toBeLessThan(bytes)
  })

  test('what is below it and chosen late is refused, and not executed', () => {
    const replica = newReplica()
    run(replica, [ask('a@0', 5, lock('x'), 5)])
    expect(run(replica, [ask('a@0', 4, unlock('x'))])).toMatchObject({
      outcomes: [{ uid: 'a@0', seq: 4, outcome: refused('stale') }],
      progressed: false,
    })
    expect(outcomesOf(replica, [ask('b@0', 1, lock('x'))])).toEqual([{ kind: 'delayed', key: 'b@0#1' }])
  })

  test('an older one, heard late, brings nothing back', () => {
    const replica = newReplica()
    run(replica, [ask('a@0', 5, lock('x'), 5)])
    run(replica, [ask('a@0', 6, lock('y'), 2)])
    expect(recalled(replica, 'a@0', 4, lock('x'))).toEqual(refused('stale'))
  })

  test('a request that acknowledges itself is refused', () => {
    const replica = newReplica()
    expect(outcomesOf(replica, [ask('a@0', 5, lock('x'), 6)])).toEqual([refused('stale')])
  })

  test('a leap over more seqs than there are costs no more than what is held', () => {
    const replica = lockedBy('a@0')
    run(replica, [ask('a@0', 2 ** 50, lock('y'), 2 ** 50)])
    expect(recalled(replica, 'a@0', 1, lock('x'))).toEqual(refused('stale'))
    expect(recalled(replica, 'a@0', 2 ** 50, lock('y'))).toEqual(locked(1))
  })

  test('seq 5 is delayed while seq 6 is executed, and is executed later', () => {
    const replica = lockedBy('h@0')
    run(replica, [ask('a@0', 5, lock('x'), 5)])
    run(replica, [ask('a@0', 6, lock('y'), 5)])
    run(replica, [ask('h@0', 2, unlock('x'))])
    expect(outcomesOf(replica, [ask('a@0', 5, lock('x'), 5)])).toEqual([locked(4)])
    expect(recalled(replica, 'a@0', 6, lock('y'))).toEqual(locked(2))
  })

  test('what waits below it is given up, and its queue is told', () => {
    const replica = lockedBy('h@0')
    run(replica, [ask('a@0', 6, lock('x')), ask('a@0', 5, lock('x'))])
    expect(replica.waitingCount).toBe(2)
    const execution = run(replica, [ask('a@0', 8, lock('y'), 7)])
    expect(execution.outcomes).toEqual([
      { uid: 'a@0', seq: 5, outcome: refused('stale') },
      { uid: 'a@0', seq: 6, outcome: refused('stale') },
      { uid: 'a@0', seq: 8, outcome: locked(2) },
    ])
    expect(replica.waitingCount).toBe(0)
    expect(run(replica, [ask('h@0', 2, unlock('x'))])).toMatchObject({ freed: [], concerned: [0] })
  })
})

describe('one (uid, seq) for two commands', () => {
  test('the second is refused, and the first stands', () => {
    const replica = lockedBy('a@0')
    expect(run(replica, [ask('a@0', 1, unlock('x'))])).toMatchObject({
      outcomes: [{ outcome: refused('conflict') }],
      progressed: false,
    })
    expect(recalled(replica, 'a@0', 1, unlock('x'))).toEqual(refused('conflict'))
    expect(recalled(replica, 'a@0', 1, lock('x'))).toEqual(locked(0))
  })

  test('while the first waits', () => {
    const replica = newReplica()
    run(replica, [ask('h@0', 1, lock('x')), ask('a@0', 1, lock('x'))])
    expect(recalled(replica, 'a@0', 1, lock('y'))).toEqual(refused('conflict'))
    expect(outcomesOf(replica, [ask('a@0', 1, lock('y'))])).toEqual([refused('conflict')])
    expect(replica.waitingCount).toBe(1)
  })

  test('the same command with its fields in another order is the same', () => {
    const replica = newReplica()
    run(replica, [ask('a@0', 1, body({ action: 'lock', name: 'x' }))])
    expect(outcomesOf(replica, [ask('a@0', 1, body({ name: 'x', action: 'lock' }))])).toEqual([locked(0)])
  })
})

/** Does nothing. */
const still: Service = {
  name: 'still',
  initial: () => 0,
  parse: (json) => json,
  execute: (state) => ({ kind: 'executed', state, result: null }),
  snapshot: (state) => [state as number],
  restore: ([state]) => Number(state),
}

describe('a service that throws', () => {
  const touchy: Service = {
    ...still,
    parse(json) {
      if (json === 'malformed') throw new Error('malformed')
      return json
    },
    execute(state, command) {
      if (command === 'bad') throw new Error('cannot do that')
      if (command === 'worse') throw 'a word'
      return { kind: 'executed', state: (state as number) + 1, result: (state as number) + 1 }
    },
  }

  test('in parse or in execute: that request has failed, and the next runs', () => {
    const replica = newReplica(touchy)
    const bodies = ['malformed', 'good', 'bad', 'worse', 'good']
    expect(
      outcomesOf(
        replica,
        bodies.map((word, seq) => ask('a@0', seq, body(word))),
      ),
    ).toEqual([
      { kind: 'failed', error: 'malformed', instance: 0, index: 0 },
      { kind: 'executed', result: 1, instance: 0, index: 1 },
      { kind: 'failed', error: 'cannot do that', instance: 0, index: 2 },
      { kind: 'failed', error: 'a word', instance: 0, index: 3 },
      { kind: 'executed', result: 2, instance: 0, index: 4 },
    ])
  })

  test('the failure is recorded like any outcome, and is no progress', () => {
    const replica = newReplica(touchy)
    const request = ask('a@0', 1, body('bad'))
    expect(run(replica, [request]).progressed).toBe(false)
    const failed = { kind: 'failed', error: 'cannot do that', instance: 0, index: 0 }
    expect(recalled(replica, 'a@0', 1, body('bad'))).toEqual(failed)
    expect(outcomesOf(replica, [request])).toEqual([failed])
  })
})
