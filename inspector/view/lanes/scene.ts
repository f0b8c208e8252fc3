/** The visible content of the lanes, in pixels. */
import type { PartyName } from '../../../src/inspect/records/record.ts'
import { laneClientName, type MessageKind } from '../../model/lane-messages.ts'
import type { Arrow, ArrowState, Dot, LaneClient, LaneModel, LifeChange } from '../../model/lanes.ts'
import { leftOutText, partyText, timeText } from '../../model/record-text.ts'
import { cursorPlace, recordsInView, type Viewport, xOf } from './axis.ts'
import { type LabelWish, type PlacedLabel, placeLabels } from './labels.ts'

/** The input of a scene. */
export interface SceneInput {
  readonly model: LaneModel
  readonly viewport: Viewport
  /** In pixels. Many lanes take more. */
  readonly height: number
  readonly hidden: ReadonlySet<MessageKind>
  /** Records from this one on are dimmed. */
  readonly cursor: number
  /** The origin of the time labels. */
  readonly originMs: number
  /** The record whose messages are highlighted. */
  readonly selected: number | null
  /** The highlighted arrow, by its id. */
  readonly picked: number | null
  /** The dot or arrow at the pointer or the keyboard's focus. It is labelled first. */
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
  /** Too much is visible for labels. */
  readonly isDense: boolean
}

export interface SceneLane {
  readonly key: string
  /** `null` for the clients without a lane of their own. */
  readonly party: PartyName | null
  readonly name: string
  readonly y: number
  /** The states of the party, each from one pixel to another. */
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
  /** How far the line bends to the left at its middle, so that it avoids the ends of other lines on the lanes that it crosses. */
  readonly bend: number
  readonly isLit: boolean
}

export interface SceneDot {
  readonly dot: Dot
  readonly x: number
  readonly y: number
  readonly isLit: boolean
}

/** The lane of the clients without their own. No party has this name. */
const others = ''

/** How many clients have their own lane at most. */
const clientLanes = 6
/** A client that is silent for more records gives up its lane. */
const recently = 500
/** The height of the time axis above the lanes. */
export const axisHeight = 20
/** The width of the names left of the lanes. */
export const gutter = 128
/** A lower lane has no room for a label. Five servers and two client lanes fit into a window of 1280×800. */
const leastLaneHeight = 20
const mostLaneHeight = 84
/** Above this number of arrows nothing is labelled. */
const denseAbove = 160
/** From the middle of a dot to the end of an arrow. */
const dotRadius = 5
/** The part of the way that an arrow without a receiver is drawn. */
const unreceivedPart = 0.62
const tickPixels = 120

