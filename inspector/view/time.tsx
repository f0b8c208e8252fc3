import './time.css'
import { useEffect, useRef, useState } from 'preact/hooks'
import type { InspectorRecord } from '../../src/inspect/records/record.ts'
import { stepOf } from '../charts/lit.ts'
import { speeds } from '../model/playback.ts'
import { placeText, timeText, wallText } from '../model/record-text.ts'
import type { Store, View } from '../model/store.ts'
import type { Mark } from '../model/timeline.ts'
import { timeOf } from '../model/timeline.ts'
import type { PartProps } from './context.ts'
import { pure } from './shell/pure.ts'
import { Told } from './told.tsx'

/** Where in the records the reader is, and how to go elsewhere. */
export function Time({ view, store }: PartProps) {
  const { following, speed, cursor, first, end } = view
  usePlaying(view, store)
  const isLive = following.mode === 'live'
  const isAtEnd = cursor >= end
  const { goesOn, isRunning } = view
  // In a playground nothing comes by itself: to stand at the latest is to stand still.
  const isGoing = isRunning || following.mode === 'playing' || (isLive && !goesOn)
  const isRun = goesOn && isAtEnd
  const record = store.timeline.record(cursor - 1)
  const shown = record === undefined ? null : told(record, cursor - 1, store)
  return (
    <section class="time" aria-label="Time">
      <div class="time-controls">
        <div class="button-row">
          <button
            type="button"
            disabled={cursor <= first}
            onClick={() => store.moveTo(first)}
            title="To the start (Home)"
          >
            <Icon path="M3 3h2v10H3zM13 3v10L6 8z" />
            <span class="visually-hidden">To the start</span>
          </button>
          <button
            type="button"
            disabled={cursor <= first}
            onClick={() => store.moveBy(-1)}
            title="One record back (←)"
          >
            <Icon path="M11 3v10L4 8zM12 3h1v10h-1z" />
            <span class="visually-hidden">Step back</span>
          </button>
          <button
            type="button"
            class="play"
            onClick={() => store.playOrPause()}
            title={isRun && !isGoing ? 'Let events happen (Space)' : 'Play or pause (Space)'}
          >
            <Icon path={isGoing ? 'M4 3h3v10H4zM9 3h3v10H9z' : 'M4 2v12l9-6z'} />
            <span>{isGoing ? 'Pause' : isRun ? 'Run' : 'Play'}</span>
          </button>
          <button
            type="button"
            disabled={isAtEnd && !goesOn}
            onClick={() => store.moveBy(1)}
            title={isRun ? 'Make the next event happen (→)' : 'One record forward (→)'}
          >
            <Icon path="M5 3v10l7-5zM3 3h1v10H3z" />
            <span class="visually-hidden">Step forward</span>
          </button>
          <button
            type="button"
            class="to-live"
            aria-pressed={isLive}
            onClick={() => store.follow({ mode: 'live' })}
            title="To the latest, and follow what comes (End)"
          >
            <span aria-hidden="true">{isLive ? '●' : '○'}</span>{' '}
            {view.source.kind === 'live' ? 'Live' : 'Latest'}
          </button>
        </div>
        <label class="speed">
          <span class="visually-hidden">Speed</span>
          <select
            title="Records a second, while it plays"
            value={String(speed)}
            onChange={(event) => store.setSpeed(Number(event.currentTarget.value))}
          >
            {speeds.map((perSecond) => (
              <option key={perSecond} value={String(perSecond)}>
                {perSecond} a second
              </option>
            ))}
          </select>
        </label>
        <div class="scrubber">
          <Marks marks={view.marks} first={first} end={end} />
          <input
            type="range"
            aria-label="Record"
            aria-valuetext={placeText(cursor, end, record)}
            min={first}
            max={end}
            step={1}
            value={cursor}
            disabled={end === first}
            onInput={(event) => store.moveTo(Number(event.currentTarget.value))}
          />
        </div>
        <p class="place">
          {cursor} of {end}
        </p>
      </div>
      <p class="now">
        {isUntold(view) ? (
          <span>
            No server tells what happens yet: servers do that are started with{' '}
            <code>--inspect {location.host}</code>
          </span>
        ) : shown === null ? (
          <span class="muted">{end === 0 ? 'Nothing is recorded yet.' : 'Before the first record.'}</span>
        ) : (
          <>
            <span class="now-time">
              <WallTime timeMs={timeOf(shown)} /> {timeText(timeOf(shown), store.timeline.originMs)}
            </span>{' '}
            <Told record={shown} />
          </>
        )}
        {isLive && view.source.kind === 'live' ? <Coalesced view={view} /> : null}
      </p>
    </section>
  )
}

