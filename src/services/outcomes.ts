/** The outcomes of requests: how they are made, and what the replicated state of a session says of a request. */
import type { Command, Json } from '../../machines/batch.ts'
import type { Outcome, Position } from '../../machines/outcome.ts'
import { isKeptCommand } from './kept-command.ts'
import type { Session } from './sessions.ts'

/** What does not fit into the quota. */
export type Excess = Omit<Extract<Outcome, { readonly kind: 'overQuota' }>, 'kind' | keyof Position>

/** The outcome of a request whose session has ended, or never was. */
export const sessionHasEnded: Outcome = { kind: 'refused', reason: 'expired' }

/** How the request ended or why it is refused; `null` when it has not run yet. If `command` is `null`, any command matches. */
export function endedOutcome(session: Session, seq: number, command: Command | null): Outcome | null {
  const ended = session.ended.get(seq)
  const known = (ended ?? session.waiting.get(seq))?.command ?? null
  if (known !== null && command !== null && !isKeptCommand(known, command)) {
    return { kind: 'refused', reason: 'conflict' }
  }
  if (ended !== undefined) return ended.outcome
  if (seq < session.ackedBelow) return { kind: 'refused', reason: 'stale' }
  if (command?.kind === 'touch' && seq < session.touchedSeq) return { kind: 'refused', reason: 'forgotten' }
  return seq < session.forgottenBelow && !session.waiting.has(seq)
    ? { kind: 'refused', reason: 'forgotten' }
    : null
}

/** Negative when `a` ended before `b`. A cancel's own outcome comes before the outcome of the request that it cancels. */
export function compareEnds(a: Outcome, b: Outcome): number {
  if (a.kind === 'refused' || b.kind === 'refused') return 0
  return (
    a.instance - b.instance ||
    a.index - b.index ||
    Number(a.kind === 'cancelled') - Number(b.kind === 'cancelled')
  )
}

export function executed({ instance, index }: Position, result: Json): Outcome {
  return { kind: 'executed', result, instance, index }
}

/** The outcome of a request that would let the state of `sizeBytes` grow by `growthBytes` beyond `quotaBytes`. */
export function overQuota(
  { instance, index }: Position,
  { sizeBytes, growthBytes, quotaBytes }: Excess,
): Outcome {
  return { kind: 'overQuota', sizeBytes, growthBytes, quotaBytes, instance, index }
}

export function failed({ instance, index }: Position, error: string): Outcome {
  return { kind: 'failed', error, instance, index }
}
