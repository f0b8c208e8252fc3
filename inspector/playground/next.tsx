import { useEffect, useRef, useState } from 'preact/hooks'
import type { ClusterEvent } from '../../src/schedule/events.ts'
import { type ChoiceGroup, choicesIn } from './choices.ts'
import type { Playground } from './playground.ts'
import { here, type Session } from './session.ts'

interface NextProps {
  readonly session: Session
  readonly playground: Playground
}

/** The most rows of a group. More would not help the choice. */
const shownRows = 60

/** All events that can happen next. A click executes one. */
export function Next({ session, playground }: NextProps) {
  const { state, failure } = here(session)
  const heading = useRef<HTMLHeadingElement>(null)
  const [chosenAt, setChosenAt] = useState<Session | null>(null)
  const choose = (event: ClusterEvent) => {
    setChosenAt(session)
    playground.choose(event)
  }
  // The button of the chosen event is gone. A keyboard user continues at the top of the list.
  useEffect(() => {
    if (chosenAt !== null && document.activeElement === document.body) heading.current?.focus()
  }, [chosenAt, session])
  if (failure !== null) return <p>No event can follow this one. Go back to try another branch.</p>
  return (
    <section aria-labelledby="playground-next">
      <h3 id="playground-next" ref={heading} tabIndex={-1}>
        What can happen next
      </h3>
      {choicesIn(state).map((group) => (
        <Group key={group.name} group={group} choose={choose} />
      ))}
    </section>
  )
}

function Group({
  group: { name, rows },
  choose,
}: {
  readonly group: ChoiceGroup
  readonly choose: (event: ClusterEvent) => void
}) {
  return (
    <details class="playground-group" open={name === 'Messages in flight' || name === 'Servers'}>
      <summary>
        {name} ({rows.length})
      </summary>
      {rows.length > shownRows && <p>The first {shownRows} are shown.</p>}
      <ul>
        {rows.slice(0, shownRows).map(({ key, words, choices }) => (
          <li key={key}>
            <span class="playground-words">{words}</span>
            <span class="playground-buttons">
              {choices.map(({ label, title, event }) => (
                <button key={title} type="button" aria-label={title} onClick={() => choose(event)}>
                  {label}
                </button>
              ))}
            </span>
          </li>
        ))}
      </ul>
    </details>
  )
}
