/**
 * A chart, laid out: plain data that the page turns into SVG. It is made of the machines themselves by layout.ts, when the
 * page is built. Lengths are in pixels at a zoom of 1, from the drawing's upper left corner.
 */
import type { RoleName } from '../../machines/inbox.ts'
import type { ChartEdge } from '../../src/core/chart-edges.ts'

/** The id of a machine. */
export type ChartName = RoleName | 'client'

export interface Chart {
  readonly name: ChartName
  readonly states: readonly ChartState[]
  /** In the order in which they are written. */
  readonly edges: readonly DrawnEdge[]
  /** States and arrows, for many charts beside each other: from left to right, and from top to bottom. */
  readonly wide: Drawing
  readonly tall: Drawing
  /** With what is heard, by which guard, and what is then done. */
  readonly full: Drawing
}

/** What is said of a state, wherever it is drawn. */
export interface ChartState {
  /** As src/core/chart-edges.ts names it: `proposer.accepting.helping`. */
  readonly id: string
  /** As `stateName` of src/core/chart-names.ts writes it, `accepting.helping`; empty for the machine itself. */
  readonly name: string
  readonly parent: string | null
  /** The state that it begins in, of those in it. */
  readonly initial: string | null
  readonly description: string
  /** The names of what is done on entry and on exit. */
  readonly entry: readonly string[]
  readonly exit: readonly string[]
  /** Where the rule comes from, if it is from a paper. */
  readonly paper: string | null
}

/** An edge of src/core/chart-edges.ts, without what cannot be written down. */
export type DrawnEdge = Omit<ChartEdge, 'transition'>

export interface Drawing {
  readonly width: number
  readonly height: number
  readonly boxes: readonly DrawnBox[]
  readonly arrows: readonly DrawnArrow[]
  /** Where a machine, or a state with others in it, begins. */
  readonly starts: readonly DrawnStart[]
}

export interface DrawnBox extends Rectangle {
  /** A state's id; the machine's own for the box `in any state`. */
  readonly id: string
  readonly title: DrawnLine
  readonly rows: readonly DrawnText[]
  readonly kind: 'state' | 'composite' | 'any'
  /** Where tokens go; `null` for a box that none is ever in itself. */
  readonly lane: Rectangle | null
}

export interface DrawnArrow {
  /** The edges that it stands for. */
  readonly ids: readonly string[]
  readonly from: string
  readonly to: string
  readonly points: readonly Point[]
  /** One an edge; none in an overview. */
  readonly labels: readonly DrawnText[]
}

export interface DrawnStart {
  readonly dot: Point
  readonly points: readonly Point[]
}

/** What is written of one edge, or of what is done on entry or exit, then without an id. */
export interface DrawnText extends Rectangle {
  readonly id: string | null
  readonly lines: readonly DrawnLine[]
}

export interface DrawnLine {
  readonly x: number
  /** Of the baseline. */
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
