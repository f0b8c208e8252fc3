import fc from 'fast-check'
import { expect, test } from 'vitest'
import { NumberList, StateTable } from '../../src/checker/state-table.ts'

const rows = fc.array(fc.tuple(fc.nat({ max: 40 }), fc.nat({ max: 40 }), fc.integer()), { maxLength: 4_000 })

test('a row is new once, and is kept as it was, in the order of arrival', () => {
  fc.assert(
    fc.property(rows, (added) => {
      const table = new StateTable(3)
      const kept = new Map<string, readonly number[]>()
      for (const row of added) {
        expect(table.add(Int32Array.from(row))).toBe(!kept.has(row.join()))
        kept.set(row.join(), row)
      }
      expect(table.size).toBe(kept.size)
      const read = new Int32Array(3)
      for (const [index, row] of [...kept.values()].entries()) {
        table.read(index, read)
        expect([...read]).toEqual(row)
      }
    }),
    { numRuns: 20 },
  )
})

test('a list of numbers grows, and has nothing beyond its end', () => {
  const list = new NumberList()
  for (let number = 0; number < 3_000; number += 1) list.add(number * 3)
  expect([0, 1_500, 2_999].map((index) => list.at(index))).toEqual([0, 4_500, 8_997])
  expect(() => list.at(3_000)).toThrow(RangeError)
})