/** The visible content. */
export function sceneOf(input: SceneInput): Scene {
  const { model, viewport, cursor, hidden, selected } = input
  const [from, to] = recordsInView(model, viewport)
  const { dots, arrows: all } = model.window(from, to)
  const arrows = all.filter(({ kind }) => !hidden.has(kind))
  const { lanes, laneHeight, height } = lanesOf(input, from, to)
  const yOf = (party: PartyName) => (lanes.get(party) ?? lanes.get(others))?.y ?? axisHeight
  const drawn = onePerLoop(arrows).map((arrow) => sceneArrow(arrow, input, yOf, laneHeight))
  const sceneDots = dots.map((dot) => ({
    dot,
    x: xOf(model, viewport, dot.at),
    y: yOf(dot.party),
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

function lanesOf(
  { model, viewport, height: given }: SceneInput,
  from: number,
  to: number,
): {
  readonly lanes: ReadonlyMap<PartyName, SceneLane>
  readonly laneHeight: number
  readonly height: number
} {
  const { servers, clients } = model
  const shown = shownClients(clients, clientRoom(given, servers.length), from, to)
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

/** How many client lanes fit beside the servers: at least one. */
function clientRoom(height: number, servers: number): number {
  const lanes = Math.floor((height - axisHeight) / leastLaneHeight)
  return Math.min(clientLanes, Math.max(1, lanes - servers - 1))
}

/**
 * The clients with their own lane, in order of appearance. First those that take part in the visible records, then those that
 * recently had a lane (earliest first, so that lanes stay in place), then the latest.
 */
function shownClients(
  clients: readonly LaneClient[],
  room: number,
  from: number,
  to: number,
): readonly LaneClient[] {
  if (clients.length <= room + 1) return clients
  const isSeenFrom = (at: number) => (client: LaneClient) => client.firstAt < to && client.lastAt >= at
  const latest = clients.toSorted((a, b) => b.lastAt - a.lastAt)
  // A set keeps the place of an element that is added again.
  const byWorth = new Set([
    ...clients.filter(isSeenFrom(from)),
    ...clients.filter(isSeenFrom(from - recently)),
    ...latest,
  ])
  const shown = new Set([...byWorth].slice(0, room))
  return clients.filter((client) => shown.has(client))
}

function laneName(party: PartyName): string {
  if (party === others) return 'other clients'
  return partyText(typeof party === 'number' ? party : laneClientName(party))
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

/** Of several simultaneous messages of a server to itself, one is drawn. */
function onePerLoop(arrows: readonly Arrow[]): readonly Arrow[] {
  const seen = new Set<number>()
  return arrows.filter(({ kind, sentAt }) => {
    if (kind !== 'own' || sentAt === null) return true
    if (seen.has(sentAt)) return false
    seen.add(sentAt)
    return true
  })
}

function sceneArrow(
  arrow: Arrow,
  { model, viewport, picked, selected }: SceneInput,
  yOf: (party: PartyName) => number,
  laneHeight: number,
): SceneArrow {
  const state = model.stateOf(arrow)
  const { sentAt, receivedAt, fateAt } = arrow
  const x = (at: number) => xOf(model, viewport, at)
  const slope = Math.min(60, Math.max(14, viewport.axis === 'order' ? viewport.scale * 1.3 : 30))
  const at = receivedAt ?? fateAt ?? model.first
  const x1 = sentAt === null ? x(at) - slope : x(sentAt)
  const [y1, y2] = [yOf(arrow.from), yOf(arrow.to)]
  const isWhole = state === 'received' || state === 'unseen' || state === 'own'
  const whole = { x: state === 'own' ? x1 : receivedAt === null ? x1 + slope : x(receivedAt), y: y2 }
  const far = state === 'lost' && fateAt !== null && sentAt !== null ? Math.max(0, x(fateAt) - x1) : 0
  const part = Math.min(1, unreceivedPart)
  const end = isWhole
    ? whole
    : { x: x1 + Math.max(slope * part, Math.min(far, slope)), y: y1 + (y2 - y1) * part }
  return {
    arrow,
    state,
    ...shortened(x1, y1, end.x, end.y, isWhole),
    bend: isWhole ? bendOf(end.x - x1, Math.abs(y2 - y1) / laneHeight) : 0,
    isLit:
      arrow.id === picked ||
      (picked === null &&
        selected !== null &&
        (sentAt === selected || receivedAt === selected || fateAt === selected)),
  }
}

/**
 * How far an arrow bends. Without it, the ends of arrows to several lanes would lie on one line. Limited, so that no arrow goes
 * back in time.
 */
function bendOf(width: number, lanes: number): number {
  return lanes < 1.5 ? 0 : (lanes - 1) * Math.min(18, (width / lanes) * 0.5)
}

/** The point of an arrow at the fraction `part`: 0 to 1. */
export function pointOf(
  { x1, y1, x2, y2, bend }: Pick<SceneArrow, 'x1' | 'y1' | 'x2' | 'y2' | 'bend'>,
  part: number,
): { readonly x: number; readonly y: number } {
  return { x: x1 + (x2 - x1) * part - bend * 2 * part * (1 - part), y: y1 + (y2 - y1) * part }
}

/** The line without the parts that its dots cover. */
function shortened(x1: number, y1: number, x2: number, y2: number, atBoth: boolean) {
  const length = Math.hypot(x2 - x1, y2 - y1)
  if (length < 3 * dotRadius) return { x1, y1, x2, y2 }
  const [dx, dy] = [((x2 - x1) / length) * dotRadius, ((y2 - y1) / length) * dotRadius]
  return { x1: x1 + dx, y1: y1 + dy, x2: atBoth ? x2 - dx : x2, y2: atBoth ? y2 - dy : y2 }
}

/** Places along a line, the middle first. */
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
    // The letters of a label are lower than its box, so no letter touches a dot.
    ...dots.map(({ x, y }) => ({ left: x - 6, right: x + 6, top: y - 3, bottom: y + 3 })),
    ...arrows
      .filter(({ state }) => state === 'lost' || state === 'unreceived')
      .map(({ x2, y2 }) => ({ left: x2 - 6, right: x2 + 6, top: y2 - 6, bottom: y2 + 6 })),
    ...lanes.map(({ y }) => ({ left: 0, right: viewport.width, top: y - 1, bottom: y + 1 })),
  ]
  const ofDots = dots.flatMap(({ dot, x, y }): LabelWish[] => {
    const text = dotLabel(dot)
    const places = [-1, 1].map((side) => ({ x, y: y + side * 14 }))
    return text === null ? [] : [{ key: `dot ${dot.at}`, className: 'of-dot', text, places }]
  })
  // Between two lanes: low lanes have room for a label only there.
  const middles = lanes.slice(1).map(({ y }, place) => (y + (lanes[place]?.y ?? y)) / 2)
  const ofArrows = arrows.map((drawn) => ({
    isPointed: pointed?.type === 'arrow' && drawn.arrow.id === pointed.id,
    isFirst: drawn.isLit || drawn.state === 'lost',
    isOwn: drawn.state === 'own',
    wish: arrowWish(drawn, middles),
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

/** The key of an arrow's label. */
export function arrowKey(id: number): string {
  return `arrow ${id}`
}

function arrowWish(drawn: SceneArrow, middles: readonly number[]): LabelWish {
  const { arrow, x1, y1, y2, state, isLit } = drawn
  const places =
    state === 'own'
      ? [-1, 1].map((side) => ({ x: x1, y: y1 + side * 22 }))
      : [...alongLine, ...partsAt(middles, y1, y2)].map((part) => pointOf(drawn, part))
  const className = `kind-${arrow.kind}${isLit ? ' is-lit' : ''}`
  return { key: arrowKey(arrow.id), className, text: arrow.label, places }
}

/** The fractions of a line from `y1` to `y2` at these heights, if it crosses them, the middle first. */
function partsAt(heights: readonly number[], y1: number, y2: number): readonly number[] {
  return heights
    .map((y) => (y - y1) / (y2 - y1))
    .filter((part) => part > 0 && part < 1)
    .sort((a, b) => Math.abs(a - 0.5) - Math.abs(b - 0.5))
}

/** The label of a dot: `#4` when instance 4 was executed, or the number of left-out records. */
function dotLabel({ executed, what, leftOut }: Dot): string | null {
  if (what === 'gap') return leftOutText(leftOut)
  if (what === 'cut' || what === 'healed') return what
  const [first] = executed
  const last = executed.at(-1)
  if (first === undefined || last === undefined) return null
  return first === last ? `#${first}` : `#${first}–${last}`
}

function ticksOf({ model, viewport, originMs }: SceneInput, from: number, to: number): Scene['ticks'] {
  const ticks: { x: number; text: string }[] = []
  for (let at = from; at < Math.min(to, model.end); at += 1) {
    if (model.dot(at) === null) continue
    const x = xOf(model, viewport, at)
    const before = ticks.at(-1)
    if (x < 0 || x > viewport.width - 70 || (before !== undefined && x - before.x < tickPixels)) continue
    const text = `${timeText(model.timeOf(at), originMs)} s`
    if (text !== before?.text) ticks.push({ x, text })
  }
  return ticks
}

/** The coordinates restart at 0 after this many pixels, because large numbers in SVG are inexact. */
const longestRun = 10_000

/** The offset of the coordinates from the view's left edge. It stays the same while the view moves. */
export function runOf({ left, scale }: Viewport): number {
  const x = left * scale
  return x - Math.floor(x / longestRun) * longestRun
}

/**
 * The same scene moved to the right, rounded to tenths of pixels, so that parts that do not change between two frames are not
 * drawn again.
 */
export function movedBy(scene: Scene, pixels: number): Scene {
  const moved = (x: number) => Math.round((x + pixels) * 10) / 10
  return {
    ...scene,
    arrows: scene.arrows.map((drawn) => ({ ...drawn, x1: moved(drawn.x1), x2: moved(drawn.x2) })),
    dots: scene.dots.map((drawn) => ({ ...drawn, x: moved(drawn.x) })),
    labels: scene.labels.map((label) => ({ ...label, x: moved(label.x) })),
    ticks: scene.ticks.map(({ x, text }) => ({ x: moved(x), text })),
    cursorX: moved(scene.cursorX),
  }
}
