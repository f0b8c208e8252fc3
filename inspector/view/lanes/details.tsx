/** The messages of the selected record; of the selected message, its content and the transitions that it caused. */
import type { Json } from '../../../machines/batch.ts'
import type { InspectorRecord, RoleMove } from '../../../src/inspect/records/record.ts'
import { messageText } from '../../../src/messages/dictionary.ts'
import type { LaneMessage } from '../../model/lane-messages.ts'
import type { Arrow, LaneModel } from '../../model/lanes.ts'
import { moveText, roleText } from '../../model/record-text.ts'
import type { PartProps } from '../context.ts'
import { JsonTree } from '../shell/json-tree.tsx'
import { arrowText, fateText, wayText } from './arrow-text.ts'

interface DetailsProps {
  readonly store: PartProps['store']
  readonly model: LaneModel
  readonly selected: number
  readonly picked: Arrow | null
  /** Selects a message, and the record in which it was received. */
  readonly pick: (arrow: Arrow) => void
}

/** The messages that were received or sent in that record, or whose fate it reports. Nothing when there are none. */
export function LaneDetails({ store, model, selected, picked, pick }: DetailsProps) {
  const arrows = model.arrowsAt(selected)
  if (arrows.length === 0) return null
  const lists = {
    Received: arrows.filter(({ receivedAt }) => receivedAt === selected),
    Sent: arrows.filter(({ sentAt }) => sentAt === selected),
    Fate: arrows.filter(({ sentAt, receivedAt }) => sentAt !== selected && receivedAt !== selected),
  }
  return (
    <aside class="lane-details" aria-label="Messages of the selected record">
      {picked !== null && <Picked arrow={picked} model={model} store={store} />}
      {Object.entries(lists).map(([title, list]) => (
        <MessageList key={title} title={title} arrows={list} {...{ model, picked, pick }} />
      ))}
    </aside>
  )
}

function Picked({ arrow, model, store }: Pick<DetailsProps, 'model' | 'store'> & { readonly arrow: Arrow }) {
  const { message, label, receivedAt } = arrow
  const moves = receivedAt === null ? [] : movesIn(store.timeline.record(receivedAt))
  return (
    <>
      <h3>{label}</h3>
      <p>
        {wayText(arrow)}: {fateText(arrow, model.stateOf(arrow))}
      </p>
      <p>{readText(message)}</p>
      {moves.length > 0 && (
        <>
          <h3>What it caused</h3>
          <ul>
            {moves.map((text, place) => (
              <li key={place}>{text}</li>
            ))}
          </ul>
        </>
      )}
      <JsonTree name="message" value={message as unknown as Json} open={0} />
    </>
  )
}

function MessageList({
  title,
  arrows,
  model,
  picked,
  pick,
}: Pick<DetailsProps, 'model' | 'picked' | 'pick'> & {
  readonly title: string
  readonly arrows: readonly Arrow[]
}) {
  if (arrows.length === 0) return null
  return (
    <>
      <h3>{title}</h3>
      <ul class="lane-messages">
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

function movesIn(record: InspectorRecord | undefined): readonly string[] {
  if (record?.kind === 'client') return record.moves.map((move) => movedText('client', move))
  if (record?.kind !== 'server' || record.record.kind !== 'step') return []
  return record.record.moves.map((move) => movedText(roleText(move.role), move))
}

function movedText(role: string, move: Omit<RoleMove, 'role'>): string {
  return `${role}: ${moveText(move) ?? `no transition, stays ${move.state}`}`
}

/** A message from outside may be malformed. */
function readText(message: LaneMessage): string {
  try {
    return messageText(message)
  } catch {
    return 'This message is malformed.'
  }
}
