import './details.css'
import type { Json } from '../../../machines/batch.ts'
import type { InspectorRecord, RoleMove } from '../../../src/inspect/records/record.ts'
import { attemptsOf } from '../../model/attempts.ts'
import { moveText, recordText, roleText, timeText } from '../../model/record-text.ts'
import type { Store } from '../../model/store.ts'
import { timeOf } from '../../model/timeline.ts'
import { JsonTree } from '../shell/json-tree.tsx'
import { pure } from '../shell/pure.ts'

interface DetailsProps {
  readonly store: Store
  readonly selected: number
}

/** The complete content of the selected record. */
export const Details = pure(function Details({ store, selected }: DetailsProps) {
  const record = store.timeline.record(selected)
  return (
    <section class="details" aria-label="Selected record">
      <div class="details-head">
        <h2>Record {selected + 1}</h2>
        <button type="button" onClick={() => store.show(selected)}>
          Go there
        </button>
        <button type="button" onClick={() => store.select(null)}>
          Close
        </button>
      </div>
      {record === undefined ? (
        <p class="muted">This record was evicted.</p>
      ) : (
        <RecordDetails record={record} originMs={store.timeline.originMs} />
      )}
    </section>
  )
})

function RecordDetails({
  record,
  originMs,
}: {
  readonly record: InspectorRecord
  readonly originMs: number
}) {
  const time = timeText(timeOf(record), originMs)
  return (
    <>
      <p>
        {time === '' ? null : <span class="muted">{time} s: </span>}
        {recordText(record)}
      </p>
      <Moves record={record} />
      <JsonTree name="record" value={record as unknown as Json} open={1} />
    </>
  )
}

function Moves({ record }: { readonly record: InspectorRecord }) {
  const moves = movesOf(record)
  if (moves.length === 0) return null
  return (
    <>
      <h3>Transitions</h3>
      <ol class="moves">
        {moves.map((move, place) => (
          <li key={place}>
            {move.role === undefined ? 'client' : roleText(move.role)}, on {move.event}:{' '}
            {moveText(move) ?? `nothing, stays ${move.state}`}
            <ul>
              {attemptsOf(move).map(({ edge, guard, held }) => (
                <li key={edge}>
                  <span class={held ? 'held' : 'not-held'} aria-hidden="true">
                    {held ? '✓' : '✕'}
                  </span>{' '}
                  {guard ?? 'else'}
                  <span class="visually-hidden">{held ? ' held' : ' did not hold'}</span>
                </li>
              ))}
            </ul>
          </li>
        ))}
      </ol>
    </>
  )
}

type AnyMove = Omit<RoleMove, 'role'> & Partial<Pick<RoleMove, 'role'>>

function movesOf(record: InspectorRecord): readonly AnyMove[] {
  if (record.kind === 'client') return record.moves
  return record.kind === 'server' && record.record.kind === 'step' ? record.record.moves : []
}
