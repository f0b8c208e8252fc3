/** Batches that group requests by session: what a group shares, and which servers an execution concerns. */
import { describe, expect, test } from 'vitest'
import type { Replica } from '../../src/services/replica.ts'
import { batchOf, heldBy } from '../support/batches.ts'
import {
  ask,
  cancel,
  lock,
  locked,
  lockedBy,
  newReplica,
  opened,
  recalled,
  refused,
  run,
  unlock,
} from './driver.ts'

/** The uid of a session that ended at instance 1. */
function ended(replica: Replica): string {
  const uid = opened(replica, 'n', 5_000)
  run(replica, [], { clockMs: 5_000 })
  return uid
}

const delayedBy = (key: string) => ({ kind: 'delayed', key })

describe('a batch with several groups', () => {
  test('executes them in order, and counts the index through all of them', () => {
    const replica = newReplica()
    const requests = [
      ask('a@0', 1, lock('x')),
      ask('a@0', 2, lock('y')),
      ask('b@0', 1, lock('z')),
      ask('a@0', 3, lock('v')),
    ]
    expect(batchOf(0, requests).groups).toHaveLength(3)
    expect(run(replica, requests).outcomes).toEqual([
      { uid: 'a@0', seq: 1, outcome: locked(0, 0) },
      { uid: 'a@0', seq: 2, outcome: locked(0, 1) },
      { uid: 'b@0', seq: 1, outcome: locked(0, 2) },
      { uid: 'a@0', seq: 3, outcome: locked(0, 3) },
    ])
  })

  test('refuses all requests of a group whose session has ended', () => {
    const replica = newReplica()
    const uid = ended(replica)
    const requests = [ask(uid, 2, lock('y')), ask(uid, 3, lock('z')), ask('b@0', 1, lock('y'))]
    expect(run(replica, requests).outcomes).toEqual([
      { uid, seq: 2, outcome: refused('expired') },
      { uid, seq: 3, outcome: refused('expired') },
      { uid: 'b@0', seq: 1, outcome: locked(2, 2) },
    ])
  })
})

describe('the ackedBelow of a group', () => {
  test('frees the results below it before its requests run, and ends what is delayed below it', () => {
    const replica = newReplica()
    run(replica, [ask('h@0', 1, lock('x')), ask('a@0', 1, lock('y')), ask('a@0', 2, lock('x'))])
    const execution = run(replica, [ask('a@0', 3, unlock('y'), 3), ask('a@0', 4, lock('z'), 3)])
    expect(execution.outcomes).toMatchObject([
      { seq: 2, outcome: refused('stale') },
      { seq: 3, outcome: { kind: 'executed', index: 0 } },
      { seq: 4, outcome: locked(1, 1) },
    ])
    expect(replica.waitingCount).toBe(0)
    expect(recalled(replica, 'a@0', 1, lock('y'))).toEqual(refused('stale'))
  })

  test('of a later group of the session counts when that group runs', () => {
    const replica = newReplica()
    run(replica, [ask('a@0', 1, lock('x'))])
    const requests = [ask('a@0', 1, lock('x'), 1), ask('b@0', 1, lock('y')), ask('a@0', 2, lock('z'), 2)]
    expect(run(replica, requests).outcomes[0]).toEqual({ uid: 'a@0', seq: 1, outcome: locked(0) })
    expect(recalled(replica, 'a@0', 1, lock('x'))).toEqual(refused('stale'))
  })
})

describe('what is recalled of several requests', () => {
  test('are those that have ended, in the order in which they were asked; others wait or are new', () => {
    const replica = newReplica()
    run(replica, [
      ask('h@0', 1, lock('x')),
      ask('a@0', 1, lock('y')),
      ask('a@0', 2, lock('x')),
      ask('a@0', 3, lock('z')),
    ])
    const asked = [3, 2, 1, 4].map((seq) => ({ seq, command: lock(['', 'y', 'x', 'z', 'v'][seq] ?? '') }))
    expect(replica.recall('a@0', asked)).toEqual({
      ended: [
        { seq: 3, outcome: locked(0, 3) },
        { seq: 1, outcome: locked(0, 1) },
      ],
      isFull: false,
    })
    expect(replica.recall('new@0', asked)).toEqual({ ended: [], isFull: false })
  })

  test('of a session that has ended: each is refused', () => {
    const replica = newReplica()
    const uid = ended(replica)
    const asked = [1, 2].map((seq) => ({ seq, command: lock('x') }))
    expect(replica.recall(uid, asked)).toEqual({
      ended: [1, 2].map((seq) => ({ seq, outcome: refused('expired') })),
      isFull: false,
    })
  })
})

describe('an execution concerns', () => {
  const three = [ask('a@0', 1, lock('x')), ask('b@0', 1, lock('y')), ask('c@0', 1, lock('x'))]

  test('the servers that hold its requests, in order of id, and not the one that proposed it', () => {
    const replica = newReplica()
    const batch = heldBy(batchOf(1, three), 2, 0, 2)
    expect(replica.execute(0, batch).concerned).toEqual([0, 2])
  })

  test('the holders of requests that are refused, too', () => {
    const replica = newReplica()
    const uid = ended(replica)
    expect(run(replica, [ask(uid, 2, lock('y'))], { node: 0, heldBy: 1 })).toMatchObject({
      outcomes: [{ outcome: refused('expired') }],
      concerned: [1],
    })
  })

  test('the server that holds a delayed request, when that one is woken', () => {
    const replica = lockedBy('h@0')
    const delaying = run(replica, [ask('a@0', 1, lock('x'))], { node: 0, heldBy: 2 })
    expect(delaying).toMatchObject({ outcomes: [{ outcome: delayedBy('a@0#1') }], concerned: [2] })
    expect(run(replica, [ask('h@0', 2, unlock('x'))], { node: 0, heldBy: 1 })).toMatchObject({
      freed: ['a@0#1'],
      concerned: [1, 2],
    })
  })

  test('the server that holds a delayed request, when that one is cancelled or acknowledged at another', () => {
    for (const ending of [ask('a@0', 2, cancel(1)), ask('a@0', 2, lock('y'), 2)]) {
      const replica = lockedBy('h@0')
      run(replica, [ask('a@0', 1, lock('x'))], { node: 0, heldBy: 2 })
      expect(run(replica, [ending], { node: 0, heldBy: 1 }).concerned).toEqual([1, 2])
    }
  })

  test('the server that holds a delayed request now, and not the one that held it before', () => {
    const replica = lockedBy('h@0')
    run(replica, [ask('a@0', 1, lock('x'))], { node: 0, heldBy: 2 })
    run(replica, [ask('a@0', 1, lock('x'))], { node: 0, heldBy: 1 })
    expect(run(replica, [ask('h@0', 2, unlock('x'))], { node: 0 }).concerned).toEqual([0, 1])
  })

  test('nobody, when it is empty', () => {
    expect(newReplica().execute(0, batchOf(1, [])).concerned).toEqual([])
  })
})
