import { type Invariant, invariantNames, Violation } from '../verify/violation.ts'
import type { InvariantStanding, Verdict } from './record.ts'

/**
 * Who judges: `steps` after every event of a schedule, in which time is no more than a number; `run` in a simulated run, beside the clock of
 * the simulator; `wholeRun` the same at its end.
 */
export type Judging = 'steps' | 'run' | 'wholeRun'

/** How the invariants stand after every event so far, of which the last threw `error`, or `null`. */
export function verdictOf(error: unknown, timeMs: number, judging: Judging): Verdict {
  const violation = error instanceof Violation ? error : null
  const numbers = Object.keys(invariantNames).map(Number) as Invariant[]
  return {
    kind: 'verdict',
    timeMs,
    invariants: numbers.map((invariant) =>
      invariant === violation?.invariant
        ? { invariant, standing: 'broken', text: violation.message }
        : standingOf(invariant, judging),
    ),
    ...(error === null || violation !== null ? {} : { failure: failureText(error) }),
  }
}

function standingOf(invariant: Invariant, judging: Judging): InvariantStanding {
  if (judging === 'wholeRun') return { invariant, standing: 'holds', text: 'Judged to the end of the run.' }
  if (invariant === 11 || invariant === 12) {
    return { invariant, standing: 'unjudged', text: 'Only a run that comes to an end is judged by it.' }
  }
  if (invariant === 13 && judging === 'steps') {
    return {
      invariant,
      standing: 'unjudged',
      text: 'Only a simulated run is judged by it: time is a number here.',
    }
  }
  return { invariant, standing: 'holds', text: 'Judged after every event.' }
}

function failureText(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
