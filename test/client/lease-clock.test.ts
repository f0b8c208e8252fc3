/** The clock of the lease: neither sleep nor a wall clock that is set makes it slow. */
import { describe, expect, it } from 'vitest'
import { LeaseClock } from '../../src/client/lease-clock.ts'

/** A machine whose clocks the test moves. */
function machine() {
  let monotonicMs = 1_000
  let wallMs = 1_700_000_000_000
  const clock = new LeaseClock({ monotonicMs: () => monotonicMs, wallMs: () => wallMs })
  const startMs = clock.readMs()
  return {
    works: (ms: number) => {
      monotonicMs += ms
      wallMs += ms
    },
    sleeps: (ms: number) => {
      wallMs += ms
    },
    setsWall: (byMs: number) => {
      wallMs += byMs
    },
    /** Milliseconds of the clock since the start. */
    readMs: () => clock.readMs() - startMs,
    clocks: { monotonicMs: () => monotonicMs, wallMs: () => Math.floor(wallMs) },
  }
}

describe('the clock of the lease', () => {
  it('measures the time that the machine works and the time that it sleeps', () => {
    const { works, sleeps, readMs } = machine()
    works(500)
    expect(readMs()).toBe(500)
    sleeps(60_000)
    expect(readMs()).toBe(60_500)
    works(10)
    sleeps(5)
    expect(readMs()).toBe(60_515)
  })

  it('takes nothing away when the wall clock is set back, and measures a sleep after that', () => {
    const { works, sleeps, setsWall, readMs } = machine()
    setsWall(-120_000)
    expect(readMs()).toBe(0)
    works(1_000)
    expect(readMs()).toBe(1_000)
    sleeps(100_000)
    expect(readMs()).toBe(101_000)
  })

  it('goes on when the wall clock was set forward and is set back', () => {
    const { works, setsWall, readMs } = machine()
    setsWall(20_000)
    expect(readMs()).toBe(20_000)
    setsWall(-20_000)
    expect(readMs()).toBe(20_000)
    works(5_000)
    expect(readMs()).toBe(25_000)
  })

  it('never goes back', () => {
    const { works, sleeps, setsWall, readMs } = machine()
    let beforeMs = 0
    for (const [index, ms] of [3, -1, 700, -900, 0, -2, 40_000, -39_999].entries()) {
      setsWall(ms)
      if (index % 2 === 0) works(1)
      else sleeps(2)
      const nowMs = readMs()
      expect(nowMs).toBeGreaterThanOrEqual(beforeMs)
      beforeMs = nowMs
    }
  })

  it('does not gain by the rounding of the wall clock, however often it is read', () => {
    const { works, clocks } = machine()
    const rounded = new LeaseClock(clocks)
    const startMs = rounded.readMs()
    for (let tenths = 0; tenths < 10_000; tenths += 1) {
      works(0.1)
      rounded.readMs()
    }
    expect(rounded.readMs() - startMs).toBeLessThan(1_002)
  })
})
