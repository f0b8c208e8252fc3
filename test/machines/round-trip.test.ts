import { describe, expect, it } from 'vitest'
import { type RoundTrip, timeoutMs, withoutSample, withSample } from '../../machines/round-trip.ts'
import { defaultTiming, retransmitInterval } from '../../machines/timing.ts'

const bounds = { initialMs: 100, minMs: 10, maxMs: 1_000 }

function after(...samples: readonly number[]): RoundTrip | null {
  return samples.reduce<RoundTrip | null>((roundTrip, sample) => withSample(roundTrip, sample), null)
}

const steady: RoundTrip = { smoothedMs: 40, variationMs: 0, repeatedShare: 0, stretch: 1 }
const quick: RoundTrip = { ...steady, smoothedMs: 0.5 }

/** The round trip after the answers to that many repeated questions. */
function repeated(roundTrip: RoundTrip, times: number): RoundTrip {
  return Array.from({ length: times }).reduce<RoundTrip>((last) => withoutSample(last, 100), roundTrip)
}

describe('the timeout that follows from round trips', () => {
  it('is the initial one before the first sample', () => {
    expect(timeoutMs(null, bounds)).toBe(100)
  })

  it('follows the formulas of RFC 6298', () => {
    expect(after(40)).toMatchObject({ smoothedMs: 40, variationMs: 20 })
    expect(after(40, 48)).toMatchObject({ smoothedMs: 41, variationMs: 17 })
    const alternating = after(...Array.from({ length: 20 }, (_, at) => 40 + (at % 2)))
    const { smoothedMs, variationMs } = alternating ?? { smoothedMs: 0, variationMs: 0 }
    expect(timeoutMs(alternating, bounds)).toBeCloseTo(smoothedMs + 4 * variationMs, 10)
  })

  it('is at most twice the smoothed round trip, however much that varies', () => {
    expect(timeoutMs(after(40), bounds)).toBe(80)
  })

  it('counts a late answer as one and a half round trips', () => {
    expect(after(40, 500)).toEqual(after(40, 61))
  })

  it('takes no sample from the answer to a repeated question, but the timeout that was used before the first one', () => {
    const { smoothedMs, variationMs } = repeated(steady, 5)
    expect({ smoothedMs, variationMs }).toEqual({ smoothedMs: 40, variationMs: steady.variationMs })
    expect(withoutSample(null, 100)).toEqual(after(100))
  })

  it('is longer after each answer to a repeated question, until one comes in time', () => {
    const at = (times: number) => repeated(steady, times).stretch
    expect([at(1), at(2)]).toEqual([1.05, 1.05 ** 2])
    expect(at(2_000)).toBe(100)
    expect(withSample(repeated(steady, 2), 40).stretch).toBe(1)
    // This answer needed a part of the longer timeout.
    const slow = repeated(steady, 20)
    const unstretched = timeoutMs({ ...slow, stretch: 1 }, { ...bounds, minMs: 0 })
    expect(withSample(slow, 1.5 * unstretched).stretch).toBeCloseTo(1.5, 10)
  })

  it('has a smaller margin where questions have to be repeated often, down to a third', () => {
    const of = (roundTrip: RoundTrip) => timeoutMs({ ...roundTrip, stretch: 1 }, bounds)
    const varied = { ...steady, variationMs: 5 }
    expect(of(varied)).toBe(60)
    expect(of(repeated(varied, 1))).toBeCloseTo(40 + 20 * (1 - 4 / 16), 10)
    expect(of(repeated(varied, 9))).toBeCloseTo(40 + 20 / 3, 10)
    const answered = Array.from({ length: 100 }, () => 40).reduce<RoundTrip>(withSample, repeated(varied, 9))
    expect(of({ ...answered, variationMs: 5 })).toBeCloseTo(60, 0)
  })

  it('keeps its minimum there', () => {
    expect(timeoutMs({ ...quick, stretch: 1 }, bounds)).toBe(10)
    expect(timeoutMs({ ...repeated(quick, 9), stretch: 1 }, bounds)).toBe(10)
  })

  it('follows answers that all become slower, within some dozen of them', () => {
    const slower = after(10, ...Array.from({ length: 60 }, () => 100))
    expect(timeoutMs(slower, bounds)).toBeGreaterThan(100)
  })

  it('approaches a steady round trip, and exceeds it by the resolution of timers at least', () => {
    const even = after(...Array.from({ length: 100 }, () => 50))
    expect(timeoutMs(even, bounds)).toBeCloseTo(51, 5)
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