/** True when the hub is there, and no server has told it anything. */
function isUntold({ source, picture, following }: View): boolean {
  return (
    source.kind === 'live' && source.state === 'open' && following.mode === 'live' && picture.cluster === null
  )
}

/** Records before the latest among which a step is looked for. */
const lately = 40

/** A server that executed shows its service in a record of its own: the step before it, which is the one that is lit, tells more. */
function told(record: InspectorRecord, at: number, { timeline }: Store): InspectorRecord {
  if (record.kind !== 'server' || record.record.kind !== 'service') return record
  const before = timeline.records(Math.max(timeline.first, at - lately), at)
  return before.findLast((other) => stepOf(other) !== null) ?? record
}

function usePlaying({ following }: View, store: Store): void {
  const isPlaying = following.mode === 'playing'
  useEffect(() => {
    if (!isPlaying) return
    let frame = 0
    const tick = (nowMs: number) => {
      store.tick(nowMs)
      frame = requestAnimationFrame(tick)
    }
    frame = requestAnimationFrame(tick)
    return () => cancelAnimationFrame(frame)
  }, [isPlaying, store])
}

/** How many records a drawing stands for, at most, in the last half second: where there were several, steps were left out. */
function Coalesced({ view }: Pick<PartProps, 'view'>) {
  const most = useRef(0)
  const counted = useRef<View | null>(null)
  const [shown, setShown] = useState(0)
  // A view that is drawn again, as when the number changes, brought nothing new.
  if (counted.current !== view) most.current = Math.max(most.current, view.coalesced)
  counted.current = view
  useEffect(() => {
    const timer = setInterval(() => {
      setShown(most.current)
      most.current = 0
    }, 500)
    return () => clearInterval(timer)
  }, [])
  return shown > 1 ? <span class="coalesced">{shown} steps a frame</span> : null
}

/** When it was, by the clock on the wall; nothing where time is virtual. */
function WallTime({ timeMs }: { readonly timeMs: number | null }) {
  const text = wallText(timeMs)
  return text === '' ? null : <time dateTime={new Date(timeMs ?? 0).toISOString()}>{text}</time>
}

interface MarksProps {
  readonly marks: readonly Mark[]
  readonly first: number
  readonly end: number
}

/** The kinds of marks, the one that matters most last: it covers the others. */
const markKinds = ['gap', 'up', 'resumed', 'paused', 'members', 'gone', 'broken'] as const

/**
 * A line above the scrubber for each record that stands out. All of a kind are one path, placed by the numbers of their
 * records: when more records come, only the part of it that is in view changes.
 */
const Marks = pure(function Marks({ marks, first, end }: MarksProps) {
  return (
    <svg
      class="marks"
      viewBox={`${first} 0 ${Math.max(1, end - first)} 8`}
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      {markKinds.map((kind) => (
        <MarksOfKind key={kind} kind={kind} marks={marks} />
      ))}
    </svg>
  )
})

const MarksOfKind = pure(function MarksOfKind({
  kind,
  marks,
}: Pick<MarksProps, 'marks'> & Pick<Mark, 'kind'>) {
  const lines = marks.flatMap((mark) => (mark.kind === kind ? [`M${mark.number + 1} 0V8`] : []))
  return lines.length === 0 ? null : <path class={kind} d={lines.join('')} />
})

function Icon({ path }: { readonly path: string }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">
      <path d={path} />
    </svg>
  )
}
