/**
 * The measured round trip to another party, and the timeout that follows from it: RFC 6298, adapted to networks that lose many messages.
 *
 * An answer to a repeated question yields no sample, because it may belong to either of the two (Karn's rule). RFC 6298 then keeps the
 * doubled timeout, and a few losses in a row make the next one expensive. Here such an answer makes the timeout longer by a twentieth,
 * until an answer comes in time. So the timeout follows answers that all become slower within some dozen of them.
 *
 * The timeout is longer than the smoothed round trip, by a margin that avoids needless repetitions. A needless repetition costs a
 * datagram; a lost message costs a timeout. So the margin is smaller where many questions have to be repeated. It is never 0, and a
 * party that repeats a message again and again doubles the wait, so a congested network gets fewer messages.
 */
export interface RoundTrip {
  readonly smoothedMs: number
  /** The smoothed deviation from it. */
  readonly variationMs: number
  /** The smoothed share of the questions that were repeated. */
  readonly repeatedShare: number
  /** The factor of the timeout because of answers that came after a repetition: from 1 to `mostStretch`. */
  readonly stretch: number
}

/** The bounds of a timeout. */
export interface TimeoutBounds {
  /** The timeout before the first sample. */
  readonly initialMs: number
  /** The least timeout, however much is lost: a slow sync must not look like a loss. */
  readonly minMs: number
  readonly maxMs: number
}

/** The resolution of timers. */
const granularityMs = 1

/** The factor of the timeout after an answer to a repeated question. */
const stretchStep = 1.05
const mostStretch = 100

/** The weight of one question in the share of repeated ones. */
const shareWeight = 1 / 16
/** The margin shrinks in proportion to this many times the share of repeated questions, down to `leastMargin`. */
const marginSlope = 4
const leastMargin = 1 / 3

/** The most that a sample counts: losses among servers delay some answers, which must not delay the repetition of lost messages. */
function lateMs({ smoothedMs }: RoundTrip): number {
  return 1.5 * smoothedMs + granularityMs
}

/** The round trip after another sample; `roundTrip` is `null` before the first one. */
export function withSample(roundTrip: RoundTrip | null, sampleMs: number): RoundTrip {
  const whole = Math.max(0, sampleMs)
  if (roundTrip === null) return { smoothedMs: whole, variationMs: whole / 2, repeatedShare: 0, stretch: 1 }
  const { smoothedMs, variationMs, repeatedShare, stretch } = roundTrip
  const sample = Math.min(whole, lateMs(roundTrip))
  return {
    smoothedMs: smoothedMs + (sample - smoothedMs) / 8,
    variationMs: variationMs + (Math.abs(smoothedMs - sample) - variationMs) / 4,
    repeatedShare: repeatedShare * (1 - shareWeight),
    // As far as this answer needed it.
    stretch: Math.min(stretch, Math.max(1, whole / unstretchedMs(roundTrip))),
  }
}

/** The round trip after the answer to a repeated question. `initialMs` is the timeout that was used before the first sample. */
export function withoutSample(roundTrip: RoundTrip | null, initialMs: number): RoundTrip {
  if (roundTrip === null) return withSample(null, initialMs)
  const { repeatedShare, stretch } = roundTrip
  return {
    ...roundTrip,
    repeatedShare: repeatedShare + (1 - repeatedShare) * shareWeight,
    stretch: Math.min(mostStretch, stretch * stretchStep),
  }
}

/** The time after which an answer is overdue, within `bounds`. */
export function timeoutMs(roundTrip: RoundTrip | null, { initialMs, minMs, maxMs }: TimeoutBounds): number {
  if (roundTrip === null) return Math.min(maxMs, Math.max(minMs, initialMs))
  const timeout = Math.max(minMs, unstretchedMs(roundTrip))
  return Math.min(maxMs, timeout * roundTrip.stretch)
}

function unstretchedMs(roundTrip: RoundTrip): number {
  const { smoothedMs, variationMs } = roundTrip
  return smoothedMs + Math.max(granularityMs, marginOf(roundTrip) * Math.min(4 * variationMs, smoothedMs))
}

/** The factor of the margin: 1 when no question is repeated. */
function marginOf({ repeatedShare }: RoundTrip): number {
  return Math.max(leastMargin, 1 - marginSlope * repeatedShare)
}
