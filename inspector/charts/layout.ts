/** Lays out the charts of the machines with ELK. Only the build and the tests run this; the page contains the result. */
import elkModule, { type ElkExtendedEdge, type ElkNode } from 'elkjs/lib/elk.bundled.js'
import type { AnyStateMachine } from 'xstate'
import { clientMachine } from '../../machines/client.ts'
import { roleMachines } from '../../src/core/roles.ts'
import { chartEdges, chartStates, grouped } from './chart.ts'
import { withCorner } from './corner.ts'
import type {
  Chart,
  ChartName,
  ChartState,
  Drawing,
  DrawnArrow,
  DrawnBox,
  DrawnEdge,
  DrawnLine,
  Folded,
  Point,
  Rectangle,
} from './drawing.ts'
import { type Block, labelBlock, rowBlock, titleLine, titleSizes, titleWidth } from './texts.ts'

type Direction = 'RIGHT' | 'DOWN'

/** The direction in which each full chart is easiest to read. */
const fullDirections: Readonly<Record<ChartName, Direction>> = {
  proposer: 'DOWN',
  acceptor: 'RIGHT',
  learner: 'RIGHT',
  requestQueue: 'RIGHT',
  timekeeper: 'RIGHT',
  auditor: 'RIGHT',
  reader: 'RIGHT',
  client: 'DOWN',
}

/** Composite states that servers seldom enter. An overview without room draws them as one box while no server is inside. */
const seldomEntered: Readonly<Partial<Record<ChartName, string>>> = { learner: 'learner.installingSnapshot' }

const margin = 6
const dotSize = 10
/** Room for the tokens of at least three requests. */
const requestLane = 106

interface Sizes {
  readonly title: number
  readonly padding: number
  /** The height of the title with the space above and below it. */
  readonly head: number
  /** Room for a row of tokens. */
  readonly lane: { readonly width: number; readonly height: number }
  readonly spacing: Spacing
}

/** The space between states, between layers of states, and around arrows. */
interface Spacing {
  readonly nodes: number
  readonly layers: number
  readonly edges: number
}

const overviewSizes: Sizes = {
  title: titleSizes.overview,
  padding: 6,
  head: 18,
  lane: { width: 76, height: 20 },
  spacing: { nodes: 8, layers: 11, edges: 5 },
}

const fullSizes: Sizes = {
  title: titleSizes.full,
  padding: 10,
  head: 28,
  lane: { width: 104, height: 24 },
  spacing: { nodes: 26, layers: 24, edges: 12 },
}

// TypeScript sees the default export of the module; Node.js sees what the bundle exports.
const Elk = elkModule as unknown as typeof elkModule.default
const elk = new Elk()

/** The charts of the roles and of the client, laid out. */
export async function layOutCharts(): Promise<readonly Chart[]> {
  const { proposer, acceptor, learner, requestQueue, timekeeper, auditor, reader } = roleMachines
  const machines = {
    ...{ proposer, acceptor, learner, requestQueue, timekeeper, auditor, reader },
    client: clientMachine as AnyStateMachine,
  }
  return Promise.all(
    Object.entries(machines).map(([name, machine]) => layOutChart(name as ChartName, machine)),
  )
}

async function layOutChart(name: ChartName, machine: AnyStateMachine): Promise<Chart> {
  const [states, edges] = [chartStates(machine), chartEdges(machine)]
  const seldom = seldomEntered[name]
  return {
    name,
    states,
    edges,
    ...(await overviews(name, states, edges)),
    folded: seldom === undefined ? null : await foldedOverviews(name, states, edges, seldom),
    full: await draw(new Plan(states, edges, true), fullDirections[name]),
  }
}

async function overviews(name: ChartName, states: readonly ChartState[], edges: readonly DrawnEdge[]) {
  const plan = new Plan(states, edges, false)
  return {
    wide: withCorner(await draw(plan, 'RIGHT'), name),
    tall: withCorner(await draw(plan, 'DOWN'), name),
  }
}

/** The overviews with `folded` as one box. Arrows of its inner states leave and enter that box. */
async function foldedOverviews(
  name: ChartName,
  states: readonly ChartState[],
  edges: readonly DrawnEdge[],
  folded: string,
): Promise<Folded> {
  const isInner = (id: string) => id.startsWith(`${folded}.`)
  const outer = (id: string) => (isInner(id) ? folded : id)
  const shown = states
    .filter(({ id }) => !isInner(id))
    .map((state) => (state.id === folded ? { ...state, initial: null } : state))
  const moved = edges.map((edge) => ({
    ...edge,
    from: outer(edge.from),
    to: edge.to === null ? null : outer(edge.to),
  }))
  return { state: folded, ...(await overviews(name, shown, moved)) }
}

