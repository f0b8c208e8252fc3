/**
 * The measured round trip to another party, and the timeout that follows from it: RFC 6298, with bounds. A lost message among servers
 * makes some answers late, and such answers must not make the repetition of lost messages slow. So a late answer counts as one and a
 * half times the smoothed round trip, and the timeout is at most about twice that. When all answers become slower, both follow within
 * some dozen answers.
 */
export interface RoundTrip {
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

/** What a late answer counts as. */
function lateMs({ smoothedMs }: RoundTrip): number {
  return 1.5 * smoothedMs + granularityMs
}

/**
 * The round trip after another sample; `roundTrip` is `null` before the first one. The caller takes no sample from a question
 * that it asked twice, because the answer may belong to either of them (Karn's rule): it calls `withoutSample`.
 */
export function withSample(roundTrip: RoundTrip | null, sampleMs: number): RoundTrip {
  if (roundTrip === null) {
    const first = Math.max(0, sampleMs)
    return { smoothedMs: first, variationMs: first / 2 }
  }
  const { smoothedMs, variationMs } = roundTrip
  const sample = Math.min(Math.max(0, sampleMs), lateMs(roundTrip))
  return {
    smoothedMs: smoothedMs + (sample - smoothedMs) / 8,
    variationMs: variationMs + (Math.abs(smoothedMs - sample) - variationMs) / 4,
  }
}

/**
 * The round trip after the answer to a repeated question, which counts as late. So the timeout grows while all answers come after it.
 * RFC 6298 keeps the doubled timeout instead, and then a few losses in a row make the next one expensive. `initialMs` is the timeout
 * that was used before the first sample.
 */
export function withoutSample(roundTrip: RoundTrip | null, initialMs: number): RoundTrip {
  return withSample(roundTrip, roundTrip === null ? initialMs : lateMs(roundTrip))
}

/** The time after which an answer is overdue, within `bounds`. */
export function timeoutMs(roundTrip: RoundTrip | null, { initialMs, minMs, maxMs }: TimeoutBounds): number {
  return Math.min(maxMs, Math.max(minMs, roundTrip === null ? initialMs : unboundedMs(roundTrip)))
}

function unboundedMs({ smoothedMs, variationMs }: RoundTrip): number {
  return smoothedMs + Math.max(granularityMs, Math.min(4 * variationMs, smoothedMs))
}
