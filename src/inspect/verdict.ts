import { type Invariant, invariantNames, Violation } from '../verify/violation.ts'
import type { Verdict } from './record.ts'

/**
 * How the invariants stand after every event so far, of which the last threw `error`, or `null`. `isWhole` says that the run
 * has come to its end.
 */
export function verdictOf(error: unknown, timeMs: number, isWhole = false): Verdict {
  const violation = error instanceof Violation ? error : null
  const numbers = Object.keys(invariantNames).map(Number) as Invariant[]
  return {
    kind: 'verdict',
    timeMs,
    invariants: numbers.map((invariant) => {
      if (invariant === violation?.invariant) {
        return { invariant, standing: 'broken', text: violation.message }
      }
      if (isWhole) return { invariant, standing: 'holds', text: 'Judged to the end of the run.' }
      return invariant === 11 || invariant === 12
        ? { invariant, standing: 'unjudged', text: 'Only a run that comes to an end is judged by it.' }
        : { invariant, standing: 'holds', text: 'Judged after every event.' }
    }),
    ...(error === null || violation !== null ? {} : { failure: failureText(error) }),
  }
}

function failureText(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