/** The content of a drawing, before the layout. */
class Plan {
  readonly root: ChartState
  readonly arrows: readonly (readonly DrawnEdge[])[]
  readonly isFull: boolean
  readonly sizes: Sizes
  readonly #states: readonly ChartState[]
  readonly #rows: ReadonlyMap<string, Block>

  constructor(states: readonly ChartState[], edges: readonly DrawnEdge[], isFull: boolean) {
    const [root] = states
    if (root === undefined) throw new Error('a machine without states')
    this.root = root
    this.isFull = isFull
    this.sizes = isFull ? fullSizes : overviewSizes
    this.#states = states
    const leaving = edges.filter(({ from, to }) => to !== null && to !== from)
    this.arrows = grouped(leaving, ({ from, to }) => `${from} ${to}`)
    this.#rows = new Map(
      states.map((state) => {
        const staying = edges.filter(({ from, to }) => from === state.id && (to === null || to === from))
        return [state.id, rowBlock(isFull ? state : { ...state, entry: [], exit: [] }, isFull ? staying : [])]
      }),
    )
  }

  rows({ id }: ChartState): Block {
    const block = this.#rows.get(id)
    if (block === undefined) throw new Error(`${id} is no state`)
    return block
  }

  childrenOf({ id }: ChartState): readonly ChartState[] {
    return this.#states.filter(({ parent }) => parent === id)
  }

  title(state: ChartState): string {
    return state === this.root ? 'in any state' : (state.name.split('.').at(-1) ?? '')
  }

  /** The box `in any state` has outgoing arrows, or rows. */
  get hasAny(): boolean {
    return this.anyIsLinked || this.rows(this.root).height > 0
  }

  get anyIsLinked(): boolean {
    return this.arrows.some(([edge]) => edge?.from === this.root.id)
  }

  /** The height of a simple box, or of the part of a composite box above its child states. */
  headHeight(state: ChartState): number {
    return this.isComposite(state)
      ? this.sizes.head
      : this.sizes.head + this.laneHeight(state) + this.footHeight(state)
  }

  /** The height of the rows. They are below the child states, so that arrows from above do not cross them. */
  footHeight(state: ChartState): number {
    const { height } = this.rows(state)
    return height > 0 ? height + this.sizes.padding : 0
  }

  laneHeight(state: ChartState): number {
    return this.isLeaf(state) ? this.sizes.lane.height + 2 : 0
  }

  isComposite(state: ChartState): boolean {
    return state !== this.root && this.childrenOf(state).length > 0
  }

  isLeaf(state: ChartState): boolean {
    return state !== this.root && !this.isComposite(state)
  }

  headWidth(state: ChartState): number {
    // The names of requests are longer than the numbers of servers.
    const wanted = this.root.id === 'client' ? requestLane : 0
    const lane = this.isLeaf(state) ? Math.max(this.sizes.lane.width, wanted) : 0
    const inside = Math.max(titleWidth(this.title(state), this.sizes.title), this.rows(state).width, lane)
    return Math.ceil(inside + 2 * this.sizes.padding)
  }
}

/** The placements that ELK may try. The first that leaves the texts of all composite states free is used; wider boxes come last. */
const placements = [0, 8, 16].flatMap((wider) =>
  ['LINEAR_SEGMENTS', 'NETWORK_SIMPLEX', 'BRANDES_KOEPF'].flatMap((nodePlacement) =>
    ['NETWORK_SIMPLEX', 'LONGEST_PATH'].map((layering) => ({ wider, nodePlacement, layering })),
  ),
)

type Placement = (typeof placements)[number]

async function draw(plan: Plan, direction: Direction): Promise<Drawing> {
  const drawings: Drawing[] = []
  for (const placement of placements) {
    const drawing = await drawWith(plan, direction, placement)
    if (hasFreeTexts(drawing)) return drawing
    drawings.push(drawing)
  }
  // No placement is perfect. The tests detect this; the build does not fail.
  const [first] = drawings
  if (first === undefined) throw new Error('there is no placement')
  return first
}

