/**
 * Requests in the order of arrival, as immutable plain JSON. They are stored in short stretches, so that a change copies a few
 * stretches and the list of stretches instead of all places.
 */
export type Line = readonly Stretch[]

/** Invariant: not empty, in order, and all orders below those of the next stretch. */
type Stretch = readonly Place[]

/** The place of a request, which its uid and its seq identify. */
export type Place = readonly [order: number, uid: string, seq: number]

const longestStretch = 64

/** A line without places. */
export const emptyLine: Line = []

/** The line with `places`, which are in order; no other place in it has one of their orders. */
export function withPlaces(line: Line, places: readonly Place[]): Line {
  const first = places[0]
  if (first === undefined) return line
  const last = line.at(-1)?.at(-1)
  if (last !== undefined && last[0] > first[0]) return places.reduce(withPlace, line)
  const longer = line.slice()
  const end = longer.at(-1)
  let taken = 0
  if (end !== undefined && end.length < longestStretch) {
    taken = longestStretch - end.length
    longer[longer.length - 1] = [...end, ...places.slice(0, taken)]
  }
  for (; taken < places.length; taken += longestStretch) {
    longer.push(places.slice(taken, taken + longestStretch))
  }
  return longer
}

/** The line with `added` at its place; no other place in it has the same order. */
export function withPlace(line: Line, added: Place): Line {
  const [order] = added
  const at = stretchOf(line, order)
  const stretch = line[at]
  if (stretch === undefined) return [[added]]
  const place = placeOf(stretch, order)
  const longer = stretch.toSpliced(place, 0, added)
  if (longer.length <= longestStretch) return line.with(at, longer)
  // At the end of the line, the new place starts a new stretch, so that the earlier stretches stay full.
  const half = place === stretch.length ? place : longestStretch >> 1
  return line.toSpliced(at, 1, longer.slice(0, half), longer.slice(half))
}

/** The line without the places of the given orders. Unknown orders are ignored. */
export function withoutOrders(line: Line, orders: ReadonlySet<number>): Line {
  if (orders.size === 0 || line.length === 0) return line
  const touched = new Set<number>()
  for (const order of orders) touched.add(stretchOf(line, order))
  let isChanged = false
  const left = line.map((stretch, at) => {
    if (!touched.has(at)) return stretch
    const kept = stretch.filter(([order]) => !orders.has(order))
    if (kept.length === stretch.length) return stretch
    isChanged = true
    return kept
  })
  return isChanged ? left.filter(({ length }) => length > 0) : line
}

/** How `line` violates the invariant of its stretches; `null` when it does not. */
export function lineFault(line: Line): string | null {
  let last = Number.NEGATIVE_INFINITY
  for (const stretch of line) {
    if (stretch.length === 0) return 'a stretch of a line is empty'
    for (const [order, uid, seq] of stretch) {
      if (order <= last) return `${seq}:${uid} is behind one that arrived later or at the same time`
      last = order
    }
  }
  return null
}

/** The place of the request that has waited longest. */
export function firstOf(line: Line): Place | undefined {
  return line[0]?.[0]
}

/** The places, in order: all of them, or the first `count`. */
export function placesOf(line: Line, count = Number.POSITIVE_INFINITY): Place[] {
  const places: Place[] = []
  for (const stretch of line) {
    for (const place of stretch) {
      if (places.length === count) return places
      places.push(place)
    }
  }
  return places
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
