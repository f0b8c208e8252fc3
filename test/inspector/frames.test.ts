import { describe, expect, test } from 'vitest'
import { Frames } from '../../inspector/model/frames.ts'
import { Pace } from '../../inspector/model/pace.ts'

describe('how far drawings are apart', () => {
  const paceAfter = (...tookMs: number[]): Pace => {
    const pace = new Pace()
    for (const took of tookMs) pace.drew(1_000, took)
    return pace
  }
  const often = (tookMs: number): number[] => Array.from({ length: 30 }, () => tookMs)

  test('not at all, as long as they are quick', () => {
    expect(paceAfter(...often(7)).waitMs(1_000)).toBe(0)
    expect(paceAfter(...often(6), 12).isSlow).toBe(false)
  })

  test('so far that they take half of the time when they are slow', () => {
    const pace = paceAfter(...often(30))
    expect(pace.isSlow).toBe(true)
    expect(pace.waitMs(1_000)).toBeCloseTo(60, 0)
    expect(pace.waitMs(1_050)).toBeCloseTo(10, 0)
    expect(pace.waitMs(1_061)).toBe(0)
  })

  test('never so far that the page seems to stand still', () => {
    expect(paceAfter(...often(5_000)).waitMs(1_000)).toBeLessThanOrEqual(100)
  })

  test('not at all again once they are quick again, though one of them took long before', () => {
    expect(paceAfter(...often(5), 60_000).isSlow).toBe(true)
    expect(paceAfter(...often(5), 60_000, ...often(3)).isSlow).toBe(false)
  })
})

/** A screen whose time is in the test's hand. */
class TestScreen {
  nowMs = 0
  readonly slow: boolean[] = []
  #atFrame: (() => void)[] = []
  #afterFrame: (() => void)[] = []
  #later: { readonly run: () => void; readonly atMs: number }[] = []

  now(): number {
    return this.nowMs
  }

  atFrame(run: () => void): void {
    this.#atFrame.push(run)
  }

  afterFrame(run: () => void): void {
    this.#afterFrame.push(run)
  }

  later(run: () => void, ms: number): () => void {
    const timer = { run, atMs: this.nowMs + ms }
    this.#later.push(timer)
    return () => {
      this.#later = this.#later.filter((other) => other !== timer)
    }
  }

  isSlow(isSlow: boolean): void {
    this.slow.push(isSlow)
  }

  /** A frame begins at `atMs`, and what is drawn in it takes so long. */
  frame(atMs: number, tookMs: number): void {
    this.nowMs = atMs
    const due = this.#later.filter((timer) => timer.atMs <= atMs)
    this.#later = this.#later.filter((timer) => timer.atMs > atMs)
    for (const { run } of due) run()
    for (const run of this.#atFrame.splice(0)) run()
    this.nowMs += tookMs
    for (const run of this.#afterFrame.splice(0)) run()
  }
}

describe('frames', () => {
  test('are all drawn in when that is quick', () => {
    const screen = new TestScreen()
    const frames = new Frames(screen)
    let draws = 0
    for (let frame = 1; frame <= 60; frame += 1) {
      frames.schedule(() => {
        draws += 1
      }, false)
      screen.frame(frame * 16, 5)
    }
    expect(draws).toBe(60)
    expect(screen.slow).toEqual([])
  })

  test('are left out when it is not, and the page is told; what the reader does is still drawn in the next', () => {
    const screen = new TestScreen()
    const frames = new Frames(screen)
    let draws = 0
    const draw = () => {
      draws += 1
    }
    for (let frame = 1; frame <= 20; frame += 1) {
      frames.schedule(draw, true)
      screen.frame(frame * 100, 40)
    }
    expect(draws).toBe(20)
    expect(screen.slow).toEqual([true])
    frames.schedule(draw, false)
    screen.frame(2_056, 0)
    expect(draws).toBe(20)
    frames.schedule(draw, true)
    screen.frame(2_072, 0)
    expect(draws).toBe(21)
    screen.frame(2_300, 0)
    expect(draws).toBe(21)
  })

  test('that wait for their time come, though nothing changes any more', () => {
    const screen = new TestScreen()
    const frames = new Frames(screen)
    let shown = 0
    let latest = 0
    const change = () => {
      latest += 1
      frames.schedule(() => {
        shown = latest
      }, false)
    }
    for (let frame = 1; frame <= 20; frame += 1) {
      change()
      screen.frame(frame * 200, 40)
    }
    change()
    screen.frame(4_050, 0)
    expect(shown).toBe(20)
    screen.frame(4_100, 0)
    expect(shown).toBe(21)
  })
})
