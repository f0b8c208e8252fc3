/** The quota of the replicated state: what would make the state larger is refused, what makes it smaller works. */
import { describe, expect, test } from 'vitest'
import type { Command, Json } from '../../machines/batch.ts'
import { partBytes, type ReplicatedLimits, replicatedLimits } from '../../machines/limits.ts'
import { compose } from '../../src/services/compose.ts'
import { defineService } from '../../src/services/define-service.ts'
import { kvService } from '../../src/services/kv/kv.ts'
import { waiterBytes } from '../../src/services/kv/limits.ts'
import { lockSizes } from '../../src/services/lock/limits.ts'
import { lockService } from '../../src/services/lock.ts'
import { Replica } from '../../src/services/replica.ts'
import type { Service } from '../../src/services/service.ts'
import { contentsIn } from '../support/replica-contents.ts'
import {
  ask,
  body,
  cancel,
  lock,
  opened,
  outcomesOf,
  recalled,
  run,
  testSessions,
  threeMembers,
  unlock,
} from './driver.ts'

const sessionsBytes = testSessions.length * partBytes.session

/** A replica whose quota leaves `roomBytes` beside the sessions that are open from the start. */
function bounded(service: unknown, roomBytes: number, limits: Partial<ReplicatedLimits> = {}): Replica {
  return new Replica({
    ...{ service: service as Service, members: threeMembers, sessions: testSessions },
    limits: { ...replicatedLimits, quotaBytes: sessionsBytes + roomBytes, ...limits },
  })
}

const sizeOf = (replica: Replica) => replica.usage.stateBytes.used
const put = (key: string, length: number, more: { readonly [field: string]: Json } = {}) =>
  body({ action: 'put', key, value: 'x'.repeat(length), ...more })
const erase = (key: string) => body({ action: 'delete', key })
const take = (key: string) => body({ action: 'take', key })
/** The outcome of one request of its own batch, of a session that acknowledges what it has. */
function outcome(replica: Replica, uid: string, seq: number, command: Command) {
  return outcomesOf(replica, [ask(uid, seq, command, seq)])[0]
}
const overQuota = expect.objectContaining({ kind: 'overQuota' })
const executed = expect.objectContaining({ kind: 'executed' })

describe('a put', () => {
  test('beyond the quota has no effect, and a repetition of it the same outcome', () => {
    const replica = bounded(kvService, 6_000)
    expect(outcome(replica, 'a@0', 1, put('k', 3_000))).toEqual(executed)
    const before = contentsIn(replica.snapshot())
    const sizeBytes = sizeOf(replica)
    const refused = outcome(replica, 'b@0', 1, put('l', 3_000))
    expect(refused).toEqual({
      ...{ kind: 'overQuota', quotaBytes: sessionsBytes + 6_000, sizeBytes, growthBytes: 3_002 + 3 + 128 },
      ...{ instance: 1, index: 0 },
    })
    expect(contentsIn(replica.snapshot())).toMatchObject({
      ...{ rows: before.rows, serviceBytes: before.serviceBytes },
    })
    expect(recalled(replica, 'b@0', 1, put('l', 3_000))).toEqual(refused)
    expect(outcomesOf(replica, [ask('b@0', 1, put('l', 3_000))])).toEqual([refused])
  })

  test('of a smaller value, and a delete, work at the quota, and make room', () => {
    const replica = bounded(kvService, 6_000)
    outcome(replica, 'a@0', 1, put('k', 4_000))
    expect(outcome(replica, 'a@0', 2, put('k', 4_400))).toEqual(executed)
    expect(outcome(replica, 'a@0', 3, put('k', 6_000))).toEqual(overQuota)
    expect(outcome(replica, 'a@0', 4, { kind: 'quota', bytes: 20_000 })).toEqual(executed)
    expect(outcome(replica, 'a@0', 5, put('k', 4_399))).toEqual(executed)
    expect(outcome(replica, 'a@0', 6, put('k', 4_400))).toEqual(overQuota)
    expect(outcome(replica, 'a@0', 7, erase('k'))).toEqual(executed)
    expect(outcome(replica, 'a@0', 8, { kind: 'quota', bytes: sessionsBytes + 6_000 })).toEqual(executed)
    expect(outcome(replica, 'a@0', 9, put('k', 4_400))).toEqual(executed)
  })

  test('counts its timer', () => {
    const room = 1_000 + 128 + 3 + 2 + 512
    for (const [less, expected] of [
      [0, executed],
      [1, overQuota],
    ] as const) {
      const replica = bounded(kvService, room + partBytes.timer - less)
      expect(outcome(replica, 'a@0', 1, put('k', 1_000 + 512, { ttlMs: 9 }))).toEqual(expected)
      expect(replica.usage.timers.used).toBe(less === 0 ? 1 : 0)
    }
  })
})

