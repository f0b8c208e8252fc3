/** What is drawn of the lanes: everything that is in view, in pixels. */
import type { PartyName } from '../../../src/inspect/records/record.ts'
import { laneClientName, type MessageKind } from '../../model/lane-messages.ts'
import type { Arrow, ArrowState, Dot, LaneClient, LaneModel, LifeChange } from '../../model/lanes.ts'
import { leftOutText, partyText, timeText } from '../../model/record-text.ts'
import { cursorPlace, recordsInView, type Viewport, xOf } from './axis.ts'
import { type LabelWish, type PlacedLabel, placeLabels } from './labels.ts'

/** The reader's wishes. */
export interface SceneInput {
  readonly model: LaneModel
  readonly viewport: Viewport
  /** In pixels; the lanes take more when there are many. */
  readonly height: number
  readonly hidden: ReadonlySet<MessageKind>
  /** What comes from this record on is dimmed. */
  readonly cursor: number
  /** Where time is counted from. */
  readonly originMs: number
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
  /** So far left of the middle is the point that it is drawn towards: what passes lanes goes round what ends there. */
  readonly bend: number
  readonly isLit: boolean
}

export interface SceneDot {
  readonly dot: Dot
  readonly x: number
  readonly y: number
  readonly isLit: boolean
}

/** The lane of the clients that have none of their own: no party is called so. */
const others = ''

/** Clients that have a lane of their own, at most. */
const clientLanes = 6
/** A client that has been silent for more records leaves its lane to others. */
const recently = 500
/** The room above the lanes, for the time. */
export const axisHeight = 20
/** The room left of the lanes, for their names. */
export const gutter = 128
/** Lower, a label would have no room between two lanes. Five servers and two for clients are seen at once at 1280×800. */
const leastLaneHeight = 20
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

/** How many of them have room beside the servers: one has, whatever the height. */
function clientRoom(height: number, servers: number): number {
  const lanes = Math.floor((height - axisHeight) / leastLaneHeight)
  return Math.min(clientLanes, Math.max(1, lanes - servers - 1))
}

/**
 * Those that have a lane of their own, in the order in which they came: first who has a part in what is in view, then who
 * had one lately, and of them who came first, so that lanes stay where they are; then the latest.
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
  // A set keeps the place of what is put in again.
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
  { model, viewport, picked, selected }: SceneInput,
  yOf: (party: PartyName) => number,
  laneHeight: number,
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
  return {
    arrow,
    state,
    ...shortened(x1, y1, end.x, end.y, isWhole),
    bend: isWhole ? bendOf(end.x - x1, Math.abs(y2 - y1) / laneHeight) : 0,
    isLit:
      arrow.id === picked ||
      (picked === null &&
        selected !== null &&
        (saidAt === selected || heardAt === selected || fateAt === selected)),
  }
}

/** Of arrows to several lanes, heard one after the other, the ends would be in one line. Never so much that it goes back in time. */
function bendOf(width: number, lanes: number): number {
  return lanes < 1.5 ? 0 : (lanes - 1) * Math.min(18, (width / lanes) * 0.5)
}

/** The point of an arrow, of which `part` is before it: 0 to 1. */
export function pointOf(
  { x1, y1, x2, y2, bend }: Pick<SceneArrow, 'x1' | 'y1' | 'x2' | 'y2' | 'bend'>,
  part: number,
): { readonly x: number; readonly y: number } {
  return { x: x1 + (x2 - x1) * part - bend * 2 * part * (1 - part), y: y1 + (y2 - y1) * part }
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
    // A label's letters are lower than its box, by so much that none touches a dot.
    ...dots.map(({ x, y }) => ({ left: x - 6, right: x + 6, top: y - 3, bottom: y + 3 })),
    ...arrows
      .filter(({ state }) => state === 'lost' || state === 'unheard')
      .map(({ x2, y2 }) => ({ left: x2 - 6, right: x2 + 6, top: y2 - 6, bottom: y2 + 6 })),
    ...lanes.map(({ y }) => ({ left: 0, right: viewport.width, top: y - 1, bottom: y + 1 })),
  ]
  const ofDots = dots.flatMap(({ dot, x, y }): LabelWish[] => {
    const text = dotLabel(dot)
    const places = [-1, 1].map((side) => ({ x, y: y + side * 14 }))
    return text === null ? [] : [{ key: `dot ${dot.at}`, className: 'of-dot', text, places }]
  })
  // Between two lanes: where lanes are low, a label has room only there.
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

/** The parts of a line from `y1` to `y2` that are before these heights, those of them that it passes, the middle first. */
function partsAt(heights: readonly number[], y1: number, y2: number): readonly number[] {
  return heights
    .map((y) => (y - y1) / (y2 - y1))
    .filter((part) => part > 0 && part < 1)
    .sort((a, b) => Math.abs(a - 0.5) - Math.abs(b - 0.5))
}

/** What stands at a dot: `#4` where instance 4 was executed, how many records were left out. */
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

/** After so many pixels coordinates begin at 0 again: numbers in SVG are not exact where they are large. */
const longestRun = 10_000

/** How far right of the view's left edge coordinates begin that stay the same while the view moves. */
export function runOf({ left, scale }: Viewport): number {
  const x = left * scale
  return x - Math.floor(x / longestRun) * longestRun
}

/** The same moved to the right, in tenths of pixels: what does not change between two frames need not be drawn again. */
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
