/**
 * In an overview the name of a chart is in the upper left corner of the drawing. The drawing moves down if that corner is used.
 */

import { chartTitles } from './chart-text.ts'
import type { ChartName, Drawing, DrawnLine, DrawnText, Point, Rectangle } from './drawing.ts'
import { textWidth } from './text-width.ts'

/** The height of the corner, at a zoom of 1. */
const cornerHeight = 20
const cornerMargin = 14

/** The area of a chart's name. */
export function cornerOf(name: ChartName): Rectangle {
  const width = textWidth(chartTitles[name], 13, 'bold') + cornerMargin
  return { x: 0, y: 0, width, height: cornerHeight }
}

/** The drawing with that corner free. */
export function withCorner(drawing: Drawing, name: ChartName): Drawing {
  const corner = cornerOf(name)
  const tops = [
    ...drawing.boxes.map(({ x, y }) => ({ x, y })),
    ...drawing.starts.map(({ dot: [x, y] }) => ({ x: x - 5, y: y - 5 })),
    ...[...drawing.arrows, ...drawing.starts].flatMap(({ points }) =>
      points.slice(1).map((point, index) => topLeft(point, points[index] ?? point)),
    ),
  ]
  const highest = Math.min(cornerHeight, ...tops.filter(({ x }) => x < corner.width).map(({ y }) => y))
  return highest >= cornerHeight ? drawing : movedDown(drawing, Math.ceil(cornerHeight - highest))
}

function topLeft(a: Point, b: Point): { readonly x: number; readonly y: number } {
  return { x: Math.min(a[0], b[0]), y: Math.min(a[1], b[1]) - 2 }
}

function movedDown(drawing: Drawing, by: number): Drawing {
  const point = ([x, y]: Point): Point => [x, y + by]
  const place = <T extends { readonly y: number }>(placed: T): T => ({ ...placed, y: placed.y + by })
  const text = (moved: DrawnText): DrawnText => ({
    ...place(moved),
    lines: moved.lines.map((line): DrawnLine => place(line)),
  })
  return {
    ...drawing,
    height: drawing.height + by,
    boxes: drawing.boxes.map((box) => ({
      ...place(box),
      title: place(box.title),
      rows: box.rows.map(text),
      lane: box.lane === null ? null : place(box.lane),
    })),
    arrows: drawing.arrows.map((arrow) => ({
      ...arrow,
      points: arrow.points.map(point),
      labels: arrow.labels.map(text),
    })),
    starts: drawing.starts.map(({ dot, points }) => ({ dot: point(dot), points: points.map(point) })),
  }
}
