import './invariants.css'
import { invariantNumbers, invariants as invariantTable } from '../../src/core/invariants.ts'
import type { InvariantStanding } from '../../src/inspect/records/record.ts'
import { breachText, invariantText, wallText } from '../model/record-text.ts'
import type { Store } from '../model/store.ts'
import type { Breach } from '../model/timeline.ts'
import { pure } from './shell/pure.ts'

interface InvariantsProps {
  readonly invariants: readonly InvariantStanding[]
  readonly breaches: readonly Breach[]
  readonly store: Store
}

const standingTexts = { holds: 'holds', broken: 'broken', unjudged: 'unjudged' } as const
const standingMarks = { holds: '✓', broken: '✕', unjudged: '–' } as const

/** A badge for each invariant. A broken one links to the record that broke it. */
export const Invariants = pure(function Invariants({ invariants, breaches, store }: InvariantsProps) {
  const [breach] = breaches
  return (
    <section class="invariants" aria-label="Invariants">
      <ul>
        {invariantNumbers.map((number) => {
          const { standing, text, since } = invariants.find(({ invariant }) => invariant === number) ?? {
            standing: 'unjudged' as const,
            text: 'Nothing has been judged yet.',
            since: undefined,
          }
          const full = since === undefined ? text : `${text}, since ${wallText(since.timeMs)}`
          return (
            <li
              key={number}
              class={`badge ${standing}`}
              title={`${invariantText(number)}: ${standingTexts[standing]}: ${full}`}
            >
              <span aria-hidden="true">{standingMarks[standing]}</span> {number}
              <span class="badge-name"> {invariantTable[number].name}</span>
              <span class="visually-hidden">
                {' '}
                {standingTexts[standing]}: {full}
              </span>
            </li>
          )
        })}
        <JudgedSince invariants={invariants} />
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

/** Where the judgement began again after a gap, the badges are valid from that instance on only. */
function JudgedSince({ invariants }: Pick<InvariantsProps, 'invariants'>) {
  const since = invariants.find((one) => one.since !== undefined)?.since
  if (since === undefined) return null
  return (
    <li class="judged-since">
      judged from instance {since.instance} on, since {wallText(since.timeMs)}
    </li>
  )
}
