/** What is drawn of the lanes: everything that is in view, in pixels. */
import type { PartyName } from '../../../src/inspect/record.ts'
import { type MessageKind, messageLabel, shortName } from '../../model/lane-messages.ts'
import type { Arrow, ArrowState, Dot, LaneClient, LaneModel, LifeChange } from '../../model/lanes.ts'
import { cursorPlace, recordsInView, type Viewport, xOf } from './axis.ts'
import { type LabelWish, type PlacedLabel, placeLabels } from './labels.ts'

/** The reader's wishes. */
export interface SceneInput {
  readonly model: LaneModel
  readonly viewport: Viewport
  /** In pixels; the lanes take more when there are many. */
  readonly height: number
  readonly hidden: ReadonlySet<MessageKind>
  /** Records from this one on are dimmed. */
  readonly cursor: number
  /** The record whose messages stand out. */
  readonly selected: number | null
  /** The arrow that stands out, by its id. */
  readonly picked: number | null
  /** What the pointer or the keyboard is at: it is labelled before all others. */
  readonly pointed: Pointed | null
}

/** An arrow by its id, or a dot by its record. */
export type Pointed =
  | { readonly type: 'arrow'; readonly id: number }
  | { readonly type: 'dot'; readonly at: number }

export interface Scene {
  readonly height: number
  readonly laneHeight: number
  readonly lanes: readonly SceneLane[]
  readonly arrows: readonly SceneArrow[]
  readonly dots: readonly SceneDot[]
  readonly labels: readonly PlacedLabel[]
  readonly ticks: readonly { readonly x: number; readonly text: string }[]
  readonly cursorX: number
  /** There is so much in view that labels would say nothing. */
  readonly isDense: boolean
}

export interface SceneLane {
  readonly key: string
  /** `null` for the clients that have no lane of their own. */
  readonly party: PartyName | null
  readonly name: string
  readonly y: number
  /** What it is, from one pixel to another. */
  readonly parts: readonly {
    readonly from: number
    readonly to: number
    readonly state: LifeChange['state'] | 'silent'
  }[]
}

export interface SceneArrow {
  readonly arrow: Arrow
  readonly state: ArrowState
  readonly x1: number
  readonly y1: number
  readonly x2: number
  readonly y2: number
  /** It was said after the cursor. */
  readonly isLater: boolean
  readonly isLit: boolean
}

export interface SceneDot {
  readonly dot: Dot
  readonly x: number
  readonly y: number
  readonly isLater: boolean
  readonly isLit: boolean
}

/** The lane of the clients that have none of their own: no party is called so. */
const others = ''

/** Clients that have a lane of their own, at most. */
const clientLanes = 6
/** The room above the lanes, for the time. */
export const axisHeight = 20
/** The room left of the lanes, for their names. */
export const gutter = 128
const leastLaneHeight = 24
const mostLaneHeight = 84
/** Above so many arrows nothing is labelled. */
const denseAbove = 160
/** From the middle of a dot to where an arrow begins or ends. */
const dotRadius = 5
/** How far an arrow that is not heard goes. */
const unheardPart = 0.62
const tickPixels = 120

/** What is in view. */
export function sceneOf(input: SceneInput): Scene {
  const { model, viewport, cursor, hidden, selected } = input
  const [from, to] = recordsInView(model, viewport)
  const { dots, arrows: all } = model.window(from, to)
  const arrows = all.filter(({ kind }) => !hidden.has(kind))
  const { lanes, laneHeight, height } = lanesOf(input)
  const yOf = (party: PartyName) => (lanes.get(party) ?? lanes.get(others))?.y ?? axisHeight
  const drawn = onePerLoop(arrows).map((arrow) => sceneArrow(arrow, input, yOf))
  const sceneDots = dots.map((dot) => ({
    dot,
    x: xOf(model, viewport, dot.at),
    y: yOf(dot.party),
    isLater: dot.at >= cursor,
    isLit: dot.at === selected,
  }))
  const isDense = arrows.length > denseAbove
  return {
    height,
    laneHeight,
    lanes: [...lanes.values()],
    arrows: drawn,
    dots: sceneDots,
    labels: isDense ? [] : labelsOf(drawn, sceneDots, [...lanes.values()], input, height),
    ticks: ticksOf(input, from, to),
    cursorX: (cursorPlace(model, viewport.axis, cursor) - viewport.left) * viewport.scale,
    isDense,
  }
}

