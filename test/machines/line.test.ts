import fc from 'fast-check'
import { expect, test } from 'vitest'
import { emptyLine, firstOf, idsOf, type Line, withId, withoutOrders } from '../../machines/line.ts'
import { arrayWork } from '../support/array-work.ts'

/** A line of `count` ids, whose orders are even, so that others fit between them. */
function lineOf(count: number): Line {
  return Array.from({ length: count }, (_, place) => place * 2).reduce<Line>(
    (line, order) => withId(line, order, `${order}`),
    emptyLine,
  )
}

test('stays in order while requests come and go, and changes no earlier line', () => {
  const change = fc.record({ order: fc.nat(400), comes: fc.boolean() })
  fc.assert(
    fc.property(fc.array(change, { maxLength: 600 }), (changes) => {
      let line = emptyLine
      const expected = new Map<number, string>()
      for (const { order, comes } of changes) {
        const before = JSON.stringify(line)
        const next =
          comes && !expected.has(order) ? withId(line, order, `id ${order}`) : withoutOrders(line, [order])
        expect(JSON.stringify(line)).toBe(before)
        if (comes && !expected.has(order)) expected.set(order, `id ${order}`)
        else expected.delete(order)
        line = next
      }
      const ids = [...expected].sort(([a], [b]) => a - b).map(([, id]) => id)
      expect(idsOf(line)).toEqual(ids)
      expect(idsOf(line, 3)).toEqual(ids.slice(0, 3))
      expect(firstOf(line)).toBe(ids[0])
      expect(line.every((stretch) => stretch.length > 0 && stretch.length <= 64)).toBe(true)
    }),
  )
})

test('many leave at once', () => {
  const line = lineOf(1_000)
  const gone = Array.from({ length: 700 }, (_, place) => place * 2)
  expect(idsOf(withoutOrders(line, gone))).toEqual(idsOf(line).slice(700))
  expect(withoutOrders(line, [1, 3, 99_999])).toBe(line)
  expect(withoutOrders(emptyLine, [1])).toBe(emptyLine)
})

test('a change costs little, however many wait', () => {
  const costOf = (count: number) => {
    const line = lineOf(count)
    return [
      arrayWork(() => withId(line, count * 2, 'last')),
      arrayWork(() => withId(line, count + 1, 'between')),
      arrayWork(() => withoutOrders(line, [0])),
    ]
  }
  // A stretch, and a stretch's list: 64 and 20,000 / 64, a few times over.
  for (const cost of costOf(20_000)) expect(cost).toBeLessThan(2_000)
})
