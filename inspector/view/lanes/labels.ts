/** Places the labels so that none covers another. */

/** A label with the possible places of its middle, in pixels. The first free place is used. */
export interface LabelWish {
  readonly key: string
  /** Its CSS class. */
  readonly className: string
  readonly text: string
  readonly places: readonly { readonly x: number; readonly y: number }[]
}

export interface PlacedLabel {
  readonly key: string
  /** Its CSS class. */
  readonly className: string
  readonly text: string
  /** The middle of the text. */
  readonly x: number
  readonly y: number
}

export interface Box {
  readonly left: number
  readonly right: number
  readonly top: number
  readonly bottom: number
}

/** The width of a letter. Labels use a monospaced font of 11 pixels. */
const letterWidth = 6.7
const halfHeight = 7
const rowHeight = 16

/** The box that a label covers. */
export function labelBox({ text, x, y }: Pick<PlacedLabel, 'text' | 'x' | 'y'>): Box {
  const half = (text.length * letterWidth) / 2 + 2
  return { left: x - half, right: x + half, top: y - halfHeight, bottom: y + halfHeight }
}

/** True when the boxes overlap. */
export function boxesOverlap(a: Box, b: Box): boolean {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom
}

/** Places the labels within `bounds`, so that they avoid `taken` and the labels before them. */
export function placeLabels(
  wishes: readonly LabelWish[],
  bounds: Box,
  taken: readonly Box[] = [],
): readonly PlacedLabel[] {
  const rows = new Rows()
  for (const box of taken) rows.add(box)
  return wishes.flatMap(({ places, ...wish }) => {
    for (const { x, y } of places) {
      const label = { ...wish, x, y }
      const box = labelBox(label)
      if (!isWithin(box, bounds) || rows.hasOverlap(box)) continue
      rows.add(box)
      return [label]
    }
    return []
  })
}

function isWithin(box: Box, bounds: Box): boolean {
  return (
    box.left >= bounds.left &&
    box.right <= bounds.right &&
    box.top >= bounds.top &&
    box.bottom <= bounds.bottom
  )
}

/** Boxes by the rows that they touch, so that each is compared with few others. */
class Rows {
  readonly #rows = new Map<number, Box[]>()

  add(box: Box): void {
    for (const row of rowsOf(box)) {
      const boxes = this.#rows.get(row)
      if (boxes === undefined) this.#rows.set(row, [box])
      else boxes.push(box)
    }
  }

  hasOverlap(box: Box): boolean {
    return rowsOf(box).some((row) => this.#rows.get(row)?.some((other) => boxesOverlap(box, other)) ?? false)
  }
}

function rowsOf({ top, bottom }: Box): number[] {
  const first = Math.floor(top / rowHeight)
  return Array.from({ length: Math.floor(bottom / rowHeight) - first + 1 }, (_, row) => first + row)
}
