import type { Playground } from './playground.ts'
import { endOf, type Session } from './session.ts'

interface HistoryProps {
  readonly session: Session
  readonly playground: Playground
}

/** How many events around the reader's place are shown. */
const shownBefore = 30
const shownAfter = 30

/** The past events, and the following ones of the schedule. A click moves there. */
export function History({ session: { path, at }, playground }: HistoryProps) {
  const first = Math.max(0, at - shownBefore)
  return (
    <details class="playground-group">
      <summary>The schedule ({path.length - 1} events)</summary>
      <ol class="playground-history" start={first}>
        {path.slice(first, at + shownAfter + 1).map((point) => (
          <li key={point.depth} value={point.depth}>
            <button
              type="button"
              aria-current={point.depth === at ? 'step' : undefined}
              onClick={() => playground.goTo(point.depth)}
            >
              {point.line}
            </button>
          </li>
        ))}
      </ol>
    </details>
  )
}

/** The other branches. */
export function Branches({ session, playground }: HistoryProps) {
  const { ends } = session
  if (ends.length < 2) return null
  return (
    <details class="playground-group" open>
      <summary>Branches ({ends.length})</summary>
      <ol>
        {ends.map((end, place) => (
          <li key={place}>
            <button
              type="button"
              aria-current={end === endOf(session) ? 'true' : undefined}
              onClick={() => playground.switchTo(end)}
            >
              {end.depth} events, the last: {end.line}
            </button>
          </li>
        ))}
      </ol>
    </details>
  )
}
