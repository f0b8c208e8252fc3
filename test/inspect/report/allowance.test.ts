/** How much is told, what is left out and how it is counted. */
import { describe, expect, test } from 'vitest'
import type { ServerRecord } from '../../../src/inspect/records/record.ts'
import { Allowance, processorShare } from '../../../src/inspect/report/allowance.ts'
import { Backlog } from '../../../src/inspect/report/backlog.ts'

describe('an allowance', () => {
  test('is used up within a window, and is there again in the next, which begins at a multiple of its length', () => {
    const allowance = new Allowance({ windowMs: 500, weight: 10 })
    expect(allowance.isLeft(10_499)).toBe(true)
    allowance.spend(10)
    expect(allowance.isLeft(10_499)).toBe(false)
    expect(allowance.untilNextMs(10_499)).toBe(1)
    expect(allowance.isLeft(10_500)).toBe(true)
    allowance.spend(10)
    expect(allowance.isLeft(10_999)).toBe(false)
    expect(allowance.isLeft(11_000)).toBe(true)
  })

  test('that is overspent is paid back by the windows after it; what is not spent is not saved', () => {
    const allowance = new Allowance({ windowMs: 500, weight: 10 })
    allowance.isLeft(0)
    allowance.spend(25)
    expect([500, 1_000, 1_500].map((nowMs) => allowance.isLeft(nowMs))).toEqual([false, true, true])
    expect(allowance.isLeft(50_000)).toBe(true)
    allowance.spend(10)
    expect(allowance.isLeft(50_000)).toBe(false)
  })

  test('that may be saved is there for a burst, up to its bound', () => {
    const allowance = new Allowance({ windowMs: 500, weight: 10, most: 25 })
    allowance.isLeft(0)
    allowance.spend(25)
    expect([0, 500].map((nowMs) => allowance.isLeft(nowMs))).toEqual([false, true])
    expect(allowance.isLeft(50_000)).toBe(true)
    allowance.spend(24)
    expect(allowance.isLeft(50_000)).toBe(true)
    allowance.spend(1)
    expect(allowance.isLeft(50_000)).toBe(false)
  })

  test('is granted in part where the process had only a part of a processor', () => {
    let share = 1
    const allowance = new Allowance({ windowMs: 500, weight: 10, most: 40, share: () => share })
    allowance.isLeft(0)
    allowance.spend(40)
    share = 0.25
    expect(allowance.isLeft(500)).toBe(true)
    allowance.spend(2.5)
    expect(allowance.isLeft(999)).toBe(false)
    expect(allowance.isLeft(1_500)).toBe(true)
    allowance.spend(5)
    expect(allowance.isLeft(1_500)).toBe(false)
    share = 1
    expect(allowance.isLeft(2_000)).toBe(true)
    allowance.spend(9)
    expect(allowance.isLeft(2_000)).toBe(true)
  })

  test('goes on when the clock goes back', () => {
    const allowance = new Allowance({ windowMs: 500, weight: 10 })
    allowance.isLeft(5_000)
    allowance.spend(10)
    expect(allowance.isLeft(1_000)).toBe(true)
  })
})

describe('the part of a processor that the process has', () => {
  test('is little while it waits for others in its own time, and never more than all', async () => {
    const share = processorShare()
    // It holds the thread, and uses no processor.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300)
    await new Promise((resolve) => setImmediate(resolve))
    expect(share()).toBeLessThan(0.7)
    const until = process.cpuUsage().user + 100_000
    while (process.cpuUsage().user < until);
    await new Promise((resolve) => setImmediate(resolve))
    const busy = share()
    expect(busy).toBeGreaterThan(0)
    expect(busy).toBeLessThanOrEqual(1)
  })
})

/** A record of at least `length` characters. */
function ended(clock: number, length = 0): ServerRecord {
  return { kind: 'ended', clock, timeMs: 0, reason: 'x'.repeat(length) }
}

function backlogOf({ weight = 1e9, records = 1e9, characters = 1e9 } = {}): Backlog {
  return new Backlog(new Allowance({ windowMs: 1_000, weight }), { records, characters })
}

/** What waits: of each stretch how many were left out before it, and the clocks. */
function taken(backlog: Backlog): readonly [number, ...number[]][] {
  return backlog
    .take()
    .map(({ leftOut, records }) => [leftOut, ...records.map((text) => JSON.parse(text).clock as number)])
}

describe('a backlog', () => {
  test('begins with a keyframe, and asks for another after each gap, which stands at its place', () => {
    const backlog = backlogOf()
    expect(backlog.needsKeyframe).toBe(true)
    backlog.add(ended(1))
    expect(backlog.needsKeyframe).toBe(false)
    backlog.leaveOut()
    backlog.leaveOut()
    expect(backlog.needsKeyframe).toBe(true)
    for (const clock of [4, 5]) backlog.add(ended(clock))
    expect(taken(backlog)).toEqual([
      [0, 1],
      [2, 4, 5],
    ])
    backlog.add(ended(6))
    expect(taken(backlog)).toEqual([[0, 6]])
    expect(backlog.isEmpty).toBe(true)
    expect(backlog.totalLeftOut).toBe(2)
  })

  test('takes nothing when its allowance is used up, by the length of what was told', () => {
    const backlog = backlogOf({ weight: 2_000 })
    expect(backlog.admits(0)).toBe(true)
    backlog.add(ended(1, 1_000))
    expect(backlog.admits(0)).toBe(true)
    backlog.add(ended(2, 1_000))
    expect(backlog.admits(999)).toBe(false)
    expect(backlog.admits(1_000)).toBe(true)
  })

  test.each([
    ['records', { records: 3 }],
    ['characters', { characters: 3_500 }],
  ])('leaves out all that waits when there is no room for more %s, until it is opened again', (_, limits) => {
    const backlog = backlogOf(limits)
    backlog.add(ended(1, 1_000))
    backlog.leaveOut()
    for (const clock of [3, 4, 5]) backlog.add(ended(clock, 1_000))
    expect(backlog).toMatchObject({
      isFull: true,
      isEmpty: true,
      characters: 0,
      totalLeftOut: 5,
      needsKeyframe: true,
    })
    expect(backlog.admits(0)).toBe(false)
    backlog.leaveOut()
    backlog.reopen()
    expect(backlog.admits(0)).toBe(true)
    backlog.add(ended(7))
    expect(taken(backlog)).toEqual([[6, 7]])
  })
})