async function drawWith(plan: Plan, direction: Direction, placement: Placement): Promise<Drawing> {
  const { root } = plan
  const laidOut = await elk.layout({
    id: 'chart',
    layoutOptions: {
      'elk.algorithm': 'layered',
      'elk.direction': direction,
      'elk.hierarchyHandling': 'INCLUDE_CHILDREN',
      'elk.edgeRouting': 'ORTHOGONAL',
      'elk.layered.considerModelOrder.strategy': 'NODES_AND_EDGES',
      'elk.json.edgeCoords': 'ROOT',
      'elk.json.shapeCoords': 'ROOT',
      'elk.padding': `[left=${margin},top=${margin},right=${margin},bottom=${margin}]`,
      'elk.layered.cycleBreaking.strategy': 'MODEL_ORDER',
      'elk.layered.nodePlacement.strategy': placement.nodePlacement,
      'elk.layered.layering.strategy': placement.layering,
      'elk.layered.edgeLabels.centerLabelPlacementStrategy': 'SPACE_EFFICIENT_LAYER',
      'elk.layered.thoroughness': '40',
      ...spacing(plan.sizes.spacing),
    },
    children: [
      ...inside(plan, root, placement.wider, direction),
      ...(plan.anyIsLinked
        ? [{ id: root.id, width: plan.headWidth(root), height: plan.headHeight(root) }]
        : []),
    ],
    edges: [
      ...starts(root),
      ...plan.arrows.flatMap((edges, index) => {
        const [edge] = edges
        if (edge === undefined || edge.to === null) return []
        const { width, height } = labelBlock(edges)
        const labels = plan.isFull ? [{ id: `label ${index}`, text: ' ', width: width + 6, height }] : []
        return [{ id: `arrow ${index}`, sources: [edge.from], targets: [edge.to], labels }]
      }),
    ],
  })
  return drawingOf(plan, laidOut)
}

function spacing({ nodes, layers, edges }: Spacing) {
  return {
    'elk.spacing.nodeNode': String(nodes),
    'elk.layered.spacing.nodeNodeBetweenLayers': String(layers),
    'elk.spacing.edgeNode': String(edges),
    'elk.layered.spacing.edgeNodeBetweenLayers': String(edges),
    'elk.spacing.edgeEdge': String(edges),
    'elk.layered.spacing.edgeEdgeBetweenLayers': String(edges),
    'elk.spacing.edgeLabel': '4',
  }
}

function inside(plan: Plan, state: ChartState, wider: number, direction: Direction): ElkNode[] {
  const dot = { id: `start of ${state.id}`, width: dotSize, height: dotSize }
  return [
    ...(state.initial === null ? [] : [dot]),
    ...plan.childrenOf(state).map((child): ElkNode => {
      const { padding } = plan.sizes
      const [width, height] = [plan.headWidth(child) + wider, plan.headHeight(child)]
      if (!plan.isComposite(child)) return { id: child.id, width, height }
      return {
        id: child.id,
        layoutOptions: {
          'elk.padding': `[left=${padding},top=${height},right=${padding},bottom=${padding + plan.footHeight(child)}]`,
          'elk.nodeSize.constraints': 'MINIMUM_SIZE',
          // ELK turns a drawing that goes down, and this size with it.
          'elk.nodeSize.minimum': direction === 'RIGHT' ? `(${width},0)` : `(0,${width})`,
          ...spacing(plan.sizes.spacing),
        },
        children: inside(plan, child, wider, direction),
        edges: starts(child),
      }
    }),
  ]
}

function starts({ id, initial }: ChartState): ElkExtendedEdge[] {
  return initial === null ? [] : [{ id: `first of ${id}`, sources: [`start of ${id}`], targets: [initial] }]
}

function drawingOf(plan: Plan, graph: ElkNode): Drawing {
  const nodes = everyNode(graph)
  const edges = new Map(nodes.flatMap((node) => node.edges ?? []).map((edge) => [edge.id, edge]))
  const placed = new Map(nodes.map((node) => [node.id, rectangleOf(node)]))
  const size = { width: Math.ceil(graph.width ?? 0), height: Math.ceil(graph.height ?? 0) }
  const loose = plan.isFull && plan.hasAny && !plan.anyIsLinked ? placeBeside(plan, size) : null
  if (loose !== null) placed.set(plan.root.id, loose.place)
  const boxesOf = (state: ChartState): DrawnBox[] => {
    const place = placed.get(state.id)
    const children = plan.childrenOf(state).flatMap(boxesOf)
    return place === undefined ? children : [boxOf(plan, state, place), ...children]
  }
  return {
    ...(loose?.size ?? size),
    boxes: boxesOf(plan.root),
    arrows: plan.arrows.map((list, index) => arrowOf(list, edges.get(`arrow ${index}`))),
    starts: nodes
      .filter(({ id }) => id.startsWith('start of '))
      .map((node) => ({
        dot: [(node.x ?? 0) + dotSize / 2, (node.y ?? 0) + dotSize / 2],
        points: pointsOf(edges.get(node.id.replace('start of', 'first of'))),
      })),
  }
}

