import { useEffect, useRef, useState } from 'preact/hooks'
import type { ClusterEvent } from '../../src/schedule/events.ts'
import { type ChoiceGroup, choicesIn } from './choices.ts'
import type { Playground } from './playground.ts'
import { here, type Session } from './session.ts'

interface NextProps {
  readonly session: Session
  readonly playground: Playground
}

/** Rows of a group that are shown: more would be no choice. */
const shownRows = 60

/** All that can happen next: a click, and it does. */
export function Next({ session, playground }: NextProps) {
  const { state, failure } = here(session)
  const heading = useRef<HTMLHeadingElement>(null)
  const [chosenAt, setChosenAt] = useState<Session | null>(null)
  const choose = (event: ClusterEvent) => {
    setChosenAt(session)
    playground.choose(event)
  }
  // What was chosen is gone, and its button with it: whoever was there with the keyboard goes on from the top of the list.
  useEffect(() => {
    if (chosenAt !== null && document.activeElement === document.body) heading.current?.focus()
  }, [chosenAt, session])
  if (failure !== null) return <p>Nothing comes after this. Go back to take another way.</p>
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
      {rows.length > shownRows && <p>Of these the first {shownRows} are shown.</p>}
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
