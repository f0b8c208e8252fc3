import './events.css'
import type { Milestone } from '../../../src/inspect/records/milestones.ts'
import type { InspectorRecord } from '../../../src/inspect/records/record.ts'
import { milestoneText, recordText, timeText, wallText } from '../../model/record-text.ts'
import type { Store } from '../../model/store.ts'
import { timeOf } from '../../model/timeline.ts'
import { partyClass } from '../shell/party-class.ts'
import { pure } from '../shell/pure.ts'

/** How many records are listed at most. */
const shown = 200

interface EventsProps {
  readonly store: Store
  readonly cursor: number
  readonly selected: number | null
}

/** The events in words, the latest on top. Each links to its record. */
export const Events = pure(function Events({ store, cursor, selected }: EventsProps) {
  const { timeline } = store
  const from = Math.max(timeline.first, cursor - shown)
  const records = timeline.records(from, cursor)
  return (
    <div class="events">
      <Milestones milestones={store.timeline.latest.milestones} store={store} />
      <ol reversed start={cursor}>
        {records
          .map((record, place) => (
            <Line
              key={from + place}
              number={from + place}
              record={record}
              isSelected={from + place === selected}
              originMs={timeline.originMs}
              store={store}
            />
          ))
          .reverse()}
      </ol>
      {records.length === 0 ? <p class="muted">Nothing has happened yet.</p> : null}
      {from > timeline.first ? <p class="muted">Go back in time to see earlier records.</p> : null}
    </div>
  )
})

interface MilestonesProps {
  readonly milestones: readonly Milestone[]
  readonly store: Store
}

/**
 * The milestones up to the present, the latest on top, independent of the reader's place. Each links to its record, if that is
 * kept.
 */
const Milestones = pure(function Milestones({ milestones, store }: MilestonesProps) {
  if (milestones.length === 0) return null
  const { timeline } = store
  return (
    <details class="milestones">
      <summary>Starts, ends, members and ended sessions: {milestones.length}</summary>
      <ol>
        {milestones.toReversed().map((milestone, place) => {
          const number = timeline.numberOf(milestone)
          const { timeMs } = milestone
          const text = (
            <>
              <span class="line-time">{wallText(timeMs) || timeText(timeMs, timeline.originMs)}</span>{' '}
              {milestoneText(milestone)}
            </>
          )
          return (
            <li key={milestones.length - place} class={`milestone ${milestone.what}`}>
              {number === null ? (
                <span class="line" title="Its record was evicted">
                  {text}
                </span>
              ) : (
                <button type="button" class="line" onClick={() => store.show(number)}>
                  {text}
                </button>
              )}
            </li>
          )
        })}
      </ol>
    </details>
  )
})

interface LineProps {
  readonly number: number
  readonly record: InspectorRecord
  readonly isSelected: boolean
  readonly originMs: number
  readonly store: Store
}

const Line = pure(function Line({ number, record, isSelected, originMs, store }: LineProps) {
  return (
    <li>
      <button
        type="button"
        class={`line ${kindOf(record)}`}
        aria-pressed={isSelected}
        onClick={() => store.show(number)}
        title={wallText(timeOf(record))}
      >
        <span class="line-time">{timeText(timeOf(record), originMs)}</span> {recordText(record)}
      </button>
    </li>
  )
})

/** Its colour: by its server, or by its kind. */
function kindOf(record: InspectorRecord): string {
  switch (record.kind) {
    case 'server':
      return record.record.kind === 'fate' ? 'of-fate' : partyClass(record.node)
    case 'process':
      return record.state === 'gone' ? 'of-end' : partyClass(record.node)
    case 'verdict':
      return record.failure !== undefined || record.invariants.some(({ standing }) => standing === 'broken')
        ? 'of-breach'
        : 'of-verdict'
    case 'client':
      return partyClass(record.client)
    default:
      return `of-${record.kind}`
  }
}
