/** Timers on the replicated clock, and requests that end while they wait. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { replicatedLimits, serviceLimits } from '../../machines/limits.ts'
import { Replica } from '../../src/services/replica.ts'
import { type RequestName, viewRows } from '../../src/services/service.ts'
import { alarmSteps, runBesideModel, alarmService as service, told } from './alarms.ts'
import { ask, body, cancel, newReplica, run, testSessions, threeMembers } from './driver.ts'

function sets(...timers: readonly [name: string, afterMs: number | null][]) {
  return body({ timers: timers.map(([name, afterMs]) => ({ name, afterMs })) })
}

test('timers are shown in the order of firing, the first of them', () => {
  const replica = newReplica(service)
  run(replica, [ask('a@0', 1, sets(['late', 2_000], ['soon', 1_500], ['never', 1], ['never', null]))], {
    clockMs: 500,
  })
  run(replica, [], { clockMs: 750 })
  expect(replica.ownView()).toMatchObject({ clockMs: 750, deadlineMs: 2_000 })
  const [, timers] = replica.ownView().tables
  expect(timers).toMatchObject({
    rows: [
      ['soon', '1.25 s'],
      ['late', '1.75 s'],
    ],
    more: 0,
  })
  const many = Array.from(
    { length: viewRows + 3 },
    (_, place) => [`t${place}`, 10 + place] satisfies [string, number],
  )
  run(replica, [ask('a@0', 2, sets(...many))])
  expect(replica.ownView().tables[1]).toMatchObject({
    rows: { length: viewRows, 0: ['t0', '0.01 s'] },
    more: 5,
  })
})

describe('a timer', () => {
  test('fires at the first batch that reaches its deadline, before the requests, and not again', () => {
    const replica = newReplica(service)
    run(replica, [ask('a@0', 1, sets(['t', 100]))], { clockMs: 50 })
    expect(run(replica, [], { clockMs: 149 })).toMatchObject({
      fired: [],
      endedSessions: [],
      deadlineMs: 150,
      progressed: false,
    })
    const execution = run(replica, [ask('a@0', 2, sets(['t', 1]))], { clockMs: 150 })
    expect(execution).toMatchObject({
      fired: [{ name: 't', failed: null }],
      deadlineMs: 151,
      progressed: true,
    })
    expect(told(replica)).toEqual(['t', 2, 150])
    expect(run(replica, [], { clockMs: 1_000 })).toMatchObject({ fired: [{ name: 't' }], deadlineMs: null })
    expect(run(replica, [], { clockMs: 2_000 })).toMatchObject({
      fired: [],
      endedSessions: [],
      deadlineMs: null,
    })
  })

  test('fires in the order of deadlines, and of setting where they are equal', () => {
    const replica = newReplica(service)
    run(replica, [ask('a@0', 1, sets(['late', 30], ['b', 20], ['a', 20], ['first', 10], ['b', 20]))])
    const { fired } = run(replica, [], { clockMs: 30 })
    expect(fired.map(({ name }) => name)).toEqual(['first', 'a', 'b', 'late'])
  })

  test('is set anew or cancelled by its name', () => {
    const replica = newReplica(service)
    run(replica, [ask('a@0', 1, sets(['moved', 10], ['gone', 10], ['gone', null], ['never set', null]))])
    run(replica, [ask('a@0', 2, sets(['moved', 10]))], { clockMs: 5 })
    expect(run(replica, [], { clockMs: 14 })).toMatchObject({ fired: [], endedSessions: [], deadlineMs: 15 })
    expect(run(replica, [], { clockMs: 15 }).fired).toEqual([{ name: 'moved', failed: null }])
  })

  test('that sets itself again is not due before the clock moves on, however far it has moved', () => {
    const replica = newReplica(service)
    run(replica, [ask('a@0', 1, sets(['again 10', 10]))])
    expect(run(replica, [], { clockMs: 1_000 })).toMatchObject({
      fired: [{ name: 'again 10', failed: null }],
      deadlineMs: 1_010,
    })
  })

  test('is set by a request that waits, and frees the key that it waits for', () => {
    const replica = newReplica(service)
    const request = ask('a@0', 1, body({ waitFor: 'k', timers: [{ name: 'free k', afterMs: 10 }] }))
    run(replica, [request])
    expect(run(replica, [], { clockMs: 10, node: 1, heldBy: 0 })).toMatchObject({
      freed: ['k'],
      // A timer that fires concerns all.
      concerned: [0, 1, 2],
      progressed: true,
    })
    expect(run(replica, [request]).outcomes).toMatchObject([{ outcome: { kind: 'executed' } }])
  })

  test.each([
    ['broken', 'the service threw a TypeError'],
    ['odd', 'timerFired returned a promise as the state'],
  ])('at which the service fails (%s) changes nothing, and the next one fires', (name, reason) => {
    const mistakes: unknown[] = []
    const mistaken = (thrown: unknown) => mistakes.push(thrown)
    const replica = new Replica({ service, members: threeMembers, sessions: testSessions, mistaken })
    run(replica, [ask('a@0', 1, sets([name, 10], ['next', 10]))])
    expect(run(replica, [], { clockMs: 10 }).fired).toEqual([
      { name, failed: expect.stringContaining(reason) },
      { name: 'next', failed: null },
    ])
    expect(told(replica)).toEqual(['next', 1, 10])
    expect(mistakes).toHaveLength(1)
  })
})

describe('timers that a service must not set: the request fails and changes nothing', () => {
  const { timerMs, timerChanges } = serviceLimits
  test.each<[timers: unknown, reason: string]>([
    ['soon', 'timers is not an array'],
    [[3], 'a timer in timers is a number'],
    [[{ name: 3, afterMs: 1 }], 'the name of a timer is a number'],
    [[{ name: 'x'.repeat(1_025), afterMs: 1 }], 'the name of a timer is longer than 1024'],
    [[{ name: 't' }], 'afterMs of a timer is nothing'],
    [[{ name: 't', afterMs: 0 }], 'afterMs of a timer is 0'],
    [[{ name: 't', afterMs: 0.5 }], 'afterMs of a timer is 0.5'],
    [[{ name: 't', afterMs: timerMs + 1 }], `afterMs of a timer is ${timerMs + 1}`],
    [Array(timerChanges + 1).fill({ name: 't', afterMs: 1 }), `timers names more than ${timerChanges}`],
  ])('%j', (timers, reason) => {
    const replica = newReplica(service)
    const { outcomes, deadlineMs } = run(replica, [
      ask('a@0', 1, body({ timers: [{ name: 'good', afterMs: 5 }] })),
      ask('a@0', 2, body({ timers } as never)),
    ])
    expect(outcomes[1]?.outcome).toMatchObject({ kind: 'failed', error: expect.stringContaining(reason) })
    expect(deadlineMs).toBe(5)
  })

  test('without a method that hears of them', () => {
    const { timerFired: _, ...deaf } = service
    const { outcomes } = run(newReplica(deaf), [ask('a@0', 1, sets(['t', 1]))])
    expect(outcomes).toMatchObject([
      { outcome: { kind: 'failed', error: expect.stringContaining('timerFired') } },
    ])
  })

  test('beyond the limit, where setting one anew, or fewer, is possible', () => {
    const replica = new Replica({
      service,
      members: threeMembers,
      sessions: testSessions,
      limits: { ...replicatedLimits, timers: 2 },
    })
    const kinds = (...timers: [name: string, afterMs: number | null][]) =>
      run(replica, [ask('a@0', replica.firstUnexecuted + 1, sets(...timers))]).outcomes.map(
        ({ outcome }) => outcome.kind,
      )
    expect(kinds(['a', 10], ['b', 10])).toEqual(['executed'])
    expect(kinds(['c', 10])).toEqual(['failed'])
    expect(kinds(['a', 20], ['b', null])).toEqual(['executed'])
    expect(kinds(['c', 10])).toEqual(['executed'])
    expect(kinds(['a', null], ['d', 10])).toEqual(['executed'])
    expect(kinds(['d', null], ['a', 10], ['d', 10])).toEqual(['failed'])
    expect(replica.usage.timers).toEqual({ used: 2, allowed: 2 })
  })
})

describe('a request that waited and ends without its execution is told to the service', () => {
  const waiting = (uid: string, seq: number, ackedBelow = 0) =>
    ask(uid, seq, body({ waitFor: 'k' }), ackedBelow)

  test.each<[why: string, ends: (replica: Replica) => unknown, ended: RequestName]>([
    ['it is cancelled', (replica) => run(replica, [ask('a@0', 9, cancel(1))]), { uid: 'a@0', seq: 1 }],
    [
      'its client acknowledged it',
      (replica) => run(replica, [ask('a@0', 9, sets(), 5)]),
      { uid: 'a@0', seq: 1 },
    ],
    [
      'it fails after the wait',
      (replica) => {
        run(replica, [ask('b@0', 1, sets(['free j', 1]))])
        run(replica, [], { clockMs: 5 })
        return run(replica, [ask('c@0', 1, body({ waitFor: 'j', fails: true }))])
      },
      { uid: 'c@0', seq: 1 },
    ],
  ])('%s', (_, ends, { uid, seq }) => {
    const replica = newReplica(service)
    run(replica, [waiting('a@0', 1), ask('c@0', 1, body({ waitFor: 'j', fails: true }))])
    ends(replica)
    expect(told(replica).slice(-2)).toEqual([`${uid} ${seq}`, replica.firstUnexecuted - 1])
  })

  test('also by a service whose method cannot be read: nothing changes', () => {
    const broken = {
      ...service,
      get requestEnded(): never {
        throw new TypeError('a bug')
      },
    }
    const replica = newReplica(broken)
    run(replica, [waiting('a@0', 1)])
    expect(run(replica, [ask('a@0', 9, cancel(1))]).outcomes).toMatchObject([
      { outcome: { kind: 'executed' } },
      { outcome: { kind: 'cancelled' } },
    ])
  })

  test('not a request that never waited, nor one that was executed', () => {
    const replica = newReplica(service)
    run(replica, [ask('a@0', 1, body({ fails: true })), ask('a@0', 2, sets()), ask('a@0', 3, cancel(4))])
    expect(told(replica)).toEqual([])
  })
})

describe('any settings and times', () => {
  test('each timer fires once for each setting, never early, in order; a restored replica does the same', () => {
    fc.assert(
      fc.property(alarmSteps, fc.nat(20), (steps, restoreAt) => runBesideModel(steps, restoreAt)),
      { numRuns: 300 },
    )
  })
})
