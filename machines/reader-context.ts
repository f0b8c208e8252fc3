/** The context of a reader, and its initial value. */
import type { Instance, NodeId } from './batch.ts'
import type { Confirmation } from './confirmations.ts'
import { type HeldReads, noReads } from './held-reads.ts'
import type { Limits } from './limits.ts'
import type { Member } from './members.ts'
import { drawRandom } from './random.ts'
import type { RoundTrip } from './round-trip.ts'
import type { Timing } from './timing.ts'

export interface ReaderInput {
  readonly self: NodeId
  readonly incarnation: string
  readonly members: readonly Member[]
  readonly timing: Timing
  readonly limits: Limits
  readonly randomSeed: number
  /** Everything below is chosen and executed here. */
  readonly firstUnexecuted: Instance
}

/** All fields are volatile: a client without an answer asks again. */
export interface ReaderContext extends ReaderInput {
  /** The reads that arrived after the present question was sent: the next question is for them. Invariant: none in `idle`. */
  readonly gathered: HeldReads
  /** The reads for which the present question is. Invariant: none in `idle`, and some in each other state. */
  readonly asked: HeldReads
  /**
   * The number of the present or last question. The first one of a run is drawn at random, so that an answer to a question of an earlier
   * run answers none of this one. Invariant: never decreases.
   */
  readonly question: number
  /** The answers to it. Invariant: one for each server, and only of counted servers with their own incarnations. */
  readonly answers: readonly Confirmation[]
  /** When the question was sent; `null` when it was repeated, or at an unknown time. */
  readonly askedAtMs: number | null
  /** The number of repetitions in the present state. */
  readonly tries: number
  /** The factor of the next repetition's wait, drawn at random for each. */
  readonly spread: number
  /** The time that a quorum takes to answer, as measured; `null` before the first measurement. */
  readonly roundTrip: RoundTrip | null
  readonly isStopping: boolean
}

/** The range of the first question of a run. Questions stay below 2^52. */
const questionRange = 2 ** 51

/** The number below the first question of a run, drawn from `randomSeed`, and the next seed. */
export function firstQuestion(randomSeed: number): { readonly seed: number; readonly question: number } {
  const { seed, value } = drawRandom(randomSeed)
  return { seed, question: Math.floor(value * questionRange) }
}

/** The initial context: no read is held. */
export function readerContext(input: ReaderInput): ReaderContext {
  const { seed, question } = firstQuestion(input.randomSeed)
  return {
    ...input,
    randomSeed: seed,
    gathered: noReads,
    asked: noReads,
    question,
    answers: [],
    askedAtMs: null,
    tries: 0,
    spread: 1,
    roundTrip: null,
    isStopping: false,
  }
}
