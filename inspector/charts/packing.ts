/** Puts several drawings into one panel, in rows or in columns, each lying or standing, so that they are as large as can be. */

export interface PackedSize {
  readonly width: number
  readonly height: number
}

/** How one drawing can be shown: from left to right, or from top to bottom. */
export interface Shapes {
  readonly wide: PackedSize
  readonly tall: PackedSize
}

export interface Packing {
  readonly scale: number
  /** The places in the list of what was packed, a line each: rows from top to bottom, or columns from left to right. */
  readonly lines: readonly (readonly number[])[]
  readonly direction: 'rows' | 'columns'
  /** Which shape each has. */
  readonly shapes: readonly (keyof Shapes)[]
}

/** What is beside the drawings, in pixels, whatever their scale. */
export interface Extra {
  /** Of the panel around each: its caption, border and padding. */
  readonly width: number
  readonly height: number
  readonly gap: number
}

/**
 * The packing of the largest scale, at most `largest`, into `panel`, in the order that is given. Where not even `smallest` fits,
 * the one that is least high at that scale, so that the panel has to scroll one way only.
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
  // A little more is not worth a change.
  return rest.reduce((best, other) => (other.worth > best.worth + 1e-9 ? other : best), first).item
}

/** The largest scale at which it fits. */
function scaleOf(packing: Arrangement, items: readonly Shapes[], panel: PackedSize, extra: Extra): number {
  const drawn = sizeOf(packing, items, 1, { width: 0, height: 0, gap: 0 })
  const around = sizeOf(packing, items, 0, extra)
  // What stands around the drawings is not the longest line's only: this is a little less than what fits, never more.
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

/** All ways to break a list of `count` into lines. */
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
