/** The horizontal place of records: by order or by time. A place is in dots or in milliseconds; a scale converts it to pixels. */
import { type LaneModel, leastMs } from '../../model/lanes.ts'

export type AxisKind = 'order' | 'time'

/** The visible part of the lanes. */
export interface Viewport {
  readonly axis: AxisKind
  /** The place at the left edge. */
  readonly left: number
  /** Pixels for a dot, or for a millisecond. */
  readonly scale: number
  /** In pixels. */
  readonly width: number
}

type Places = Pick<LaneModel, 'first' | 'end' | 'orderOf' | 'elapsedOf'>

const scales: Readonly<Record<AxisKind, { least: number; usual: number; most: number }>> = {
  order: { least: 2, usual: 34, most: 160 },
  time: { least: 0.02, usual: 3, most: 400 },
}

/** While the lanes follow the cursor, it stays at this fraction of the width. */
const followedAt = 0.86

/** The factor of one zoom step, by button or key. */
export const zoomStep = 1.4

/** The initial scale of an axis. */
export function usualScale(axis: AxisKind): number {
  return scales[axis].usual
}

/** The place of record `at`. */
export function placeOf(places: Places, axis: AxisKind, at: number): number {
  return axis === 'order' ? places.orderOf(at) : places.elapsedOf(at)
}

/** The place between the last shown record and the next. */
export function cursorPlace(places: Places, axis: AxisKind, cursor: number): number {
  if (axis === 'order') return places.orderOf(cursor) - 0.5
  const next = places.elapsedOf(cursor)
  return Math.min((places.elapsedOf(cursor - 1) + next) / 2, next - leastMs / 2)
}

/** Pixels from the left edge of the view. */
export function xOf(places: Places, viewport: Viewport, at: number): number {
  return (placeOf(places, viewport.axis, at) - viewport.left) * viewport.scale
}

/** The first record that is not left of `place`; the end when all are. */
export function recordAtPlace(places: Places, axis: AxisKind, place: number): number {
  let low = places.first
  let high = places.end
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    if (placeOf(places, axis, middle) < place) low = middle + 1
    else high = middle
  }
  return low
}

/** The visible records, with some more on either side: from the first number to below the second. */
export function recordsInView(places: Places, viewport: Viewport): readonly [number, number] {
  const { axis, left, scale, width } = viewport
  const margin = 30 / scale
  const from = recordAtPlace(places, axis, left - margin)
  return [from, Math.max(from, recordAtPlace(places, axis, left + width / scale + margin))]
}

/** The view moved so that the cursor is at its fixed place. */
export function followed(places: Places, viewport: Viewport, cursor: number): Viewport {
  const { axis, scale, width } = viewport
  const place = cursorPlace(places, axis, cursor)
  const left = Math.max(leftmost(places, viewport), place - (width * followedAt) / scale)
  return { ...viewport, left }
}

/** The view moved as little as needed to show record `at`. */
export function showing(places: Places, viewport: Viewport, at: number): Viewport {
  const margin = Math.min(60, viewport.width / 4)
  const x = xOf(places, viewport, at)
  if (x >= margin && x <= viewport.width - margin) return viewport
  return panned(places, viewport, x < margin ? x - margin : x - (viewport.width - margin))
}

/** The view moved by this many pixels, to the right when positive. It stays where records are. */
export function panned(places: Places, viewport: Viewport, pixels: number): Viewport {
  const { axis, scale, width } = viewport
  const least = leftmost(places, viewport)
  const most = Math.max(least, placeOf(places, axis, places.end) - (width * 0.5) / scale)
  return { ...viewport, left: Math.min(most, Math.max(least, viewport.left + pixels / scale)) }
}

/** The view zoomed in (above 1) or out, with pixel `x` fixed. */
export function zoomed(viewport: Viewport, factor: number, x: number): Viewport {
  const { least, most } = scales[viewport.axis]
  const scale = Math.min(most, Math.max(least, viewport.scale * factor))
  return { ...viewport, scale, left: viewport.left + x / viewport.scale - x / scale }
}

/** The view on the other axis, with the same middle. */
export function turnedTo(places: Places, viewport: Viewport, axis: AxisKind): Viewport {
  if (axis === viewport.axis) return viewport
  const middle = viewport.left + viewport.width / 2 / viewport.scale
  const at = recordAtPlace(places, viewport.axis, middle)
  const scale = usualScale(axis)
  return {
    axis,
    scale,
    width: viewport.width,
    left: placeOf(places, axis, at) - viewport.width / 2 / scale,
  }
}

function leftmost(places: Places, { axis, scale }: Viewport): number {
  return placeOf(places, axis, places.first) - 24 / scale
}
