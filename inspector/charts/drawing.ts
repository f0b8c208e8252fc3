/**
 * The layout of a chart: plain data that the page draws as SVG. layout.ts computes it from the machines when the page is built.
 * Lengths are in pixels at a zoom of 1, from the upper left corner of the drawing.
 */
import type { RoleName } from '../../machines/inbox.ts'
import type { ChartEdge } from '../../src/core/chart-edges.ts'

/** The id of a machine. */
export type ChartName = RoleName | 'client'

export interface Chart {
  readonly name: ChartName
  readonly states: readonly ChartState[]
  /** In the order of their definition. */
  readonly edges: readonly DrawnEdge[]
  /** States and arrows only, for several charts side by side: from left to right, and from top to bottom. */
  readonly wide: Drawing
  readonly tall: Drawing
  /** The same with a seldom entered composite state drawn as one box; `null` for charts without such a state. */
  readonly folded: Folded | null
  /** With all events, guards and actions. */
  readonly full: Drawing
}

export interface Folded {
  /** The id of the state that is drawn as one box. */
  readonly state: string
  readonly wide: Drawing
  readonly tall: Drawing
}

/** The texts of a state, for any drawing. */
export interface ChartState {
  /** As src/core/chart-edges.ts names it: `proposer.accepting.helping`. */
  readonly id: string
  /** As `stateName` of src/core/chart-names.ts writes it, `accepting.helping`; empty for the machine itself. */
  readonly name: string
  readonly parent: string | null
  /** Its initial child state. */
  readonly initial: string | null
  readonly description: string
  /** The names of its entry and exit actions. */
  readonly entry: readonly string[]
  readonly exit: readonly string[]
  /** The source of the rule, if it is from a paper. */
  readonly paper: string | null
}

/** An edge of src/core/chart-edges.ts, without the parts that are not data. */
export type DrawnEdge = Omit<ChartEdge, 'transition'>

export interface Drawing {
  readonly width: number
  readonly height: number
  readonly boxes: readonly DrawnBox[]
  readonly arrows: readonly DrawnArrow[]
  /** The starting point of a machine, or of a state with child states. */
  readonly starts: readonly DrawnStart[]
}

export interface DrawnBox extends Rectangle {
  /** A state's id; the machine's own for the box `in any state`. */
  readonly id: string
  readonly title: DrawnLine
  readonly rows: readonly DrawnText[]
  readonly kind: 'state' | 'composite' | 'any'
  /** The place of the tokens; `null` for a box that never has any. */
  readonly lane: Rectangle | null
}

export interface DrawnArrow {
  /** The edges that it stands for. */
  readonly ids: readonly string[]
  readonly from: string
  readonly to: string
  readonly points: readonly Point[]
  /** One for each edge; none in an overview. */
  readonly labels: readonly DrawnText[]
}

export interface DrawnStart {
  readonly dot: Point
  readonly points: readonly Point[]
}

/** The text of one edge, or of entry or exit actions; those have no id. */
export interface DrawnText extends Rectangle {
  readonly id: string | null
  readonly lines: readonly DrawnLine[]
}

export interface DrawnLine {
  readonly x: number
  /** The y of the baseline. */
  readonly y: number
  readonly width: number
  readonly spans: readonly Span[]
}

export interface Span {
  readonly kind: 'title' | 'trigger' | 'guard' | 'action'
  readonly text: string
}

export interface Rectangle {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

export type Point = readonly [x: number, y: number]
