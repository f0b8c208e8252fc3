import { type Invariant, invariantNames, type Violation } from '../verify/violation.ts'
import type { Verdict } from './record.ts'

/** How the invariants stand after every event so far, of which the last broke one, or none. */
export function verdictOf(violation: Violation | null, timeMs: number): Verdict {
  const numbers = Object.keys(invariantNames).map(Number) as Invariant[]
  return {
    kind: 'verdict',
    timeMs,
    invariants: numbers.map((invariant) => {
      if (invariant === violation?.invariant) {
        return { invariant, standing: 'broken', text: violation.message }
      }
      return invariant === 11 || invariant === 12
        ? { invariant, standing: 'unjudged', text: 'Only a run that comes to an end is judged by it.' }
        : { invariant, standing: 'holds', text: 'Judged after every event.' }
    }),
  }
}
