import type { Ballot } from '../../machines/ballot.ts'

/** A ballot as `ROUND.NODE`, for a message. */
export function ballotText(ballot: Ballot | null): string {
  return ballot === null ? 'nothing' : `${ballot.round}.${ballot.node}`
}
