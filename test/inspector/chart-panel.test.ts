/** How the panel of the charts divides its room, and in which words it tells what a role remembers. */
import { describe, expect, test } from 'vitest'
import { charts } from '../../inspector/charts/charts.ts'
import { compactText, contextLines } from '../../inspector/charts/context-lines.ts'
import { type PackedSize, packed, type Shapes } from '../../inspector/charts/packing.ts'
import { headPath, linePath } from '../../inspector/charts/paths.ts'
import { textWidth } from '../../inspector/charts/text-width.ts'

describe('packing', () => {
  const extra = { width: 2, height: 2, gap: 4 }
  const scales = { smallest: 0.9, largest: 1.5 }
  const item = (width: number, height: number): Shapes => ({
    wide: { width, height },
    tall: { width: height, height: width },
  })

  test('what lies beside each other in a wide panel lies above each other in a narrow one', () => {
    const items = [item(100, 100), item(100, 100)]
    const wide = packed(items, { width: 400, height: 120 }, extra, scales)
    const narrow = packed(items, { width: 120, height: 400 }, extra, scales)
    expect(sizeAt(wide, items, extra).width).toBeGreaterThan(200)
    expect(sizeAt(narrow, items, extra).height).toBeGreaterThan(200)
  })

  test('a drawing stands where it would be small lying', () => {
    expect(packed([item(300, 50)], { width: 60, height: 400 }, extra, scales).shapes).toEqual(['tall'])
    expect(packed([item(300, 50)], { width: 400, height: 60 }, extra, scales).shapes).toEqual(['wide'])
  })

  test('what is packed fits, is in order, and is never smaller than can be read', () => {
    const items = [item(900, 220), item(240, 60), item(500, 100), item(370, 110), item(520, 220)]
    for (const width of [500, 700, 854, 1_290, 1_900]) {
      for (const height of [200, 318, 460, 620, 1_000]) {
        const packing = packed(items, { width, height }, extra, scales)
        expect(packing.lines.flat()).toEqual([0, 1, 2, 3, 4])
        expect(packing.scale).toBeGreaterThanOrEqual(scales.smallest)
        expect(packing.scale).toBeLessThanOrEqual(scales.largest)
        const size = sizeAt(packing, items, extra)
        // Too low a panel scrolls; too narrow it is not, as long as one drawing fits at all.
        expect(size.width).toBeLessThanOrEqual(width + 1e-6)
        if (packing.scale > scales.smallest) expect(size.height).toBeLessThanOrEqual(height + 1e-6)
      }
    }
  })

  test('the charts are seen whole, and can be read, in the room that they have at 1280×800, without a deadline, a difference, a read or a snapshot', () => {
    const shown = charts
      .filter(({ name }) => name !== 'timekeeper' && name !== 'auditor' && name !== 'reader')
      .map((chart) => ({ ...chart, ...chart.folded }))
    const legible = 11 / 12
    const room = { width: 886, height: 446 }
    const packing = packed(shown, room, extra, { smallest: legible, largest: 1.5 })
    const size = sizeAt(packing, shown, extra)
    expect(size.width).toBeLessThanOrEqual(room.width)
    expect(size.height).toBeLessThanOrEqual(room.height)
  })

  function sizeAt(
    { lines, shapes, direction, scale }: ReturnType<typeof packed>,
    items: readonly Shapes[],
    around: typeof extra,
  ): PackedSize {
    const sum = (values: readonly number[]) =>
      values.reduce((total, value) => total + value, 0) + (values.length - 1) * around.gap
    const boxes = lines.map((line) =>
      line.map((index) => {
        const { width, height } = items[index]?.[shapes[index] ?? 'wide'] ?? { width: 0, height: 0 }
        return { width: width * scale + around.width, height: height * scale + around.height }
      }),
    )
    const widths = boxes.map((line) => line.map(({ width }) => width))
    const heights = boxes.map((line) => line.map(({ height }) => height))
    return direction === 'rows'
      ? { width: Math.max(...widths.map(sum)), height: sum(heights.map((line) => Math.max(...line))) }
      : { width: sum(widths.map((line) => Math.max(...line))), height: Math.max(...heights.map(sum)) }
  }
})

describe('what a role remembers', () => {
  const request = { uid: 'a@0', seq: 1, command: { kind: 'service', body: { action: 'lock', name: 'x' } } }

  test('ballots, batches and requests are written as in transcripts', () => {
    expect(compactText({ round: 3, node: 1 })).toBe('3.1')
    expect(compactText(null)).toBe('none')
    expect(compactText([])).toBe('none')
    const group = { uid: 'a@0', ackedBelow: 1, heldBy: 0, requests: [{ seq: 1, command: request.command }] }
    expect(compactText({ node: 0, elapsedMs: 7, groups: [group] })).toBe('[a#1 lock x]')
    expect(compactText({ ...request, replyTo: 'a', tag: null })).toBe('a#1 lock x · replyTo a · tag none')
  })

  test('what was shortened on its way is written as far as it is there', () => {
    const shortened = { ...request, command: { kind: 'service', body: '…' } }
    expect(compactText(shortened)).toBe('a#1')
    expect(compactText({ ...request, command: '…' })).toBe('uid a@0 · seq 1 · command …')
    const requests = [{ seq: 1, command: request.command }, '… 4 more']
    const groups = [{ uid: 'a@0', ackedBelow: 1, heldBy: 0, requests }]
    expect(compactText({ node: 0, elapsedMs: 7, groups })).toBe('[a#1 lock x, … 4 more]')
  })

  test('what is long has a line a part, and what is very long ends', () => {
    const promises = [0, 1, 2].map((node) => ({ node, accepted: [], firstUnchosen: 0, other: 'something' }))
    const lines = contextLines({ ballot: { round: 1, node: 0 }, promises })
    expect(lines.map(({ path, depth }) => `${depth} ${path}`)).toEqual([
      '0 ballot',
      '0 promises',
      '1 promises.0',
      '1 promises.1',
      '1 promises.2',
    ])
    const many = contextLines({ list: Array.from({ length: 100 }, (_, index) => `item ${index}`) })
    expect(many.length).toBeLessThan(20)
    expect(many.at(-1)?.text).toBe('88 more')
    expect(contextLines({ text: 'x'.repeat(1_000) })[0]?.text.length).toBeLessThan(300)
    expect(contextLines('no record')).toEqual([])
  })
})

test('a line has rounded corners, and its head points where it goes', () => {
  const points = [
    [0, 0],
    [0, 50],
    [40, 50],
  ] as const
  expect(linePath(points)).toBe('M0 0L0 44Q0 50 6 50L40 50')
  expect(headPath(points)).toBe('M40 50L32 53.5L32 46.5Z')
})

test('a text is as wide as its letters', () => {
  expect(textWidth('ii', 100)).toBe(56)
  expect(textWidth('mm', 100)).toBe(196)
  expect(textWidth('mm', 100, 'bold')).toBeGreaterThan(textWidth('mm', 100))
  expect(textWidth('↻', 12)).toBe(12)
})