/** True when composite states contain their texts, and no line crosses them. ELK does not know the texts. */
function hasFreeTexts({ boxes, arrows }: Drawing): boolean {
  return boxes.every((box) => {
    if (box.kind !== 'composite') return true
    const lines = [box.title, ...box.rows.flatMap((row) => row.lines)]
    return lines.every(
      (line) =>
        line.x + line.width <= box.x + box.width && arrows.every(({ points }) => isFree(line, points)),
    )
  })
}

/** True when no part of the arrow along `points` crosses the text. */
function isFree({ x, y, width }: DrawnLine, points: readonly Point[]): boolean {
  return points.slice(1).every((point, index) => {
    const before = points[index] ?? point
    const isBeside = Math.max(point[0], before[0]) < x - 2 || Math.min(point[0], before[0]) > x + width + 2
    const isApart = Math.max(point[1], before[1]) < y - 12 || Math.min(point[1], before[1]) > y + 4
    return isBeside || isApart
  })
}

interface Size {
  readonly width: number
  readonly height: number
}

/**
 * The place of the box `in any state` when no arrow leaves it: right of the chart or below it, so that the result is less
 * elongated.
 */
function placeBeside(plan: Plan, chart: Size): { readonly place: Rectangle; readonly size: Size } {
  const [width, height] = [plan.headWidth(plan.root), plan.headHeight(plan.root)]
  const space = 2 * margin
  const right = {
    place: { x: chart.width + space, y: margin, width, height },
    size: {
      width: chart.width + space + width + margin,
      height: Math.max(chart.height, height + 2 * margin),
    },
  }
  const below = {
    place: { x: margin, y: chart.height + space, width, height },
    size: {
      width: Math.max(chart.width, width + 2 * margin),
      height: chart.height + space + height + margin,
    },
  }
  return longSide(right.size) <= longSide(below.size) ? right : below
}

/** The long side, for a screen with the ratio 3:2. */
function longSide({ width, height }: Size): number {
  return Math.max(width, height * 1.5)
}

function boxOf(plan: Plan, state: ChartState, place: Rectangle): DrawnBox {
  const { x, y, width, height } = place
  const { title, padding, head, lane } = plan.sizes
  return {
    id: state.id,
    x,
    y,
    width,
    height,
    title: titleLine(plan.title(state), x + padding, y + head - padding, title),
    rows: plan.rows(state).at(x + padding, y + height - plan.footHeight(state) + 3),
    kind: state === plan.root ? 'any' : plan.isLeaf(state) ? 'state' : 'composite',
    lane: plan.isLeaf(state)
      ? { x: x + padding, y: y + head, width: width - 2 * padding, height: lane.height }
      : null,
  }
}

function arrowOf(list: readonly DrawnEdge[], edge: ElkExtendedEdge | undefined): DrawnArrow {
  const [first] = list
  if (first?.to == null) throw new Error('an arrow that leads nowhere')
  const label = edge?.labels?.[0]
  return {
    ids: list.map(({ id }) => id),
    from: first.from,
    to: first.to,
    points: pointsOf(edge),
    labels: label === undefined ? [] : labelBlock(list).at((label.x ?? 0) + 3, label.y ?? 0),
  }
}

function pointsOf(edge: ElkExtendedEdge | undefined): Point[] {
  return (edge?.sections ?? []).flatMap(({ startPoint, bendPoints = [], endPoint }) =>
    [startPoint, ...bendPoints, endPoint].map(({ x, y }): Point => [x, y]),
  )
}

function everyNode(node: ElkNode): ElkNode[] {
  return [node, ...(node.children ?? []).flatMap(everyNode)]
}

function rectangleOf({ x = 0, y = 0, width = 0, height = 0 }: ElkNode): Rectangle {
  return { x, y, width, height }
}