describe('a lock', () => {
  const oneLock = lockSizes.name + lockSizes.demand

  test('by a new name is refused at the quota; unlock, touch, cancel and the end of a session work', () => {
    const replica = bounded(lockService, 2 * oneLock)
    const own = opened(replica, 'n')
    expect(outcome(replica, 'a@0', 1, lock('x'))).toEqual(executed)
    expect(outcome(replica, 'b@0', 1, lock('y'))).toEqual(overQuota)
    expect(outcome(replica, own, 1, { kind: 'touch' })).toEqual(executed)
    expect(outcome(replica, own, 2, cancel(9))).toEqual(executed)
    expect(outcome(replica, own, 3, { kind: 'end' })).toEqual(executed)
    expect(outcome(replica, 'a@0', 2, unlock('x'))).toEqual(executed)
    expect(outcome(replica, 'b@0', 2, lock('y'))).toEqual(executed)
  })

  test('that would wait is refused when there is no room for it, and not delayed', () => {
    const waiting = lockSizes.demand + partBytes.waiting
    for (const [room, expected] of [
      [waiting, { kind: 'delayed', key: 'b@0#1' }],
      [waiting - 1, overQuota],
    ] as const) {
      const replica = bounded(lockService, 100_000)
      outcome(replica, 'a@0', 1, lock('x'))
      // The result of this takes the place of that of the lock, which is as large or smaller.
      outcome(replica, 'a@0', 2, { kind: 'quota', bytes: 1 })
      outcome(replica, 'a@0', 3, { kind: 'quota', bytes: sizeOf(replica) + room })
      expect(sizeOf(replica) + room).toBe(replica.usage.stateBytes.allowed)
      expect(outcome(replica, 'b@0', 1, lock('x'))).toEqual(expected)
    }
  })

  test('that waits is granted by an unlock at the quota, and collects the grant', () => {
    const replica = bounded(lockService, 100_000)
    run(replica, [ask('a@0', 1, lock('x')), ask('b@0', 1, lock('x')), ask('c@0', 1, lock('x'))])
    run(replica, [ask('a@0', 2, { kind: 'quota', bytes: 1 })])
    expect(outcomesOf(replica, [ask('a@0', 3, unlock('x'))])).toEqual([executed])
    expect(outcomesOf(replica, [ask('b@0', 1, lock('x'))])).toEqual([executed])
    expect(outcomesOf(replica, [ask('c@0', 1, lock('x'))])).toEqual([{ kind: 'delayed', key: 'c@0#1' }])
    expect(outcomesOf(replica, [ask('d@0', 1, lock('x'))])).toEqual([overQuota])
  })
})

test('a take that would wait is refused, one that finds its key makes room', () => {
  const replica = bounded(kvService, 3_000)
  outcome(replica, 'a@0', 1, put('k', 2_000))
  outcome(replica, 'a@0', 2, { kind: 'quota', bytes: sizeOf(replica) + waiterBytes })
  expect(outcome(replica, 'b@0', 1, take('other'))).toEqual(overQuota)
  expect(outcome(replica, 'b@0', 2, take('k'))).toEqual(executed)
  expect(outcome(replica, 'b@0', 3, take('other'))).toMatchObject({ kind: 'delayed' })
})

describe('a session', () => {
  const open = { kind: 'open', ttlMs: 10_000 } as const

  test('opens beyond the quota while few are open, so that somebody can make room', () => {
    const spareSessions = testSessions.length + 1
    const replica = bounded(kvService, 0, { spareSessions })
    expect(outcomesOf(replica, [ask('n', 1, open)])).toEqual([executed])
    expect(outcomesOf(replica, [ask('m', 1, open)])).toEqual([overQuota])
    expect(outcomesOf(replica, [ask('udp:h:1/x/1', 1, unlock('x'))])).toEqual([overQuota])
    expect(replica.sessionCount).toBe(spareSessions)
    run(replica, [], { clockMs: 10_000 })
    expect(outcomesOf(replica, [ask('m', 1, open)])).toEqual([executed])
  })
})