function lanesOf({ model, viewport, height: given }: SceneInput): {
  readonly lanes: ReadonlyMap<PartyName, SceneLane>
  readonly laneHeight: number
  readonly height: number
} {
  const { servers, clients } = model
  const shown = shownClients(clients)
  const parties: readonly PartyName[] = [
    ...(shown.length < clients.length ? [others] : []),
    ...shown.map(({ name }) => name),
    ...servers,
  ]
  const room = (given - axisHeight) / Math.max(1, parties.length)
  const laneHeight = Math.min(mostLaneHeight, Math.max(leastLaneHeight, room))
  const lanes = new Map(
    parties.map((party, place) => [
      party,
      {
        key: String(party),
        party: party === others ? null : party,
        name: laneName(party),
        y: axisHeight + (place + 0.5) * laneHeight,
        parts:
          typeof party === 'number'
            ? partsOf(model, viewport, party)
            : [{ from: 0, to: viewport.width, state: 'up' as const }],
      },
    ]),
  )
  return { lanes, laneHeight, height: Math.max(given, axisHeight + parties.length * laneHeight) }
}

/** The latest of them, in the order in which they came. */
function shownClients(clients: readonly LaneClient[]): readonly LaneClient[] {
  if (clients.length <= clientLanes) return clients
  const latest = [...clients].sort((a, b) => b.lastAt - a.lastAt).slice(0, clientLanes)
  return clients.filter((client) => latest.includes(client))
}

function laneName(party: PartyName): string {
  if (party === others) return 'other clients'
  return typeof party === 'number' ? `server ${party}` : `client ${shortName(party)}`
}

function partsOf(model: LaneModel, viewport: Viewport, node: number): SceneLane['parts'] {
  const changes = [{ at: model.first, state: 'silent' as const }, ...model.lifeOf(node)]
  return changes.flatMap(({ at, state }, index) => {
    const next = changes[index + 1]
    const from = index === 0 ? 0 : Math.max(0, xOf(model, viewport, at))
    const to = next === undefined ? viewport.width : Math.min(viewport.width, xOf(model, viewport, next.at))
    return to > from ? [{ from, to, state }] : []
  })
}

/** Of what a server says to itself at once, one is drawn. */
function onePerLoop(arrows: readonly Arrow[]): readonly Arrow[] {
  const seen = new Set<number>()
  return arrows.filter(({ kind, saidAt }) => {
    if (kind !== 'own' || saidAt === null) return true
    if (seen.has(saidAt)) return false
    seen.add(saidAt)
    return true
  })
}

function sceneArrow(
  arrow: Arrow,
  { model, viewport, cursor, picked, selected }: SceneInput,
  yOf: (party: PartyName) => number,
): SceneArrow {
  const state = model.stateOf(arrow)
  const { saidAt, heardAt, fateAt } = arrow
  const x = (at: number) => xOf(model, viewport, at)
  const slope = Math.min(60, Math.max(14, viewport.axis === 'order' ? viewport.scale * 1.3 : 30))
  const at = heardAt ?? fateAt ?? model.first
  const x1 = saidAt === null ? x(at) - slope : x(saidAt)
  const [y1, y2] = [yOf(arrow.from), yOf(arrow.to)]
  const isWhole = state === 'heard' || state === 'unseen' || state === 'own'
  const whole = { x: state === 'own' ? x1 : heardAt === null ? x1 + slope : x(heardAt), y: y2 }
  const far = state === 'lost' && fateAt !== null && saidAt !== null ? Math.max(0, x(fateAt) - x1) : 0
  const part = Math.min(1, unheardPart)
  const end = isWhole
    ? whole
    : { x: x1 + Math.max(slope * part, Math.min(far, slope)), y: y1 + (y2 - y1) * part }
  const said = saidAt ?? at
  return {
    arrow,
    state,
    ...shortened(x1, y1, end.x, end.y, isWhole),
    isLater: said >= cursor,
    isLit:
      arrow.id === picked ||
      (picked === null &&
        selected !== null &&
        (saidAt === selected || heardAt === selected || fateAt === selected)),
  }
}

