/** Lines of text with their places: at arrows and in boxes. */
import { grouped } from './chart.ts'
import { doneWords, guardWords, isElse, labelSpans, span, triggerWords } from './chart-text.ts'
import type { ChartState, DrawnEdge, DrawnLine, DrawnText, Span } from './drawing.ts'
import { textWidth } from './text-width.ts'

/** The font sizes of titles (in an overview and in full) and of rows. `chart.css` has the same values. */
export const titleSizes = { overview: 12, full: 14 } as const
const textSize = 12

const lineHeight = 17
/** From the top of a line to its baseline. */
const ascent = 13
const indent = 12
/** The space between two spans of a line. */
const gap = 5
/** The actions of a longer row get their own line. */
const longRow = 290

/** A block of text with its size. `at` places it. */
export interface Block {
  readonly width: number
  readonly height: number
  /** The texts, with the upper left corner of the block at (x, y). */
  at(x: number, y: number): readonly DrawnText[]
}

/** The guard of a longer label gets its own line. */
const longLabel = 145

/** The labels of an arrow, one below the other. */
export function labelBlock(edges: readonly DrawnEdge[]): Block {
  return blockOf(
    edges.map((edge) => {
      const spans = labelSpans(edge)
      const lines = spansWidth(spans) <= longLabel ? [spans] : spans.map((part) => [part])
      return { id: edge.id, lines: lines.map((line) => ({ indent: 0, spans: line })) }
    }),
  )
}

/** The rows of a box: entry and exit actions, and events that do not leave the state. */
export function rowBlock(state: ChartState, edges: readonly DrawnEdge[]): Block {
  return blockOf([
    ...(['entry', 'exit'] as const).flatMap((when) =>
      state[when].length === 0
        ? []
        : [{ id: null, lines: rowLines(0, span('trigger', when), state[when].join(', ')) }],
    ),
    ...grouped(edges, triggerWords).flatMap(triggerRows),
  ])
}

interface Row {
  readonly id: string | null
  readonly lines: readonly { readonly indent: number; readonly spans: readonly Span[] }[]
}

function triggerRows(edges: readonly DrawnEdge[]): readonly Row[] {
  const [first] = edges
  if (first === undefined) return []
  const trigger = triggerWords(first)
  if (edges.length === 1) {
    const spans = [
      ...span('trigger', `${first.reenters ? '↻ ' : ''}${trigger}`),
      ...span('guard', guardWords(first)),
    ]
    return [{ id: first.id, lines: rowLines(0, spans, doneWords(first)) }]
  }
  return [
    { id: null, lines: [{ indent: 0, spans: span('trigger', trigger) }] },
    ...edges.map((edge) => {
      const guard = isElse(edge) ? '[else]' : guardWords(edge)
      return {
        id: edge.id,
        lines: rowLines(1, span('guard', `${edge.reenters ? '↻ ' : ''}${guard}`), doneWords(edge)),
      }
    }),
  ]
}

function rowLines(depth: number, spans: readonly Span[], done: string): Row['lines'] {
  const whole = [...spans, ...span('action', `/ ${done}`)]
  return spansWidth(whole) + depth * indent <= longRow
    ? [{ indent: depth, spans: whole }]
    : [
        { indent: depth, spans },
        { indent: depth + 1, spans: span('action', `/ ${done}`) },
      ]
}

function blockOf(rows: readonly Row[]): Block {
  const widths = rows.map(({ lines }) =>
    Math.max(...lines.map((line) => line.indent * indent + spansWidth(line.spans))),
  )
  return {
    width: Math.ceil(Math.max(0, ...widths)),
    height: rows.reduce((sum, { lines }) => sum + lines.length, 0) * lineHeight,
    at: (x, y) => {
      let top = y
      return rows.map(({ id, lines }, index) => {
        const from = top
        top += lines.length * lineHeight
        return {
          id,
          x,
          y: from,
          width: widths[index] ?? 0,
          height: top - from,
          lines: lines.map((line, place) => ({
            x: x + line.indent * indent,
            y: from + place * lineHeight + ascent,
            width: spansWidth(line.spans),
            spans: line.spans,
          })),
        }
      })
    },
  }
}

/** The title of a box, with the lower left corner of its letters at (x, y). */
export function titleLine(text: string, x: number, y: number, size: number): DrawnLine {
  return { x, y, width: titleWidth(text, size), spans: span('title', text) }
}

/** The width of a title in pixels, at this font size. */
export function titleWidth(text: string, size: number): number {
  return textWidth(text, size, 'bold')
}

function spansWidth(spans: readonly Span[]): number {
  return (
    spans.reduce((sum, { text }) => sum + textWidth(text, textSize), 0) + gap * Math.max(0, spans.length - 1)
  )
}
