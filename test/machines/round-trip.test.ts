import { describe, expect, it } from 'vitest'
import { type RoundTrip, timeoutMs, withoutSample, withSample } from '../../machines/round-trip.ts'
import { defaultTiming, retransmitInterval } from '../../machines/timing.ts'

const bounds = { initialMs: 100, minMs: 10, maxMs: 1_000 }

function after(...samples: readonly number[]): RoundTrip | null {
  return samples.reduce<RoundTrip | null>((roundTrip, sample) => withSample(roundTrip, sample), null)
}

describe('the timeout that follows from round trips', () => {
  it('is the initial one before the first sample', () => {
    expect(timeoutMs(null, bounds)).toBe(100)
  })

  it('follows the formulas of RFC 6298', () => {
    expect(after(40)).toEqual({ smoothedMs: 40, variationMs: 20 })
    expect(after(40, 48)).toEqual({ smoothedMs: 41, variationMs: 17 })
    const steady = after(...Array.from({ length: 20 }, (_, at) => 40 + (at % 2)))
    const { smoothedMs, variationMs } = steady ?? { smoothedMs: 0, variationMs: 0 }
    expect(timeoutMs(steady, bounds)).toBeCloseTo(smoothedMs + 4 * variationMs, 10)
  })

  it('is at most twice the smoothed round trip, however much that varies', () => {
    expect(timeoutMs(after(40), bounds)).toBe(80)
  })

  it('counts a late answer, and one to a repeated question, as one and a half round trips', () => {
    expect(after(40, 500)).toEqual(after(40, 61))
    expect(withoutSample(after(40), 100)).toEqual(after(40, 61))
    expect(withoutSample(null, 100)).toEqual(after(100))
  })

  it('follows answers that all become slower, within some dozen of them', () => {
    const slower = after(10, ...Array.from({ length: 60 }, () => 100))
    expect(timeoutMs(slower, bounds)).toBeGreaterThan(100)
  })

  it('approaches a steady round trip, and exceeds it by the resolution of timers at least', () => {
    const steady = after(...Array.from({ length: 100 }, () => 50))
    expect(timeoutMs(steady, bounds)).toBeCloseTo(51, 5)
  })

  it.each([
    ['at least the minimum', 0.2, 10],
    ['at most the maximum', 5_000, 1_000],
    ['not negative for a sample that is', -3, 10],
  ])('is %s', (_, sample, timeout) => {
    expect(timeoutMs(after(sample), bounds)).toBe(timeout)
  })
})

describe('the interval of repetitions', () => {
  it('is doubled each time, up to its limit, which its spread does not exceed either', () => {
    const { retransmitMs, retransmitLimitMs } = defaultTiming
    for (const spread of [0.75, 1, 1.25]) {
      expect(retransmitInterval(defaultTiming, null, 0, spread)).toBe(Math.ceil(retransmitMs * spread))
      expect(retransmitInterval(defaultTiming, null, 1, spread)).toBe(Math.ceil(2 * retransmitMs * spread))
    }
    for (const spread of [1, 1.1, 1.25]) {
      expect(retransmitInterval(defaultTiming, null, 20, spread)).toBe(retransmitLimitMs)
      expect(retransmitInterval(defaultTiming, after(9_000), 0, spread)).toBe(retransmitLimitMs)
    }
  })
})
