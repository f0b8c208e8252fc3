/**
 * The bar above the lanes: the axis, the zoom and the visible kinds of messages. Each kind shows its line, so the bar is the
 * legend too.
 */
import { type MessageKind, messageKinds } from '../../model/lane-messages.ts'
import type { Dot } from '../../model/lanes.ts'
import { partyClass } from '../shell/party-class.ts'
import type { AxisKind } from './axis.ts'
import { Mark } from './shapes.tsx'

/** The kinds that several message types share. Another kind has the name of its type. */
const sharedKinds: Partial<Record<MessageKind, string>> = { request: 'requests', response: 'responses' }

const plain = { executed: [], isSynced: false } as const

const signs: readonly { readonly text: string; readonly dot: Pick<Dot, 'what' | 'executed' | 'isSynced'> }[] =
  [
    { text: 'starts', dot: { ...plain, what: 'start' } },
    { text: 'receives', dot: { ...plain, what: 'hear' } },
    { text: 'a timer', dot: { ...plain, what: 'timer' } },
    { text: 'completes a sync', dot: { ...plain, what: 'synced', isSynced: true } },
    { text: 'executes that instance', dot: { ...plain, what: 'hear', executed: [0] } },
    { text: 'ends, or crashes', dot: { ...plain, what: 'gone' } },
    { text: 'links are cut', dot: { ...plain, what: 'cut' } },
    { text: 'links are healed', dot: { ...plain, what: 'healed' } },
  ]

const ends = [
  { text: 'lost', state: 'lost' },
  { text: 'not received', state: 'unreceived' },
] as const

export interface BarProps {
  readonly axis: AxisKind
  readonly isFollowing: boolean
  /** The bar does not fit into one row. */
  readonly isNarrow: boolean
  readonly hidden: ReadonlySet<MessageKind>
  readonly turnTo: (axis: AxisKind) => void
  /** Above 1: zooms in. */
  readonly zoom: (direction: 1 | -1) => void
  readonly follow: (isFollowing: boolean) => void
  readonly hide: (hidden: ReadonlySet<MessageKind>) => void
}

/** The bar. The lanes keep its state. */
export function LaneBar({ axis, isFollowing, isNarrow, hidden, turnTo, zoom, follow, hide }: BarProps) {
  const toggle = (kind: MessageKind) => {
    const next = new Set(hidden)
    if (!next.delete(kind)) next.add(kind)
    hide(next)
  }
  return (
    <div class="lane-bar">
      <h2>Lanes</h2>
      <label class="lane-axis">
        by
        <select value={axis} onChange={({ currentTarget }) => turnTo(currentTarget.value as AxisKind)}>
          <option value="order">order</option>
          <option value="time">time</option>
        </select>
      </label>
      <button type="button" aria-label="Zoom out" title="Zoom out (-)" onClick={() => zoom(-1)}>
        −
      </button>
      <button type="button" aria-label="Zoom in" title="Zoom in (+)" onClick={() => zoom(1)}>
        +
      </button>
      <button type="button" aria-pressed={isFollowing} onClick={() => follow(!isFollowing)}>
        Follow
      </button>
      <details class="lane-signs">
        <summary>Signs</summary>
        <ul>
          {signs.map(({ text, dot }) => (
            <li key={text}>
              <svg class={partyClass(null)} width="16" height="16" viewBox="-8 -8 16 16" aria-hidden="true">
                <g class={`what-${dot.what}`}>
                  <Mark dot={dot} />
                </g>
              </svg>
              {text}
            </li>
          ))}
          {ends.map(({ text, state }) => (
            <li key={text}>
              <svg width="16" height="16" viewBox="-8 -8 16 16" aria-hidden="true">
                <g class={`sign is-${state}`}>
                  <path class="arrow-end" d="M-5 -5L5 5M-5 5L5 -5" />
                </g>
              </svg>
              {text}
            </li>
          ))}
          <li>Lane: solid, it runs; dashed, it is paused; none, it is gone. Hatched: steps left out.</li>
          <li>Loop: a message to itself. Dotted: a further copy of a message.</li>
        </ul>
      </details>
      {isNarrow ? (
        <details class="lane-signs">
          <summary>
            Messages
            {hidden.size > 0 && ` (${messageKinds.length - hidden.size} of ${messageKinds.length} kinds)`}
          </summary>
          <Kinds hidden={hidden} toggle={toggle} />
        </details>
      ) : (
        <Kinds hidden={hidden} toggle={toggle} />
      )}
    </div>
  )
}

interface KindsProps {
  readonly hidden: ReadonlySet<MessageKind>
  readonly toggle: (kind: MessageKind) => void
}

function Kinds({ hidden, toggle }: KindsProps) {
  return (
    <fieldset class="lane-kinds">
      <legend class="visually-hidden">Messages that are shown</legend>
      {messageKinds.map((kind) => (
        <label key={kind} class={`kind-${kind}`}>
          <input type="checkbox" checked={!hidden.has(kind)} onChange={() => toggle(kind)} />
          <svg width="17" height="8" aria-hidden="true">
            <path class="arrow-line" d="M0 4H17" />
          </svg>
          {sharedKinds[kind] ?? kind}
        </label>
      ))}
    </fieldset>
  )
}
