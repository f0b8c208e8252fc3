import { describe, expect, test } from 'vitest'
import type { RoleEvent } from '../../machines/inbox.ts'
import { type LeaseContext, type LeaseEvent, type LeaseInput, leaseMachine } from '../../machines/lease.ts'
import { cancel, Role, timer, type Want } from '../support/role.ts'

/** A touch is due after 3 s, and the session is lost after 8.1 s without a proof of life. */
const ttlMs = 9_000

class Lease {
  readonly #role: Role<LeaseContext>

  constructor(input: Partial<LeaseInput> = {}) {
    this.#role = new Role(leaseMachine, { ttlMs, provenAtMs: 0, ...input })
    expect(this.#role.began).toEqual([])
  }

  get state(): string {
    return this.#role.state
  }

  get context(): LeaseContext {
    return this.#role.context
  }

  get timers(): readonly string[] {
    return this.#role.timers
  }

  hear(...events: readonly LeaseEvent[]): readonly Want[] {
    return this.#role.hear(...(events as unknown as RoleEvent[]))
  }

  pass(): readonly Want[] {
    return this.#role.pass('checkInterval')
  }
}

const needed = (atMs: number): LeaseEvent => ({ type: 'need.began', atMs })
const read = (atMs: number, isNeeded = true): LeaseEvent => ({ type: 'clock.read', atMs, isNeeded })
const answered = (sentAtMs: number, atMs: number, isRevoked = false): LeaseEvent => ({
  type: 'touch.answered',
  sentAtMs,
  atMs,
  isRevoked,
})
const ended: LeaseEvent = { type: 'session.ended' }

const clock = { type: 'clock' } as unknown as Want
const touch = { type: 'touch' } as unknown as Want
const lost = (reason: string) => ({ type: 'lost', reason }) as unknown as Want
const checks = (ms: number) => timer('checkInterval', ms)
const checksAnew = (ms: number) => [cancel('checkInterval'), checks(ms)]

/** A lease that is needed from `atMs` on and has read the clock. */
function kept(atMs = 0): Lease {
  const lease = new Lease()
  lease.hear(needed(atMs), read(atMs))
  return lease
}

/** A lease that sent a touch at 3 s, which has no answer. */
function touching(): Lease {
  const lease = kept()
  lease.hear(read(3_000))
  return lease
}

describe('a session that is not needed', () => {
  test('has no timer and touches nothing', () => {
    const lease = new Lease()
    expect([lease.state, lease.timers]).toEqual(['unneeded', []])
  })

  test('is kept once it is needed: the clock is read at once', () => {
    const lease = new Lease()
    expect(lease.hear(needed(0))).toEqual([clock, checks(1_000)])
    expect(lease.state).toBe('kept')
  })

  test('is lost when it may have lapsed unnoticed', () => {
    const lease = new Lease()
    expect(lease.hear(needed(8_100))).toEqual([lost('unproved')])
    expect(lease.state).toBe('lost')
    const early = new Lease()
    early.hear(needed(8_099))
    expect(early.state).toBe('kept')
  })

  test('takes a late answer to a touch as a proof, and one that is too late as none', () => {
    const lease = touching()
    lease.hear(read(4_000, false))
    expect(lease.hear(answered(3_000, 5_000))).toEqual([])
    expect([lease.state, lease.context.provenAtMs]).toEqual(['unneeded', 3_000])
    expect(lease.hear(answered(3_000, 11_100))).toEqual([lost('unproved')])
  })
})

describe('a session that is needed', () => {
  test('has its clock read every second, and sooner where a touch is due sooner', () => {
    const lease = kept()
    expect(lease.pass()).toEqual([cancel('checkInterval'), clock, checks(1_000)])
    expect(lease.hear(read(1_000))).toEqual(checksAnew(1_000))
    expect(lease.hear(read(2_600))).toEqual(checksAnew(400))
    expect(lease.hear(read(2_999.5))).toEqual(checksAnew(1))
  })

  test('is touched after a third of its ttl, and not again before the answer', () => {
    const lease = kept()
    expect(lease.hear(read(2_999))).toEqual(checksAnew(1))
    expect(lease.hear(read(3_000))).toEqual([cancel('checkInterval'), touch, checks(1_000)])
    expect(lease.hear(read(4_000))).toEqual(checksAnew(1_000))
    expect(lease.hear(read(7_900))).toEqual(checksAnew(200))
  })

  test('is proved by the answer, from when the touch was sent', () => {
    const lease = touching()
    expect(lease.hear(answered(3_000, 4_000))).toEqual([])
    expect(lease.context).toMatchObject({ provenAtMs: 3_000, isTouching: false })
    expect(lease.hear(read(5_999))).toEqual(checksAnew(1))
    expect(lease.hear(read(6_000))).toEqual([cancel('checkInterval'), touch, checks(1_000)])
  })

  test('is not proved by an earlier touch than the last', () => {
    const lease = touching()
    lease.hear(answered(3_000, 4_000), answered(1_000, 5_000))
    expect(lease.context).toMatchObject({ provenAtMs: 3_000, nowMs: 5_000 })
  })

  test('has no timer any more when it is not needed', () => {
    const lease = kept()
    expect(lease.hear(read(1_000, false))).toEqual([cancel('checkInterval')])
    expect([lease.state, lease.timers]).toEqual(['unneeded', []])
  })

  test('is lost after nine tenths of its ttl without a proof, also when it is not needed then', () => {
    for (const isNeeded of [true, false]) {
      const lease = touching()
      expect(lease.hear(read(8_099))).toEqual(checksAnew(1))
      expect(lease.hear(read(8_100, isNeeded))).toEqual([cancel('checkInterval'), lost('unproved')])
      expect([lease.state, lease.timers]).toEqual(['lost', []])
    }
  })

  test('is lost at the end of a sleep, although a late answer proves an earlier time', () => {
    const lease = touching()
    expect(lease.hear(answered(3_000, 11_100))).toEqual([cancel('checkInterval'), lost('unproved')])
  })

  test('lives on by an answer that comes after its end would have come', () => {
    const lease = touching()
    expect(lease.hear(answered(3_000, 11_099))).toEqual([])
    expect(lease.state).toBe('kept')
  })

  test('believes no clock that went back', () => {
    const lease = kept(2_000)
    expect(lease.hear(read(500))).toEqual(checksAnew(1_000))
    expect(lease.context.nowMs).toBe(2_000)
  })
})

describe('a session that is lost', () => {
  test.each<[reason: string, event: LeaseEvent]>([
    ['ended', ended],
    ['revoked', answered(3_000, 4_000, true)],
  ])('because it was %s is lost at once, needed or not', (reason, event) => {
    const lease = touching()
    expect(lease.hear(event)).toEqual([cancel('checkInterval'), lost(reason)])
    expect([lease.state, lease.context.lostBecause]).toEqual(['lost', reason])
    expect(new Lease().hear(event)).toEqual([lost(reason)])
  })

  test('stays lost, for the first reason, at every later event', () => {
    const lease = new Lease()
    lease.hear(ended)
    expect(
      lease.hear(needed(10), read(20), answered(20, 30), answered(20, 30, true), answered(20, 90_000), ended),
    ).toEqual([])
    expect([lease.state, lease.context.lostBecause]).toEqual(['lost', 'ended'])
  })
})

test('a session that was proved long before its lease began is lost by the same reckoning', () => {
  const lease = new Lease({ ttlMs: 1_000, provenAtMs: 5_000 })
  expect(lease.hear(needed(5_899))).toEqual([clock, checks(1)])
  expect(lease.hear(read(5_899))).toEqual([cancel('checkInterval'), touch, checks(1)])
  expect(lease.hear(read(5_900))).toEqual([cancel('checkInterval'), lost('unproved')])
})
