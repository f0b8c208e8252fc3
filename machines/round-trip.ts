/** The measured round trip to another party, and the timeout that follows from it: RFC 6298. */

export interface RoundTrip {
  /** The smoothed round trip time. */
  readonly smoothedMs: number
  /** The smoothed deviation from it. */
  readonly variationMs: number
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

/**
 * The round trip after another sample; `roundTrip` is `null` before the first one. The caller takes no sample from a question
 * that it asked twice, because the answer may belong to either of them (Karn's rule).
 */
export function withSample(roundTrip: RoundTrip | null, sampleMs: number): RoundTrip {
  const sample = Math.max(0, sampleMs)
  if (roundTrip === null) return { smoothedMs: sample, variationMs: sample / 2 }
  const { smoothedMs, variationMs } = roundTrip
  return {
    smoothedMs: smoothedMs + (sample - smoothedMs) / 8,
    variationMs: variationMs + (Math.abs(smoothedMs - sample) - variationMs) / 4,
  }
}

/** The time after which an answer is overdue, within `bounds`. */
export function timeoutMs(roundTrip: RoundTrip | null, { initialMs, minMs, maxMs }: TimeoutBounds): number {
  const timeout =
    roundTrip === null ? initialMs : roundTrip.smoothedMs + Math.max(granularityMs, 4 * roundTrip.variationMs)
  return Math.min(maxMs, Math.max(minMs, timeout))
}
