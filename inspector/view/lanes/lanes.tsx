/**
 * The space-time lanes: one lane for each server and each client, time from left to right, and messages between them. Only the
 * visible part is drawn.
 */
import './lanes.css'
import { useEffect, useRef, useState } from 'preact/hooks'
import type { MessageKind } from '../../model/lane-messages.ts'
import { type Arrow, LaneModel } from '../../model/lanes.ts'
import { recordText } from '../../model/record-text.ts'
import type { PartProps } from '../context.ts'
import { useSize } from '../shell/use-size.ts'
import { arrowText } from './arrow-text.ts'
import {
  followed,
  panned,
  showing,
  turnedTo,
  usualScale,
  type Viewport,
  xOf,
  zoomed,
  zoomStep,
} from './axis.ts'
import { LaneBar } from './bar.tsx'
import { LaneDetails } from './details.tsx'
import { dotBeside, dotInNextLane, hitAt } from './nearest.ts'
import { LanePlot } from './plot.tsx'
import { gutter, type Pointed, runOf, sceneOf } from './scene.ts'
import { dotId } from './shapes.tsx'

/** In narrower lanes, in pixels, the kinds of messages are folded. */
const narrow = 1_100
/** A press that moves this far is a drag, in pixels. */
const dragFrom = 4

/** The lanes, their bar, and the details of the selected record. */
export function Lanes({ view, store }: PartProps) {
  const model = useRef<LaneModel>(null)
  model.current ??= new LaneModel()
  const lanes = model.current
  lanes.sync(store.timeline)

  const plot = useRef<HTMLDivElement>(null)
  const size = useSize(plot) ?? { width: 0, height: 0 }
  const [kept, setKept] = useState<Omit<Viewport, 'width'>>({
    axis: 'order',
    left: 0,
    scale: usualScale('order'),
  })
  const [isFollowing, setFollowing] = useState(true)
  const [hidden, setHidden] = useState<ReadonlySet<MessageKind>>(new Set())
  const [picked, setPicked] = useState<Arrow | null>(null)
  const [pointed, setPointed] = useState<Pointed | null>(null)
  /** The record of the dot that has the keyboard's focus. */
  const [current, setCurrent] = useState<number | null>(null)
  const drag = useRef<{ readonly x: number; readonly from: Viewport; isMoving: boolean } | null>(null)

  const still: Viewport = { ...kept, width: Math.max(1, size.width - gutter) }
  // When records were removed, as after an undo, the view moves to the remaining ones.
  const viewport = isFollowing ? followed(lanes, still, view.cursor) : panned(lanes, still, 0)
  const { selected } = view
  const shownArrow =
    picked !== null && selected !== null && lanes.arrowsAt(selected).includes(picked) ? picked : null
  const scene = sceneOf({
    model: lanes,
    viewport,
    height: size.height,
    hidden,
    cursor: view.cursor,
    originMs: store.timeline.originMs,
    selected,
    picked: shownArrow?.id ?? null,
    pointed,
  })

  const look = (next: Viewport) => {
    setFollowing(false)
    setKept(next)
  }
  const zoom = (factor: number, x: number) => {
    if (isFollowing) setKept(zoomed(viewport, factor, x))
    else look(zoomed(viewport, factor, x))
  }
  const pick = (arrow: Arrow) => {
    setPicked(arrow)
    store.select(arrow.receivedAt ?? arrow.sentAt ?? arrow.fateAt)
  }
  const selectDot = (at: number) => {
    setPicked(null)
    setCurrent(at)
    store.select(at)
  }
  const goTo = (at: number | null) => {
    if (at === null) return
    setCurrent(at)
    setPointed({ type: 'dot', at })
    const x = xOf(lanes, viewport, at)
    if (x < 20 || x > viewport.width - 20) look(showing(lanes, viewport, at))
  }

  // Scrolls a record that was selected elsewhere into view.
  useEffect(() => {
    if (selected === null) return
    const x = xOf(lanes, viewport, selected)
    if (x < 0 || x > viewport.width) look(showing(lanes, viewport, selected))
  }, [selected])

  const at = (event: MouseEvent) => {
    const box = plot.current?.getBoundingClientRect()
    const scrolled = plot.current?.scrollTop ?? 0
    return {
      x: event.clientX - (box?.left ?? 0) - gutter,
      y: event.clientY - (box?.top ?? 0) + scrolled,
    }
  }

  const pointerDown = (event: PointerEvent) => {
    if (event.button === 0) drag.current = { x: event.clientX, from: viewport, isMoving: false }
  }
  const pointerMove = (event: PointerEvent) => {
    // The press ended outside: the drag is over.
    if (event.buttons === 0) drag.current = null
    const dragged = drag.current
    if (dragged === null) {
      const { x, y } = at(event)
      const hit = x < 0 ? null : hitAt(scene, x, y)
      setPointed(pointedAt(hit))
      return
    }
    const moved = dragged.x - event.clientX
    if (!dragged.isMoving && Math.abs(moved) < dragFrom) return
    dragged.isMoving = true
    plot.current?.setPointerCapture(event.pointerId)
    look(panned(lanes, dragged.from, moved))
  }
  const pointerUp = (event: PointerEvent) => {
    const dragged = drag.current
    drag.current = null
    if (dragged === null || dragged.isMoving) return
    const { x, y } = at(event)
    const hit = x < 0 ? null : hitAt(scene, x, y)
    if (hit?.type === 'dot') selectDot(hit.dot.dot.at)
    else if (hit?.type === 'arrow') pick(hit.arrow.arrow)
  }
  const wheel = (event: WheelEvent) => {
    if (event.ctrlKey) {
      zoom(event.deltaY < 0 ? 1.15 : 1 / 1.15, at(event).x)
    } else {
      const isScrolling = !event.shiftKey && event.deltaX === 0 && scene.height > size.height
      if (isScrolling) return
      look(panned(lanes, viewport, event.deltaX || event.deltaY))
    }
    event.preventDefault()
  }
  const keyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    const here = current ?? lastDotBefore(lanes, view.cursor)
    const keys: Readonly<Record<string, () => void>> = {
      ArrowLeft: () =>
        event.shiftKey
          ? look(panned(lanes, viewport, -viewport.width / 4))
          : goTo(current === null ? here : dotBeside(lanes, here ?? 0, -1)),
      ArrowRight: () =>
        event.shiftKey
          ? look(panned(lanes, viewport, viewport.width / 4))
          : goTo(current === null ? here : dotBeside(lanes, here ?? 0, 1)),
      ArrowUp: () => goTo(here === null ? null : dotInNextLane(scene, here, -1)),
      ArrowDown: () => goTo(here === null ? null : dotInNextLane(scene, here, 1)),
      Enter: () => here !== null && selectDot(here),
      Escape: () => store.select(null),
      '+': () => zoom(zoomStep, viewport.width / 2),
      '=': () => zoom(zoomStep, viewport.width / 2),
      '-': () => zoom(1 / zoomStep, viewport.width / 2),
      f: () => setFollowing(!isFollowing),
    }
    const run = keys[event.key]
    if (run === undefined) return
    run()
    // Keeps the page's own use of these keys from taking effect.
    event.preventDefault()
    event.stopPropagation()
  }

  const nameOf = (record: number) => {
    const known = store.timeline.record(record)
    return known === undefined ? '' : recordText(known)
  }
  const isDrawn = current !== null && scene.dots.some(({ dot }) => dot.at === current)
  const currentDot = current === null ? null : lanes.dot(current)
  return (
    <section class="lanes" aria-label="Space-time lanes">
      <LaneBar
        axis={viewport.axis}
        isFollowing={isFollowing}
        isNarrow={size.width > 0 && size.width < narrow}
        hidden={hidden}
        turnTo={(axis) => setKept(turnedTo(lanes, viewport, axis))}
        zoom={(direction) => zoom(zoomStep ** direction, viewport.width / 2)}
        follow={(isOn) => {
          setKept(viewport)
          setFollowing(isOn)
        }}
        hide={setHidden}
      />
      <div class="lane-body">
        <div
          class="lane-plot"
          ref={plot}
          role="application"
          // biome-ignore lint/a11y/noNoninteractiveTabindex: arrow keys move within it, as its description says.
          tabIndex={0}
          aria-label="Messages between servers and clients"
          aria-describedby="lane-keys"
          aria-activedescendant={isDrawn ? dotId(current) : undefined}
          onPointerDown={pointerDown}
          onPointerMove={pointerMove}
          onPointerUp={pointerUp}
          onPointerCancel={() => {
            drag.current = null
          }}
          onPointerLeave={() => setPointed(null)}
          onWheel={wheel}
          onKeyDown={keyDown}
        >
          <LanePlot
            scene={scene}
            run={runOf(viewport)}
            width={size.width}
            nameOf={nameOf}
            current={currentDot?.at ?? null}
            pointed={pointed}
          />
        </div>
        {selected !== null && (
          <LaneDetails store={store} model={lanes} selected={selected} picked={shownArrow} pick={pick} />
        )}
      </div>
      <p id="lane-keys" class="visually-hidden">
        Arrow keys move between events, in order, and between lanes; Enter selects one. Plus and minus zoom,
        Shift and an arrow key pan, F follows.
      </p>
      <p class="visually-hidden" aria-live="polite">
        {currentDot !== null && nameOf(currentDot.at)}
        {shownArrow !== null && arrowText(shownArrow, lanes.stateOf(shownArrow))}
      </p>
    </section>
  )
}

function pointedAt(hit: ReturnType<typeof hitAt>): Pointed | null {
  if (hit === null) return null
  return hit.type === 'dot' ? { type: 'dot', at: hit.dot.dot.at } : { type: 'arrow', id: hit.arrow.arrow.id }
}

function lastDotBefore(model: LaneModel, cursor: number): number | null {
  return dotBeside(model, cursor, -1)
}
