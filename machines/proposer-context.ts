/** What a proposer knows, and what it begins with. */
import type { Ballot } from './ballot.ts'
import type { Batch, Instance, NodeId } from './batch.ts'
import type { Member } from './members.ts'
import type { GivenPromise } from './promises.ts'
import type { Timing } from './timing.ts'

export interface ProposerInput {
  readonly self: NodeId
  readonly incarnation: string
  readonly members: readonly Member[]
  readonly timing: Timing
  readonly randomSeed: number
  /** What this node's acceptor has promised: no ballot at or below it is used, so none is used twice. */
  readonly promised: Ballot | null
  /** Everything below is chosen and executed here. */
  readonly firstUnexecuted: Instance
}

export interface ProposerContext {
  readonly self: NodeId
  readonly incarnation: string
  /** Invariant: while the proposer proposes at a ballot they do not change. */
  readonly members: readonly Member[]
  readonly timing: Timing
  readonly randomSeed: number

  // All of it volatile: what must survive is with the acceptors.
  /** The ballot in use, or last used. */
  readonly ballot: Ballot
  /** The highest round seen. Invariant: at least that of `ballot`, and never decreases. */
  readonly highestRound: number
  /** Everything below is chosen and executed here. */
  readonly firstUnexecuted: Instance
  /** The instance that `ballot` was prepared from. */
  readonly preparedFrom: Instance
  /**
   * Invariant: one a server, all for `ballot` and `preparedFrom`, and only of servers that are counted, each under its own incarnation. When
   * the ballot is prepared, a quorum of them, this node's own acceptor among it.
   */
  readonly promises: readonly GivenPromise[]
  /**
   * What is proposed at `firstUnexecuted`. Invariant: of this node's own queue only where no promise shows a batch at this instance or
   * above it.
   */
  readonly batch: Batch | null
  /** Who accepted it at `ballot`. Invariant: distinct, and only servers that are counted. */
  readonly accepts: readonly NodeId[]
  /** A quorum has accepted `batch` at `ballot`: it is what was chosen, and may be told as such. Invariant: there is a `batch`. */
  readonly isChosen: boolean
  /** How often the `prepare` or `accept` under way was sent again without enough answers. */
  readonly tries: number
  /** How often it has backed off since a batch that it proposed was chosen. */
  readonly backoffs: number
  readonly backoffMs: number
  /**
   * The wait has been begun again for a rival that came forward in it, so that it can finish. Invariant: it is then not begun again for
   * another one: it might never end.
   */
  readonly hasYielded: boolean
}

/** What a proposer begins with: no ballot is in use. */
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
    backoffs: 0,
    backoffMs: input.timing.backoffMs,
    hasYielded: false,
  }
}
