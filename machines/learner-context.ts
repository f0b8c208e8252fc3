/** What a learner knows, and what it begins with. */
import type { Batch, Instance, NodeId } from './batch.ts'
import type { Informant } from './inbox.ts'
import { type Member, peersOf } from './members.ts'
import type { Timing } from './timing.ts'

export interface LearnerInput {
  readonly self: NodeId
  readonly members: readonly Member[]
  readonly timing: Timing
  readonly firstUnchosen: Instance
  /** The highest instance at which this node's acceptor holds something, -1 if none. */
  readonly highestHeard: Instance
}

export interface LearnerContext {
  readonly self: NodeId
  readonly members: readonly Member[]
  readonly timing: Timing

  // Durable, though it may be synced lazily, since a quorum of acceptors holds it.
  /** Everything below is chosen, and known here. Invariant: never decreases. */
  readonly firstUnchosen: Instance

  // Volatile.
  /** The batch at the instance below `firstUnchosen`; `null` when it was not learned since the start. */
  readonly lastChosen: Batch | null
  /** A batch that others say to be chosen in the place of `lastChosen`, and who says so. Invariant: distinct, counted. */
  readonly contradiction: { readonly batch: Batch; readonly by: readonly NodeId[] } | null
  /** The highest instance of an accept heard here. */
  readonly highestHeard: Instance
  /** Somebody knows everything below. Invariant: above `firstUnchosen` while behind or catching up. */
  readonly target: Instance
  /** Whom to ask. */
  readonly peer: NodeId
  /**
   * Who showed last that it knows everything below `target`. It has its turn too: to a server that joins late, or was away while
   * the members changed, it may be no member, and those that it knows of may be gone. Invariant: no member that was removed.
   */
  readonly informant: Informant | null
  /** Who was asked since the learner last knew all that it had heard of: their answers are taken. */
  readonly asked: readonly NodeId[]
  /** How often it asked without news. */
  readonly tries: number
  /** Who answered the inquiry under way. Invariant: distinct, counted; at its beginning this node alone. */
  readonly answered: readonly NodeId[]
  /** An answer, or this node, showed something accepted that nobody knew to be chosen. */
  readonly unsettled: boolean
  /** Where the last inquiry ended with something unsettled: if the next one ends there too, nobody is at work on it. */
  readonly unsettledAt: Instance
}

/** What a learner begins with: it knows all that it has heard of. */
export function learnerContext(input: LearnerInput): LearnerContext {
  return {
    ...input,
    lastChosen: null,
    contradiction: null,
    target: input.firstUnchosen,
    peer: peersOf(input.members, input.self)[0] ?? input.self,
    informant: null,
    asked: [],
    tries: 0,
    answered: [],
    unsettled: false,
    unsettledAt: -1,
  }
}
