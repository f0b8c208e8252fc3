import type { InspectorRecord } from '../../src/inspect/records/record.ts'
import { charts } from '../charts/charts.ts'
import { chartWord, type LitStep, litStep, stepOf } from '../charts/lit.ts'
import { recordText, resultTexts } from '../model/record-text.ts'
import { partyClass } from './shell/party-class.ts'
import { pure } from './shell/pure.ts'

/** A record in one line: of a step also the guards, with their results. */
export const RecordLine = pure(function RecordLine({ record }: { readonly record: InspectorRecord }) {
  const lit = litOf(record)
  if (lit === null) return <span class={record.kind === 'gap' ? 'gap' : ''}>{recordText(record)}</span>
  const results = resultTexts(record)
  return (
    <span title={recordText(record)}>
      <span class={`record-cause ${partyClass(lit.server)}`}>{lit.cause}</span>
      {lit.moves.map(({ chart, text }) => (
        <span key={`${chart} ${text}`} class="record-part">
          <strong>{chartWord(chart)}</strong> {text}
        </span>
      ))}
      {results.length > 0 && <span class="record-part">{results.join('; ')}</span>}
    </span>
  )
})

/** A malformed record has no step. */
function litOf(record: InspectorRecord): LitStep | null {
  try {
    const step = stepOf(record)
    return step === null ? null : litStep(step, charts)
  } catch {
    return null
  }
}
