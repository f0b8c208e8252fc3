/** Lines of the charts as SVG paths. */
import type { Point } from './drawing.ts'

/** The radius of a corner, in pixels. */
const radius = 6
const headLength = 8
const headWidth = 7

/** A line through the points, with rounded corners. */
export function linePath(points: readonly Point[]): string {
  const [first, ...rest] = points
  if (first === undefined) return ''
  const parts = [`M${text(first)}`]
  rest.forEach((point, index) => {
    const [before, after] = [points[index] ?? point, rest[index + 1]]
    if (after === undefined) parts.push(`L${text(point)}`)
    else parts.push(`L${text(towards(point, before))}Q${text(point)} ${text(towards(point, after))}`)
  })
  return parts.join('')
}

/** The arrowhead at the last point. */
export function headPath(points: readonly Point[]): string {
  const [tip, before] = [points.at(-1), points.at(-2)]
  if (tip === undefined || before === undefined) return ''
  const length = Math.hypot(tip[0] - before[0], tip[1] - before[1]) || 1
  const [dx, dy] = [(tip[0] - before[0]) / length, (tip[1] - before[1]) / length]
  const foot: Point = [tip[0] - dx * headLength, tip[1] - dy * headLength]
  const side: Point = [(-dy * headWidth) / 2, (dx * headWidth) / 2]
  return `M${text(tip)}L${text([foot[0] + side[0], foot[1] + side[1]])}L${text([foot[0] - side[0], foot[1] - side[1]])}Z`
}

/** The point between `corner` and `other` where the rounding of the corner ends. */
function towards(corner: Point, other: Point): Point {
  const length = Math.hypot(other[0] - corner[0], other[1] - corner[1])
  if (length === 0) return corner
  const part = Math.min(radius, length / 2) / length
  return [corner[0] + (other[0] - corner[0]) * part, corner[1] + (other[1] - corner[1]) * part]
}

function text([x, y]: Point): string {
  return `${Math.round(x * 10) / 10} ${Math.round(y * 10) / 10}`
}
