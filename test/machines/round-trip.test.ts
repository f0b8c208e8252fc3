import { describe, expect, it } from 'vitest'
import { type RoundTrip, timeoutMs, withSample } from '../../machines/round-trip.ts'

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
    expect(timeoutMs(after(40), bounds)).toBe(120)
    expect(after(40, 80)).toEqual({ smoothedMs: 45, variationMs: 25 })
    expect(timeoutMs(after(40, 80), bounds)).toBe(145)
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
