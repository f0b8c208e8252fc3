/** The target of the pointer, and of the arrow keys. */
import type { LaneModel } from '../../model/lanes.ts'
import { type Box, labelBox } from './labels.ts'
import { arrowKey, pointOf, type Scene, type SceneArrow, type SceneDot } from './scene.ts'

/** The pointer hits a line or a dot within this distance, in pixels. */
const reach = 7

export type Hit =
  | { readonly type: 'dot'; readonly dot: SceneDot }
  | { readonly type: 'arrow'; readonly arrow: SceneArrow }

/** The target at that point: dots before labels of arrows before lines, the nearest of several; `null` for none. */
export function hitAt(
  { dots, arrows, labels }: Pick<Scene, 'dots' | 'arrows' | 'labels'>,
  x: number,
  y: number,
): Hit | null {
  const dot = nearest(dots, (other) => Math.hypot(other.x - x, other.y - y))
  if (dot !== null) return { type: 'dot', dot }
  const label = labels.find((other) => isWithin(labelBox(other), x, y))
  const labelled = arrows.find(({ arrow }) => label?.key === arrowKey(arrow.id))
  const arrow = labelled ?? nearest(arrows, (other) => distanceToLine(other, x, y))
  return arrow === null ? null : { type: 'arrow', arrow }
}

function isWithin({ left, right, top, bottom }: Box, x: number, y: number): boolean {
  return x >= left && x <= right && y >= top && y <= bottom
}

function nearest<T>(things: readonly T[], distance: (thing: T) => number): T | null {
  let best: T | null = null
  let bestAway = reach
  for (const thing of things) {
    const away = distance(thing)
    if (away > bestAway) continue
    best = thing
    bestAway = away
  }
  return best
}

function distanceToLine(drawn: SceneArrow, x: number, y: number): number {
  const { arrow, x1, y1, x2, y2, bend } = drawn
  // A message to itself is a loop above the dot.
  if (arrow.kind === 'own') return Math.max(0, Math.hypot(x - x1, y - (y1 - 10)) - 4)
  const [dx, dy] = [x2 - x1, y2 - y1]
  const length = dx * dx + dy * dy
  if (bend === 0) {
    const part = length === 0 ? 0 : Math.min(1, Math.max(0, ((x - x1) * dx + (y - y1) * dy) / length))
    return Math.hypot(x - (x1 + part * dx), y - (y1 + part * dy))
  }
  // A bent line has a constant vertical speed.
  const part = Math.min(1, Math.max(0, (y - y1) / dy))
  const point = pointOf(drawn, part)
  return Math.hypot(x - point.x, y - point.y)
}

/** The next dot after record `at`, or the one before it, on any lane; `null` for none. */
export function dotBeside(
  model: Pick<LaneModel, 'first' | 'end' | 'dot'>,
  at: number,
  by: 1 | -1,
): number | null {
  for (let next = at + by; next >= model.first && next < model.end; next += by) {
    if (model.dot(next) !== null) return next
  }
  return null
}

/** Above (-1) or below (1) the lane of record `at`: the nearest dot of the first lane that has any. */
export function dotInNextLane({ dots }: Pick<Scene, 'dots'>, at: number, by: 1 | -1): number | null {
  const here = dots.find(({ dot }) => dot.at === at)
  if (here === undefined) return null
  const beyond = dots.filter(({ y }) => (y - here.y) * by > 0)
  const laneY = by * Math.min(...beyond.map(({ y }) => y * by))
  const inLane = beyond.filter(({ y }) => y === laneY)
  return inLane.sort((a, b) => Math.abs(a.x - here.x) - Math.abs(b.x - here.x))[0]?.dot.at ?? null
}
