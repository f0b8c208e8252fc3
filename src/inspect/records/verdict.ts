import { messageOf } from '../../core/message-of.ts'
import { type Invariant, invariantNames, Violation } from '../../core/violation.ts'
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
    ...(error === null || violation !== null ? {} : { failure: messageOf(error) }),
  }
}

/**
 * Who can judge each invariant: everybody after every event, a simulated run after every event, or only a run at its end. One that
 * does not stand here does not compile: what nobody judges must not be shown as holding.
 */
const judges: Readonly<Record<Invariant, 'everybody' | 'runs' | 'the end of a run'>> = {
  1: 'everybody',
  2: 'everybody',
  3: 'everybody',
  4: 'everybody',
  5: 'everybody',
  6: 'everybody',
  7: 'everybody',
  8: 'everybody',
  9: 'everybody',
  10: 'everybody',
  11: 'the end of a run',
  12: 'the end of a run',
  13: 'runs',
}

function standingOf(invariant: Invariant, judging: Judging): InvariantStanding {
  if (judging === 'wholeRun') return { invariant, standing: 'holds', text: 'Judged to the end of the run.' }
  switch (judges[invariant]) {
    case 'the end of a run':
      return { invariant, standing: 'unjudged', text: 'Only a run that comes to an end is judged by it.' }
    case 'runs':
      if (judging === 'run') break
      return {
        invariant,
        standing: 'unjudged',
        text: 'Only a simulated run is judged by it: time is a number here.',
      }
  }
  return { invariant, standing: 'holds', text: 'Judged after every event.' }
}
