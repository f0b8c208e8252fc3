/** The context of a proposer, and its initial value. */
import type { Ballot } from './ballot.ts'
import type { Batch, Instance, NodeId } from './batch.ts'
import type { Member } from './members.ts'
import type { GivenPromise } from './promises.ts'
import type { RoundTrip } from './round-trip.ts'
import type { Timing } from './timing.ts'

export interface ProposerInput {
  readonly self: NodeId
  readonly incarnation: string
  readonly members: readonly Member[]
  readonly timing: Timing
  readonly randomSeed: number
  /** The promise of this node's acceptor. The proposer uses no ballot at or below it, so it uses none twice. */
  readonly promised: Ballot | null
  /** Everything below is chosen and executed here. */
  readonly firstUnexecuted: Instance
}

export interface ProposerContext {
  readonly self: NodeId
  readonly incarnation: string
  /** Invariant: does not change while the proposer proposes at a ballot. */
  readonly members: readonly Member[]
  readonly timing: Timing
  readonly randomSeed: number

  // All fields are volatile: the acceptors hold the durable state.
  /** The ballot in use, or last used. */
  readonly ballot: Ballot
  /** The highest round seen. Invariant: at least that of `ballot`, and never decreases. */
  readonly highestRound: number
  /** Everything below is chosen and executed here. */
  readonly firstUnexecuted: Instance
  /** The instance that `ballot` was prepared from. */
  readonly preparedFrom: Instance
  /**
   * Invariant: one for each server, all for `ballot` and `preparedFrom`, and only of counted servers with their own incarnations.
   * When the ballot is prepared, they form a quorum that includes this node's own acceptor.
   */
  readonly promises: readonly GivenPromise[]
  /**
   * The batch that is proposed at `firstUnexecuted`. Invariant: from this node's own queue only if no promise has a batch at this
   * instance or above it.
   */
  readonly batch: Batch | null
  /** The servers that accepted it at `ballot`. Invariant: distinct and counted. */
  readonly accepts: readonly NodeId[]
  /**
   * True when a quorum has accepted `batch` at `ballot`: it is chosen, and may be reported as chosen. Invariant: there is a
   * `batch`.
   */
  readonly isChosen: boolean
  /**
   * The number of repetitions of the current `prepare` or `accept` without enough answers, or of the wait for later choices. Invariant:
   * at most `patientTries` while it catches up.
   */
  readonly tries: number
  /** The factor of the next repetition's wait, drawn at random for each. */
  readonly spread: number
  /** The time of the offer of `batch`, if it is from this node's own queue; otherwise `null`. */
  readonly offeredAtMs: number | null
  /** The time that a quorum takes to accept, as measured; `null` before the first measurement. */
  readonly roundTrip: RoundTrip | null
  /** The number of back-offs since a batch that it proposed was chosen. */
  readonly backoffs: number
  readonly backoffMs: number
  /**
   * True when the wait was restarted once for a rival, so that the rival can finish. Invariant: the wait is not restarted for a
   * second rival, because it might never end.
   */
  readonly hasYielded: boolean
}

/** The initial context: no ballot is in use. */
export function proposerContext({ promised, ...input }: ProposerInput): ProposerContext {
  return {
    ...input,
    ballot: { round: promised?.round ?? 0, node: input.self },
    highestRound: promised?.round ?? 0,
    preparedFrom: input.firstUnexecuted,
    promises: [],
    batch: null,
    accepts: [],
    isChosen: false,
    tries: 0,
    spread: 1,
    offeredAtMs: null,
    roundTrip: null,
    backoffs: 0,
    backoffMs: input.timing.backoffMs,
    hasYielded: false,
  }
}
