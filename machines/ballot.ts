/**
 * A proposal number. Ballots are totally ordered, each belongs to one node, and none is used twice. *Paxos Made Simple*, section
 * 2.2.
 */
export interface Ballot {
  readonly round: number
  readonly node: number
}

/** Negative, zero or positive when `a` is lower than, equal to or higher than `b`. `null` (no promise) is the lowest. */
export function compareBallots(a: Ballot | null, b: Ballot | null): number {
  if (a === null || b === null) return (a === null ? 0 : 1) - (b === null ? 0 : 1)
  return a.round - b.round || a.node - b.node
}

/** True when `a` and `b` are the same ballot. */
export function sameBallot(a: Ballot | null, b: Ballot | null): boolean {
  return compareBallots(a, b) === 0
}

/** The lowest ballot of `node` that is above every round that it has seen. */
export function ballotAbove(highestRound: number, node: number): Ballot {
  return { round: highestRound + 1, node }
}
