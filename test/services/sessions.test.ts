import { describe, expect, test } from 'vitest'
import { IdleOrder, type Linked } from '../../src/services/idle-order.ts'
import {
  ask,
  hourMs,
  lock,
  locked,
  lockedBy,
  newReplica,
  outcomesOf,
  recalled,
  refused,
  restored,
  run,
  unlock,
  unlocked,
} from './driver.ts'

describe('an idle session', () => {
  test('is kept up to the limit, and forgotten beyond it', () => {
    const replica = newReplica()
    run(replica, [ask('a@0', 1, lock('x'))], { clockMs: 1_000 })
    run(replica, [], { clockMs: 1_000 + hourMs })
    expect(recalled(replica, 'a@0', 1, lock('x'))).toEqual(locked(0))
    run(replica, [], { clockMs: 1_001 + hourMs })
    expect(replica.sessionCount).toBe(0)
  })

  test('a late retry is refused, and not executed again', () => {
    const replica = lockedBy('a@0')
    run(replica, [ask('b@1', 1, unlock('x'))], { clockMs: hourMs + 1 })
    expect(recalled(replica, 'a@0', 1, lock('x'))).toEqual(refused('expired'))
    expect(run(replica, [ask('a@0', 1, lock('x')), ask('a@0', 2, lock('y'))])).toMatchObject({
      outcomes: [{ outcome: refused('expired') }, { outcome: refused('expired') }],
      progressed: false,
    })
    expect(replica.sessionCount, 'the refused one is not remembered').toBe(1)
    expect(outcomesOf(replica, [ask('b@1', 2, lock('x'))])).toEqual([locked(3)])
  })

  test('is kept by a request in the very batch that brings the time of its silence, and no other is', () => {
    const replica = newReplica()
    run(replica, [ask('a@0', 1, lock('x')), ask('b@0', 1, lock('y'))])
    expect(outcomesOf(replica, [ask('a@0', 2, unlock('x'))], { clockMs: 2 * hourMs })).toEqual([unlocked(1)])
    expect(outcomesOf(replica, [ask('b@0', 2, unlock('y'))])).toEqual([refused('expired')])
    expect(outcomesOf(replica, [ask('a@0', 3, lock('z'))], { clockMs: 3 * hourMs })).toEqual([locked(3)])
  })

  test('does not refuse a session that begins in the batch that ends it', () => {
    const replica = lockedBy('a@0')
    expect(outcomesOf(replica, [ask('new@0', 1, lock('y'))], { clockMs: 2 * hourMs })).toEqual([locked(1)])
    expect(recalled(replica, 'a@0', 1, lock('x'))).toEqual(refused('expired'))
    expect(outcomesOf(replica, [ask('new@0', 2, lock('z'))])).toEqual([locked(2)])
  })

  test('use keeps it, in any order sessions began', () => {
    const replica = newReplica()
    run(replica, [ask('a@0', 1, lock('x')), ask('b@0', 1, lock('y')), ask('c@0', 1, lock('z'))])
    run(replica, [ask('a@0', 2, lock('v'))], { clockMs: hourMs })
    run(replica, [ask('c@0', 1, lock('z'))], { clockMs: hourMs })
    run(replica, [], { clockMs: hourMs + 1 })
    const commands = { 'a@0': lock('x'), 'b@0': lock('y'), 'c@0': lock('z') }
    expect(Object.entries(commands).map(([uid, command]) => recalled(replica, uid, 1, command))).toEqual([
      locked(0, 0),
      refused('expired'),
      locked(0, 2),
    ])
  })

  test('only sessions opened before what was forgotten are refused', () => {
    const replica = lockedBy('a@0')
    run(replica, [ask('a@0', 2, lock('y'))])
    run(replica, [], { clockMs: hourMs + 1 })
    const outcomes = outcomesOf(replica, [ask('late@1', 1, lock('p')), ask('new@2', 1, lock('q'))])
    expect(outcomes).toEqual([refused('expired'), locked(3, 1)])
  })

  test('a client of the seed, whose uid says no instance, is never refused for age', () => {
    const replica = newReplica()
    const uid = 'udp:127.0.0.1:5000'
    run(replica, [ask(uid, 1, lock('x'))])
    run(replica, [], { clockMs: hourMs + 1 })
    expect(replica.sessionCount).toBe(0)
    expect(recalled(replica, uid, 1, lock('x'))).toBeNull()
    expect(outcomesOf(replica, [ask(uid, 1, lock('y'))])).toEqual([locked(2)])
  })

  test('the horizon is in the snapshot', () => {
    const replica = lockedBy('a@0')
    run(replica, [], { clockMs: hourMs + 1 })
    expect(recalled(restored(replica), 'a@0', 1, lock('x'))).toEqual(refused('expired'))
  })
})

test('of 10,000 clients that come once each, no more are remembered than the limit of time allows', () => {
  const replica = newReplica()
  let most = 0
  for (let client = 0; client < 10_000; client += 1) {
    const uid = `${client}@${replica.firstUnexecuted}`
    run(replica, [ask(uid, 1, unlock('x'))], { clockMs: (client * hourMs) / 100 })
    most = Math.max(most, replica.sessionCount)
  }
  expect(most).toBe(101)
})

test('to find and to use the longest idle takes no longer with many sessions: a walk over them would take minutes', () => {
  interface Idle extends Linked<Idle> {}
  const order = new IdleOrder<Idle>()
  for (let count = 0; count < 100_000; count += 1) order.use({ longerIdle: null, lessIdle: null })
  const startMs = performance.now()
  for (let use = 0; use < 500_000; use += 1) {
    const longest = order.longestIdle
    if (longest !== null) order.use(longest)
  }
  expect(performance.now() - startMs).toBeLessThan(5_000)
})

describe('the order of last use', () => {
  interface Item extends Linked<Item> {
    readonly name: string
  }
  const item = (name: string): Item => ({ name, longerIdle: null, lessIdle: null })

  /** Takes everything out, the longest idle first. */
  function drain(order: IdleOrder<Item>): string {
    const names: string[] = []
    for (let next = order.longestIdle; next !== null; next = order.longestIdle) {
      names.push(next.name)
      order.remove(next)
    }
    return names.join('')
  }

  test.each([
    ['abc', '', 'abc'],
    ['abca', '', 'bca'],
    ['abcb', '', 'acb'],
    ['abcc', '', 'abc'],
    ['abc', 'a', 'bc'],
    ['abc', 'b', 'ac'],
    ['abc', 'c', 'ab'],
    ['abc', 'abc', ''],
    ['ab', 'bb', 'a'],
    ['a', 'z', 'a'],
  ])('use %s, remove %s: %s', (used, removed, left) => {
    const items = new Map([...'abcz'].map((name) => [name, item(name)]))
    const order = new IdleOrder<Item>()
    for (const name of used) order.use(items.get(name)!)
    for (const name of removed) order.remove(items.get(name)!)
    expect(drain(order)).toBe(left)
  })
})
