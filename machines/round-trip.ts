/**
 * The measured round trip to another party, and the timeout that follows from it: RFC 6298, with a bound on the variation. A lost
 * message among servers makes some answers late. Such answers must not make the repetition of lost messages slow, so the timeout is at
 * most about twice the smoothed round trip.
 */
export interface RoundTrip {
  readonly smoothedMs: number
  /** The smoothed deviation from it. */
  readonly variationMs: number
  /** The number of questions in a row that were repeated before their answer came. Each doubles the timeout. */
  readonly doublings: number
}

/** The bounds of a timeout. */
export interface TimeoutBounds {
  /** The timeout before the first sample. */
  readonly initialMs: number
  readonly minMs: number
  readonly maxMs: number
}

/** The resolution of timers. */
const granularityMs = 1

const mostDoublings = 8

/**
 * The round trip after another sample; `roundTrip` is `null` before the first one. The caller takes no sample from a question
 * that it asked twice, because the answer may belong to either of them (Karn's rule): it calls `withoutSample`.
 */
export function withSample(roundTrip: RoundTrip | null, sampleMs: number): RoundTrip {
  const sample = Math.max(0, sampleMs)
  if (roundTrip === null) return { smoothedMs: sample, variationMs: sample / 2, doublings: 0 }
  const { smoothedMs, variationMs } = roundTrip
  return {
    smoothedMs: smoothedMs + (sample - smoothedMs) / 8,
    variationMs: variationMs + (Math.abs(smoothedMs - sample) - variationMs) / 4,
    doublings: 0,
  }
}

/**
 * The round trip after the answer to a repeated question. The timeout stays doubled, so that some later question is answered before its
 * repetition (RFC 6298, section 5). `initialMs` is the timeout that was used before the first sample.
 */
export function withoutSample(roundTrip: RoundTrip | null, initialMs: number): RoundTrip {
  const { smoothedMs, variationMs, doublings } = roundTrip ?? {
    smoothedMs: initialMs / 2,
    variationMs: initialMs / 8,
    doublings: 0,
  }
  return { smoothedMs, variationMs, doublings: Math.min(mostDoublings, doublings + 1) }
}

/** The time after which an answer is overdue, within `bounds`. */
export function timeoutMs(roundTrip: RoundTrip | null, { initialMs, minMs, maxMs }: TimeoutBounds): number {
  if (roundTrip === null) return Math.min(maxMs, Math.max(minMs, initialMs))
  const { smoothedMs, variationMs, doublings } = roundTrip
  const timeout = smoothedMs + Math.max(granularityMs, Math.min(4 * variationMs, smoothedMs))
  return Math.min(maxMs, Math.max(minMs, timeout) * 2 ** doublings)
}
