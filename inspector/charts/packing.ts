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

/** The packing of the largest scale, at most `maxScale`, into `panel`, in the order that is given. */
export function packed(items: readonly Shapes[], panel: PackedSize, extra: Extra, maxScale: number): Packing {
  let best: Packing = {
    scale: 0,
    lines: [items.map((_, index) => index)],
    direction: 'rows',
    shapes: items.map(() => 'wide' as const),
  }
  const lineups = partitions(items.length)
  for (let bits = 0; bits < 2 ** items.length; bits += 1) {
    const shapes = items.map((_, index) => ((bits >> index) & 1 ? 'tall' : 'wide'))
    const sizes = items.map((item, index) => item[shapes[index] ?? 'wide'])
    for (const lines of lineups) {
      for (const direction of ['rows', 'columns'] as const) {
        const scale = Math.min(maxScale, scaleOf(lines, direction, sizes, panel, extra))
        if (scale > best.scale + 1e-9) best = { scale, lines, direction, shapes }
      }
    }
  }
  return best
}

function scaleOf(
  lines: readonly (readonly number[])[],
  direction: Packing['direction'],
  sizes: readonly PackedSize[],
  panel: PackedSize,
  extra: Extra,
): number {
  const isRows = direction === 'rows'
  const along = isRows ? 'width' : 'height'
  const across = isRows ? 'height' : 'width'
  const alongScales = lines.map((line) => {
    const drawn = line.reduce((sum, index) => sum + (sizes[index]?.[along] ?? 0), 0)
    return (panel[along] - line.length * extra[along] - (line.length - 1) * extra.gap) / drawn
  })
  const thickness = lines.reduce(
    (sum, line) => sum + Math.max(...line.map((index) => sizes[index]?.[across] ?? 0)),
    0,
  )
  const acrossScale =
    (panel[across] - lines.length * extra[across] - (lines.length - 1) * extra.gap) / thickness
  return Math.min(acrossScale, ...alongScales)
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
