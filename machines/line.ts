/**
 * Ids in the order of arrival, as immutable plain JSON. They are stored in short stretches, so that a change copies one stretch
 * and the list of stretches instead of all ids.
 */
export type Line = readonly Stretch[]

/** Invariant: not empty, in order, and all orders below those of the next stretch. */
type Stretch = readonly Place[]

type Place = readonly [order: number, id: string]

const longestStretch = 64

/** A line without ids. */
export const emptyLine: Line = []

/** The line with `id` at its place; no other id in it has the same `order`. */
export function withId(line: Line, order: number, id: string): Line {
  const at = stretchOf(line, order)
  const stretch = line[at]
  if (stretch === undefined) return [[[order, id]]]
  const place = placeOf(stretch, order)
  const longer = stretch.toSpliced(place, 0, [order, id])
  if (longer.length <= longestStretch) return line.with(at, longer)
  // At the end of the line, the new id starts a new stretch, so that the earlier stretches stay full.
  const half = place === stretch.length ? place : longestStretch >> 1
  return line.toSpliced(at, 1, longer.slice(0, half), longer.slice(half))
}

/** The line without the ids of the given orders. Unknown orders are ignored. */
export function withoutOrders(line: Line, orders: readonly number[]): Line {
  const left = line.slice()
  for (const order of orders) {
    const at = stretchOf(line, order)
    const stretch = left[at] ?? []
    const place = placeOf(stretch, order)
    if (stretch[place]?.[0] === order) left[at] = stretch.toSpliced(place, 1)
  }
  return left.some((stretch, at) => stretch !== line[at]) ? left.filter(({ length }) => length > 0) : line
}

/** How `line` violates the invariant of its stretches; `null` when it does not. */
export function lineFault(line: Line): string | null {
  let last = Number.NEGATIVE_INFINITY
  for (const stretch of line) {
    if (stretch.length === 0) return 'a stretch of a line is empty'
    for (const [order, id] of stretch) {
      if (order <= last) return `${id} is behind one that arrived later or at the same time`
      last = order
    }
  }
  return null
}

/** The id that has waited longest. */
export function firstOf(line: Line): string | undefined {
  return line[0]?.[0]?.[1]
}

/** The ids, in order: all of them, or the first `count`. */
export function idsOf(line: Line, count = Number.POSITIVE_INFINITY): string[] {
  const ids: string[] = []
  for (const stretch of line) {
    for (const [, id] of stretch) {
      if (ids.length === count) return ids
      ids.push(id)
    }
  }
  return ids
}

/** The stretch that contains `order`, or would contain it: the last that does not begin after it. */
function stretchOf(line: Line, order: number): number {
  let low = 0
  let high = line.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if ((line[middle]?.[0]?.[0] ?? 0) <= order) low = middle
    else high = middle - 1
  }
  return low
}

/** The first place of the stretch that does not come before `order`. */
function placeOf(stretch: Stretch, order: number): number {
  let low = 0
  let high = stretch.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((stretch[middle]?.[0] ?? 0) < order) low = middle + 1
    else high = middle
  }
  return low
}
