import { type Invariant, invariantNumbers, type Judgement, reasonUnjudged } from '../../core/invariants.ts'
import { messageOf } from '../../core/message-of.ts'
import { Violation } from '../../core/violation.ts'
import type { InvariantStanding, Verdict } from './record.ts'

/** The standing of each invariant after all events so far. `error` is what the last event threw, or `null`. */
export function verdictOf(error: unknown, timeMs: number, judgement: Judgement): Verdict {
  const violation = error instanceof Violation ? error : null
  return {
    kind: 'verdict',
    timeMs,
    invariants: invariantNumbers.map((invariant) =>
      invariant === violation?.invariant
        ? { invariant, standing: 'broken', text: violation.message }
        : standingOf(invariant, judgement, error !== null),
    ),
    ...(error === null || violation !== null ? {} : { failure: messageOf(error) }),
  }
}

/** The standing of an invariant that is not broken. */
function standingOf(invariant: Invariant, judgement: Judgement, isOver: boolean): InvariantStanding {
  const reason = reasonUnjudged(invariant, judgement)
  if (reason !== null) return unjudged(invariant, reason)
  const text = isOver ? 'judged after every event, until the run failed' : 'judged after every event'
  return { invariant, standing: 'holds', text }
}

/** The standing of an invariant that was not judged. `reason` says why. */
export function unjudged(invariant: Invariant, reason: string): InvariantStanding {
  return { invariant, standing: 'unjudged', text: reason }
}
