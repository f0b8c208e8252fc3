/** Above the lanes: how they are seen, and which messages; each kind with its line, so that it is the legend too. */
import { type MessageKind, messageKinds } from '../../model/lane-messages.ts'
import type { AxisKind } from './axis.ts'

const kindNames: Readonly<Record<MessageKind, string>> = {
  prepare: 'prepare',
  promise: 'promise',
  accept: 'accept',
  accepted: 'accepted',
  denial: 'denial',
  learn: 'learn',
  chosen: 'chosen',
  request: 'requests',
  response: 'responses',
  own: 'own',
}

export interface BarProps {
  readonly axis: AxisKind
  readonly isFollowing: boolean
  readonly hidden: ReadonlySet<MessageKind>
  readonly turnTo: (axis: AxisKind) => void
  /** Above 1 nearer. */
  readonly zoom: (direction: 1 | -1) => void
  readonly follow: (isFollowing: boolean) => void
  readonly hide: (hidden: ReadonlySet<MessageKind>) => void
}

export function LaneBar({ axis, isFollowing, hidden, turnTo, zoom, follow, hide }: BarProps) {
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
      <fieldset class="lane-kinds">
        <legend>Messages that are shown</legend>
        {messageKinds.map((kind) => (
          <label key={kind} class={`kind-${kind}`}>
            <input type="checkbox" checked={!hidden.has(kind)} onChange={() => toggle(kind)} />
            <svg width="20" height="8" aria-hidden="true">
              <path class="arrow-line" d="M0 4H20" />
            </svg>
            {kindNames[kind]}
          </label>
        ))}
      </fieldset>
    </div>
  )
}