/** The line without what the dots at its ends cover. */
function shortened(x1: number, y1: number, x2: number, y2: number, atBoth: boolean) {
  const length = Math.hypot(x2 - x1, y2 - y1)
  if (length < 3 * dotRadius) return { x1, y1, x2, y2 }
  const [dx, dy] = [((x2 - x1) / length) * dotRadius, ((y2 - y1) / length) * dotRadius]
  return { x1: x1 + dx, y1: y1 + dy, x2: atBoth ? x2 - dx : x2, y2: atBoth ? y2 - dy : y2 }
}

/** Along a line, the middle first. */
const alongLine = [0.5, 0.36, 0.64, 0.24, 0.76]

function labelsOf(
  arrows: readonly SceneArrow[],
  dots: readonly SceneDot[],
  lanes: readonly SceneLane[],
  { viewport, pointed }: SceneInput,
  height: number,
): readonly PlacedLabel[] {
  const bounds = { left: 0, right: viewport.width, top: axisHeight, bottom: height }
  const taken = [
    ...dots.map(({ x, y }) => ({ left: x - 6, right: x + 6, top: y - 6, bottom: y + 6 })),
    ...lanes.map(({ y }) => ({ left: 0, right: viewport.width, top: y - 1, bottom: y + 1 })),
  ]
  const ofDots = dots.flatMap(({ dot, x, y }): LabelWish[] => {
    const text = dotLabel(dot)
    const places = [-1, 1].map((side) => ({ x, y: y + side * 14 }))
    return text === null ? [] : [{ key: `dot ${dot.at}`, className: 'of-dot', text, places }]
  })
  const ofArrows = arrows.map((drawn) => ({
    isPointed: pointed?.type === 'arrow' && drawn.arrow.id === pointed.id,
    isFirst: drawn.isLit || drawn.state === 'lost',
    isOwn: drawn.state === 'own',
    wish: arrowWish(drawn),
  }))
  return placeLabels(
    [
      ...ofArrows.filter(({ isPointed }) => isPointed).map(({ wish }) => wish),
      ...ofArrows
        .filter(({ isPointed, isFirst, isOwn }) => isFirst && !isPointed && !isOwn)
        .map(({ wish }) => wish),
      ...ofDots,
      ...ofArrows
        .filter(({ isPointed, isFirst, isOwn }) => !isFirst && !isPointed && !isOwn)
        .map(({ wish }) => wish),
    ],
    bounds,
    taken,
  )
}

function arrowWish({ arrow, x1, y1, x2, y2, state, isLater, isLit }: SceneArrow): LabelWish {
  const places =
    state === 'own'
      ? [-1, 1].map((side) => ({ x: x1, y: y1 + side * 22 }))
      : alongLine.map((part) => ({ x: x1 + (x2 - x1) * part, y: y1 + (y2 - y1) * part }))
  const className = `kind-${arrow.kind}${isLater ? ' is-later' : ''}${isLit ? ' is-lit' : ''}`
  return { key: `arrow ${arrow.id}`, className, text: messageLabel(arrow.message), places }
}

/** What stands at a dot: `#4` where instance 4 was executed, how many records were left out. */
function dotLabel({ executed, what, leftOut }: Dot): string | null {
  if (what === 'gap') return `${leftOut} left out`
  const [first] = executed
  const last = executed.at(-1)
  if (first === undefined || last === undefined) return null
  return first === last ? `#${first}` : `#${first}–${last}`
}

function ticksOf({ model, viewport }: SceneInput, from: number, to: number): Scene['ticks'] {
  const ticks: { x: number; text: string }[] = []
  const startMs = model.timeOf(firstTimed(model))
  for (let at = from; at < Math.min(to, model.end); at += 1) {
    if (model.dot(at) === null) continue
    const x = xOf(model, viewport, at)
    const before = ticks.at(-1)
    if (x < 0 || x > viewport.width - 70 || (before !== undefined && x - before.x < tickPixels)) continue
    const text = clockText(model.timeOf(at), startMs)
    if (text !== before?.text) ticks.push({ x, text })
  }
  return ticks
}

/** The first records may tell no time. */
function firstTimed(model: LaneModel): number {
  let at = model.first
  while (at < model.end - 1 && model.dot(at) === null) at += 1
  return at
}

/** Seconds since the first record; of a live cluster too. */
function clockText(timeMs: number, startMs: number): string {
  return `${((timeMs - startMs) / 1000).toFixed(3)} s`
}
