/** Packs several drawings into one panel, in rows or in columns, each wide or tall, at the largest possible scale. */

export interface PackedSize {
  readonly width: number
  readonly height: number
}

/** The two shapes of a drawing: from left to right, or from top to bottom. */
export interface Shapes {
  readonly wide: PackedSize
  readonly tall: PackedSize
}

export interface Packing {
  readonly scale: number
  /** The indexes of the packed items, line by line: rows from top to bottom, or columns from left to right. */
  readonly lines: readonly (readonly number[])[]
  readonly direction: 'rows' | 'columns'
  /** The shape of each. */
  readonly shapes: readonly (keyof Shapes)[]
}

/** The space around the drawings, in pixels, at any scale. */
export interface Extra {
  /** Around each drawing: its caption, border and padding. */
  readonly width: number
  readonly height: number
  readonly gap: number
}

/**
 * The packing of `items`, in the given order, into `panel` at the largest scale, at most `largest`. If even `smallest` does not
 * fit: the packing with the least height at that scale, so that the panel scrolls in one direction only.
 */
export function packed(
  items: readonly Shapes[],
  panel: PackedSize,
  extra: Extra,
  { smallest, largest }: { readonly smallest: number; readonly largest: number },
): Packing {
  const all = packings(items)
  const best = mostOf(all, (packing) => scaleOf(packing, items, panel, extra))
  const scale = scaleOf(best, items, panel, extra)
  if (scale >= smallest) return { ...best, scale: Math.min(scale, largest) }
  const narrow = mostOf(all, (packing) => {
    const { width, height } = sizeOf(packing, items, smallest, extra)
    return -Math.max(0, width - panel.width) * 1_000 - height
  })
  return { ...narrow, scale: smallest }
}

type Arrangement = Omit<Packing, 'scale'>

function packings(items: readonly Shapes[]): readonly Arrangement[] {
  const lineups = partitions(items.length)
  return Array.from({ length: 2 ** items.length }, (_, bits) =>
    items.map((_, index): keyof Shapes => ((bits >> index) & 1 ? 'tall' : 'wide')),
  ).flatMap((shapes) =>
    lineups.flatMap((lines) => [
      { lines, shapes, direction: 'rows' as const },
      { lines, shapes, direction: 'columns' as const },
    ]),
  )
}

function mostOf<T>(items: readonly T[], worth: (item: T) => number): T {
  const [first, ...rest] = items.map((item) => ({ item, worth: worth(item) }))
  if (first === undefined) throw new Error('there is nothing to choose from')
  // A negligible gain is not worth a change.
  return rest.reduce((best, other) => (other.worth > best.worth + 1e-9 ? other : best), first).item
}

/** The largest scale at which it fits. */
function scaleOf(packing: Arrangement, items: readonly Shapes[], panel: PackedSize, extra: Extra): number {
  const drawn = sizeOf(packing, items, 1, { width: 0, height: 0, gap: 0 })
  const around = sizeOf(packing, items, 0, extra)
  // The space around the drawings may belong to another line than the longest, so this scale may be a little too small, but never
  // too large.
  return Math.min((panel.width - around.width) / drawn.width, (panel.height - around.height) / drawn.height)
}

function sizeOf(
  { lines, shapes, direction }: Arrangement,
  items: readonly Shapes[],
  scale: number,
  extra: Extra,
): PackedSize {
  const sizes = items.map((item, index) => {
    const { width, height } = item[shapes[index] ?? 'wide']
    return { width: width * scale + extra.width, height: height * scale + extra.height }
  })
  const [along, across] =
    direction === 'rows' ? (['width', 'height'] as const) : (['height', 'width'] as const)
  const gaps = (count: number) => (count - 1) * extra.gap
  const measured = lines.map((line) => ({
    along: line.reduce((sum, index) => sum + (sizes[index]?.[along] ?? 0), gaps(line.length)),
    across: Math.max(...line.map((index) => sizes[index]?.[across] ?? 0)),
  }))
  const long = Math.max(...measured.map((line) => line.along))
  const thick = measured.reduce((sum, line) => sum + line.across, gaps(lines.length))
  return direction === 'rows' ? { width: long, height: thick } : { width: thick, height: long }
}

/** All ways to break a list of `count` items into lines. */
function partitions(count: number): readonly (readonly (readonly number[])[])[] {
  return Array.from({ length: 2 ** Math.max(0, count - 1) }, (_, bits) => {
    const lines: number[][] = [[]]
    for (let index = 0; index < count; index += 1) {
      if (index > 0 && (bits >> (index - 1)) & 1) lines.push([])
      lines.at(-1)?.push(index)
    }
    return lines
  })
}
