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
    expect(after(40)).toEqual({ smoothedMs: 40, variationMs: 20, doublings: 0 })
    expect(after(40, 80)).toEqual({ smoothedMs: 45, variationMs: 25, doublings: 0 })
    const steady = after(...Array.from({ length: 20 }, (_, at) => 40 + (at % 2)))
    const { smoothedMs, variationMs } = steady ?? { smoothedMs: 0, variationMs: 0 }
    expect(timeoutMs(steady, bounds)).toBeCloseTo(smoothedMs + 4 * variationMs, 10)
  })

  it('is at most twice the smoothed round trip, however much that varies', () => {
    expect(timeoutMs(after(40), bounds)).toBe(80)
    expect(timeoutMs(after(40, 80), bounds)).toBe(90)
  })

  it('doubles with each answer to a repeated question, up to the maximum, until the next sample', () => {
    let roundTrip: RoundTrip | null = after(40)
    const timeouts = Array.from({ length: 6 }, () => {
      roundTrip = withoutSample(roundTrip, 100)
      return timeoutMs(roundTrip, bounds)
    })
    expect(timeouts).toEqual([160, 320, 640, 1_000, 1_000, 1_000])
    expect(timeoutMs(withSample(roundTrip, 40), bounds)).toBe(80)
  })

  it('doubles the initial one too', () => {
    expect(timeoutMs(withoutSample(null, 100), bounds)).toBe(200)
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
