import './invariants.css'
import type { InvariantStanding } from '../../src/inspect/record.ts'
import { type Invariant, invariantNames } from '../../src/verify/violation.ts'
import type { Store } from '../model/store.ts'
import type { Breach } from '../model/timeline.ts'
import { breachText, invariantText } from '../model/words.ts'
import { pure } from './shell/pure.ts'

interface InvariantsProps {
  readonly invariants: readonly InvariantStanding[]
  readonly breaches: readonly Breach[]
  readonly store: Store
}

const numbers = Object.keys(invariantNames).map(Number) as Invariant[]

const standingTexts = { holds: 'holds', broken: 'broken', unjudged: 'not judged' } as const
const standingMarks = { holds: '✓', broken: '✕', unjudged: '–' } as const

/** A badge an invariant. A broken one leads to what broke it. */
export const Invariants = pure(function Invariants({ invariants, breaches, store }: InvariantsProps) {
  const [breach] = breaches
  return (
    <section class="invariants" aria-label="Invariants">
      <ul>
        {numbers.map((number) => {
          const { standing, text } = invariants.find(({ invariant }) => invariant === number) ?? {
            standing: 'unjudged' as const,
            text: 'Nothing has been judged yet.',
          }
          return (
            <li key={number} class={`badge ${standing}`} title={`${standingTexts[standing]}: ${text}`}>
              <span aria-hidden="true">{standingMarks[standing]}</span> {invariantText(number)}
              <span class="visually-hidden">
                {' '}
                {standingTexts[standing]}: {text}
              </span>
            </li>
          )
        })}
      </ul>
      {breach === undefined ? null : (
        <p class="breach" role="alert">
          <strong>
            {breach.invariant === null
              ? 'The run failed.'
              : `Invariant ${invariantText(breach.invariant)} is broken.`}
          </strong>{' '}
          {breachText(breach.text)}{' '}
          <button type="button" onClick={() => store.showBreach(breach)}>
            Show what broke it
          </button>
        </p>
      )}
    </section>
  )
})
