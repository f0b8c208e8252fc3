/** The messages of the record that is selected; of the one that was picked, its content and what it caused. */
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
  /** Selects a message, and with it the record in which it was heard. */
  readonly pick: (arrow: Arrow) => void
}

/** Lists of what was heard, said and met with a fate in that record; nothing when no message was. */
export function LaneDetails({ store, model, selected, picked, pick }: DetailsProps) {
  const arrows = model.arrowsAt(selected)
  if (arrows.length === 0) return null
  const lists = {
    Heard: arrows.filter(({ heardAt }) => heardAt === selected),
    Said: arrows.filter(({ saidAt }) => saidAt === selected),
    Met: arrows.filter(({ saidAt, heardAt }) => saidAt !== selected && heardAt !== selected),
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
  const { message, label, heardAt } = arrow
  const moves = heardAt === null ? [] : movesIn(store.timeline.record(heardAt))
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

/** What was heard need not be what it should. */
function readText(message: LaneMessage): string {
  try {
    return messageText(message)
  } catch {
    return 'It cannot be read.'
  }
}
