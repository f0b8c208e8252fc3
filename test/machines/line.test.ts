import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  emptyLine,
  firstOf,
  type Line,
  lineFault,
  type Place,
  placesOf,
  withoutOrders,
  withPlace,
  withPlaces,
} from '../../machines/line.ts'
import { arrayWork } from '../support/array-work.ts'

function placeAt(order: number): Place {
  return [order, `client ${order % 7}`, order]
}

/** A line of `count` places, whose orders are even, so that others fit between them. */
function lineOf(count: number): Line {
  return withPlaces(
    emptyLine,
    Array.from({ length: count }, (_, place) => placeAt(place * 2)),
  )
}

const orders = fc.nat(400)
const change = fc.oneof(
  fc.record({ kind: fc.constant('one' as const), order: orders }),
  fc.record({ kind: fc.constant('several' as const), from: orders, count: fc.integer({ min: 0, max: 150 }) }),
  fc.record({ kind: fc.constant('gone' as const), gone: fc.array(orders, { maxLength: 40 }) }),
)

test('stays in order while requests come and go, one or several at a time, and changes no earlier line', () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
      let line = emptyLine
      const expected = new Set<number>()
      for (const one of changes) {
        const before = JSON.stringify(line)
        let next = line
        if (one.kind === 'one' && !expected.has(one.order)) {
          next = withPlace(line, placeAt(one.order))
          expected.add(one.order)
        } else if (one.kind === 'several') {
          const fresh = Array.from({ length: one.count }, (_, place) => one.from + place).filter(
            (order) => !expected.has(order),
          )
          next = withPlaces(line, fresh.map(placeAt))
          for (const order of fresh) expected.add(order)
        } else if (one.kind === 'gone') {
          next = withoutOrders(line, new Set(one.gone))
          for (const order of one.gone) expected.delete(order)
        }
        expect(JSON.stringify(line)).toBe(before)
        line = next
        expect(lineFault(line)).toBeNull()
      }
      const places = [...expected].sort((a, b) => a - b).map(placeAt)
      expect(placesOf(line)).toEqual(places)
      expect(placesOf(line, 3)).toEqual(places.slice(0, 3))
      expect(firstOf(line)).toEqual(places[0])
      expect(line.every((stretch) => stretch.length > 0 && stretch.length <= 64)).toBe(true)
    }),
  )
})

test('places that follow fill the last stretch, and begin new ones', () => {
  const line = withPlaces(
    lineOf(60),
    Array.from({ length: 100 }, (_, place) => placeAt(1_000 + place)),
  )
  expect(line.map(({ length }) => length)).toEqual([64, 64, 32])
  expect(withPlaces(line, [])).toBe(line)
})

test('many leave at once', () => {
  const line = lineOf(1_000)
  const gone = Array.from({ length: 700 }, (_, place) => place * 2)
  expect(placesOf(withoutOrders(line, new Set(gone)))).toEqual(placesOf(line).slice(700))
  expect(withoutOrders(line, new Set([1, 3, 99_999]))).toBe(line)
  expect(withoutOrders(line, new Set())).toBe(line)
  expect(withoutOrders(emptyLine, new Set([1]))).toBe(emptyLine)
})

test('a change costs little, however many wait', () => {
  const costOf = (count: number) => {
    const line = lineOf(count)
    return [
      arrayWork(() => withPlace(line, placeAt(count * 2))),
      arrayWork(() => withPlace(line, placeAt(count + 1))),
      arrayWork(() => withPlaces(line, [placeAt(count * 2), placeAt(count * 2 + 1)])),
      arrayWork(() => withoutOrders(line, new Set([0]))),
    ]
  }
  // A stretch, and a stretch's list: 64 and 20,000 / 64, a few times over.
  for (const cost of costOf(20_000)) expect(cost).toBeLessThan(2_000)
})
