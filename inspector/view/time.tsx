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
import { RecordLine } from './record-line.tsx'
import { pure } from './shell/pure.ts'

/** The time bar: the reader's place in the records, and the controls to move it. */
export function Time({ view, store }: PartProps) {
  const { following, speed, cursor, first, end } = view
  usePlaying(view, store)
  const isLive = following.mode === 'live'
  const isAtEnd = cursor >= end
  const { goesOn, isRunning } = view
  // In a playground the latest place does not advance by itself.
  const isGoing = isRunning || following.mode === 'playing' || (isLive && !goesOn)
  const isRun = goesOn && isAtEnd
  const record = store.timeline.record(cursor - 1)
  const shown = record === undefined ? null : stepShown(record, cursor - 1, store)
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
            title="To the latest record, and follow new ones (End)"
          >
            <span aria-hidden="true">{isLive ? '●' : '○'}</span>{' '}
            {view.source.kind === 'live' ? 'Live' : 'Latest'}
          </button>
        </div>
        <label class="speed">
          <span class="visually-hidden">Speed</span>
          <select
            title="Playback speed in records a second"
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
        {isUnreported(view) ? (
          <span>
            No server has reported yet. Start servers with <code>--inspect {location.host}</code>
          </span>
        ) : shown === null ? (
          <span class="muted">{end === 0 ? 'No records yet.' : 'Before the first record.'}</span>
        ) : (
          <>
            <span class="now-time">
              <WallTime timeMs={timeOf(shown)} /> {timeText(timeOf(shown), store.timeline.originMs)}
            </span>{' '}
            <RecordLine record={shown} />
          </>
        )}
        {isLive && view.source.kind === 'live' ? <Coalesced view={view} /> : null}
      </p>
    </section>
  )
}

/** True when the hub is connected and no server has reported to it. */
function isUnreported({ source, picture, following }: View): boolean {
  return (
    source.kind === 'live' && source.state === 'open' && following.mode === 'live' && picture.cluster === null
  )
}

/** How many of the latest records are searched for a step. */
const lately = 40

/**
 * A server shows its service in a separate record after an execution. The step before it, which the charts highlight, is more
 * useful.
 */
function stepShown(record: InspectorRecord, at: number, { timeline }: Store): InspectorRecord {
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

/** The most records that one drawing covered in the last half second. Above 1, drawings skipped steps. */
function Coalesced({ view }: Pick<PartProps, 'view'>) {
  const most = useRef(0)
  const counted = useRef<View | null>(null)
  const [shown, setShown] = useState(0)
  // A drawing of the same view brought no new records.
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

/** The time of day; empty when time is virtual. */
function WallTime({ timeMs }: { readonly timeMs: number | null }) {
  const text = wallText(timeMs)
  return text === '' ? null : <time dateTime={new Date(timeMs ?? 0).toISOString()}>{text}</time>
}

interface MarksProps {
  readonly marks: readonly Mark[]
  readonly first: number
  readonly end: number
}

/** The kinds of marks in drawing order. The last is the most important and covers the others. */
const markKinds = ['gap', 'up', 'resumed', 'paused', 'members', 'gone', 'broken'] as const

/**
 * A line above the scrubber for each record that stands out. All marks of a kind are one path, placed by record numbers. When
 * records are added, only its viewBox changes.
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