describe('a service of a user, which tells no size', () => {
  interface State {
    readonly texts: readonly string[]
  }
  const texts = defineService<State, { readonly add?: string }, number>({
    name: 'texts',
    initial: () => ({ texts: [] }),
    parse: (json) => json as { readonly add?: string },
    execute: (state, { add }) => {
      const next = { texts: add === undefined ? state.texts.slice(1) : [...state.texts, add] }
      return { kind: 'executed', state: next, result: next.texts.length }
    },
    timerFired: (state) => ({ state }),
    snapshot: (state) => [state as unknown as Json],
    restore: (rows) => [...rows][0] as unknown as State,
  })
  const text = (letters: number) => body({ add: 'x'.repeat(letters) })

  test('is bounded all the same', () => {
    const replica = bounded(texts, 4_000)
    expect(outcome(replica, 'a@0', 1, text(1_000))).toEqual(executed)
    expect(outcome(replica, 'a@0', 2, text(1_000))).toEqual(executed)
    expect(outcome(replica, 'a@0', 3, text(2_000))).toEqual(overQuota)
    expect(outcome(replica, 'a@0', 4, body({}))).toEqual(executed)
    expect(outcome(replica, 'a@0', 5, text(2_000))).toEqual(executed)
  })

  test('is bounded as a part of composed services, beside one that tells its size', () => {
    const replica = bounded(compose({ kv: kvService, texts }), 4_000)
    const to = (service: string, command: Json) => body({ service, command })
    expect(outcome(replica, 'a@0', 1, to('texts', { add: 'x'.repeat(2_000) }))).toEqual(executed)
    const large = { action: 'put', key: 'k', value: 'x'.repeat(2_000) }
    expect(outcome(replica, 'a@0', 2, to('kv', large))).toEqual(overQuota)
    expect(outcome(replica, 'a@0', 3, to('texts', {}))).toEqual(executed)
    expect(outcome(replica, 'a@0', 4, to('kv', large))).toEqual(executed)
  })

  test.each([-1, 0.5, Number.NaN, '7', null])('fails a request when sizeBytes returns %s', (size) => {
    const odd = { ...texts, sizeBytes: (state: State) => (state.texts.length === 0 ? 0 : (size as number)) }
    const replica = bounded(odd, 4_000)
    expect(outcome(replica, 'a@0', 1, text(1))).toMatchObject({
      kind: 'failed',
      error: expect.stringContaining('it must be a whole number of bytes'),
    })
    expect(contentsIn(replica.snapshot()).rows).toEqual([{ texts: [] }])
  })
})

describe('the quota itself', () => {
  test('is changed by a request, and shown', () => {
    const replica = bounded(lockService, 0)
    const before = sessionsBytes
    expect(outcome(replica, 'a@0', 1, { kind: 'quota', bytes: 2 ** 31 })).toMatchObject({
      result: { quotaBytes: 2 ** 31, before, sizeBytes: before },
    })
    expect(replica.usage.stateBytes.allowed).toBe(2 ** 31)
    expect(outcome(replica, 'a@0', 2, lock('x'))).toEqual(executed)
  })

  test('and the size are in a snapshot', () => {
    const replica = bounded(compose({ kv: kvService, lock: lockService }), 9_000)
    const to = (service: string, command: Json) => body({ service, command })
    run(replica, [
      ask('a@0', 1, to('kv', { action: 'put', key: 'k', value: 'x'.repeat(3_000), ttlMs: 50 })),
      ask('a@0', 2, to('kv', { action: 'watch', prefix: 'x' })),
      ask('b@0', 1, to('lock', { action: 'lock', name: 'l' })),
      ask('c@0', 1, to('lock', { action: 'lock', name: 'l' })),
    ])
    const service = compose({ kv: kvService, lock: lockService }) as Service
    const other = Replica.restore(service, replica.snapshot())
    expect(other.usage.stateBytes).toEqual(replica.usage.stateBytes)
    const next = [ask('d@0', 1, to('kv', { action: 'put', key: 'm', value: 'x'.repeat(3_000) }))]
    expect(outcomesOf(replica, next)).toEqual([overQuota])
    expect(outcomesOf(other, next)).toEqual(outcomesOf(Replica.restore(service, replica.snapshot()), next))
    expect(other.snapshot()).toEqual(replica.snapshot())
  })
})
