/** What was selected in the lanes: a message with its content and what it caused, or a record with its messages. */

import type { Move } from '../../../src/inspect/record.ts'
import { messageText } from '../../../src/transcript/words.ts'
import { messageLabel } from '../../model/lane-messages.ts'
import type { Arrow, LaneModel } from '../../model/lanes.ts'
import type { PartProps } from '../context.ts'
import { arrowText, dotText, fateText, partyText } from './words.ts'

/** Letters of JSON that are shown. */
const shownJson = 20_000

export function LaneDetails({
  store,
  model,
  selected,
  picked,
  pick,
}: Pick<PartProps, 'store'> & {
  readonly model: LaneModel
  readonly selected: number
  readonly picked: Arrow | null
  /** Selects a message, and with it the record in which it was heard. */
  readonly pick: (arrow: Arrow) => void
}) {
  const dot = model.dot(selected)
  const moves = movesIn(store, selected)
  const arrows = model.arrowsAt(selected)
  return (
    <aside class="lane-details" aria-label="Selected in the lanes">
      <button type="button" class="lane-close" onClick={() => store.select(null)}>
        Close
      </button>
      {picked !== null && (
        <>
          <h3>{messageLabel(picked.message)}</h3>
          <p>
            From {partyText(picked.from)} to {partyText(picked.to)}, {fateText(picked, model.stateOf(picked))}
            .
          </p>
          <p class="lane-message">{messageText(picked.message)}</p>
          <details>
            <summary>As JSON</summary>
            <pre>{JSON.stringify(picked.message, null, 1).slice(0, shownJson)}</pre>
          </details>
        </>
      )}
      <h3>
        Record {selected}
        {dot !== null && `: ${dotText(dot, model)}`}
      </h3>
      {moves.length > 0 && (
        <ul aria-label="Transitions">
          {moves.map((move, place) => (
            <li key={place}>{moveText(move)}</li>
          ))}
        </ul>
      )}
      <MessageList
        title="Heard"
        arrows={arrows.filter((arrow) => arrow.heardAt === selected)}
        {...{ model, picked, pick }}
      />
      <MessageList
        title="Said"
        arrows={arrows.filter((arrow) => arrow.saidAt === selected)}
        {...{ model, picked, pick }}
      />
    </aside>
  )
}

function MessageList({
  title,
  arrows,
  model,
  picked,
  pick,
}: {
  readonly title: string
  readonly arrows: readonly Arrow[]
  readonly model: LaneModel
  readonly picked: Arrow | null
  readonly pick: (arrow: Arrow) => void
}) {
  if (arrows.length === 0) return null
  return (
    <>
      <h4>{title}</h4>
      <ul>
        {arrows.map((arrow) => (
          <li key={arrow.id}>
            <button type="button" aria-pressed={arrow === picked} onClick={() => pick(arrow)}>
              {arrowText(arrow, model.stateOf(arrow))}
            </button>
          </li>
        ))}
      </ul>
    </>
  )
}

type ShownMove = Omit<Move, 'role'> & { readonly role: string }

function movesIn(store: PartProps['store'], at: number): readonly ShownMove[] {
  const record = store.timeline.record(at)
  if (record?.kind === 'client') return record.moves.map((move) => ({ ...move, role: 'client' }))
  return record?.kind === 'server' && record.record.kind === 'step' ? record.record.moves : []
}

/** `proposer on accepted: accepting → ready`; what changes no state is heard and noted. */
function moveText({ role, event, edges, state }: ShownMove): string {
  return edges.length === 0
    ? `${role} on ${event}: stays ${state}, no transition`
    : `${role} on ${event}: now ${state}`
}
