import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  countBelow,
  drop,
  emptyMap,
  entriesFrom,
  entriesOf,
  get,
  has,
  mapOf,
  mapOfKeys,
  put,
  type SortedMap,
  sizeOf,
} from '../../src/services/sorted-map.ts'
import { deepFreeze } from '../../src/testing.ts'

const key = fc.oneof(fc.constantFrom('a', 'b', 'c', '__proto__', '', 'ä', '\u{1f512}'), fc.string())
const change = fc.oneof(fc.record({ key, value: fc.integer() }), fc.record({ key, value: fc.constant(null) }))

/** The height of the tree; throws where a node is out of order, miscounted or out of balance. */
function checkedHeight<V>(map: SortedMap<V>): number {
  if (map === null) return 0
  const { left, right, size, key } = map
  expect(size).toBe(sizeOf(left) + sizeOf(right) + 1)
  if (left !== null) expect(left.key < key).toBe(true)
  if (right !== null) expect(key < right.key).toBe(true)
  const [small, large] = [sizeOf(left) + 1, sizeOf(right) + 1].sort((a, b) => a - b) as [number, number]
  expect(large).toBeLessThanOrEqual(3 * small)
  return 1 + Math.max(checkedHeight(left), checkedHeight(right))
}

test('does what a Map does, stays balanced and writes into no map of before', () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 200 }), (changes) => {
      const model = new Map<string, number>()
      let map: SortedMap<number> = emptyMap
      for (const { key, value } of changes) {
        if (value === null) model.delete(key)
        else model.set(key, value)
        map = value === null ? drop(map, key) : put(map, key, value)
        deepFreeze(map)
        expect(get(map, key)).toBe(model.get(key))
        expect(has(map, key)).toBe(model.has(key))
      }
      checkedHeight(map)
      const inOrder = [...model].sort(([a], [b]) => (a < b ? -1 : 1))
      expect(entriesOf(map)).toEqual(inOrder)
      expect(entriesOf(map, 3)).toEqual(inOrder.slice(0, 3))
      for (const from of ['', 'a', 'b', ...model.keys()]) {
        const rest = inOrder.filter(([key]) => key >= from)
        expect(entriesFrom(map, from)).toEqual(rest)
        expect(entriesFrom(map, from, 2)).toEqual(rest.slice(0, 2))
        expect(countBelow(map, from)).toBe(model.size - rest.length)
      }
      expect(sizeOf(map)).toBe(model.size)
      for (const given of [
        inOrder,
        inOrder.toReversed(),
        [...inOrder.map(([key]) => [key, -1] as const), ...model],
      ]) {
        const made = mapOf(given)
        checkedHeight(made)
        expect(entriesOf(made)).toEqual(inOrder)
        const keys = given.map(([key]) => key)
        const ofKeys = mapOfKeys(keys, (key, place) => [key, given[place]?.[1]])
        expect(ofKeys).toEqual(mapOf(given.map(([key, value]) => [key, [key, value]])))
      }
    }),
  )
})

describe('any order of keys', () => {
  test.each([
    ['rising', (place: number) => place],
    ['falling', (place: number) => 20_000 - place],
    ['from both ends', (place: number) => (place % 2 === 0 ? place : 20_000 - place)],
  ])('%s: the height is logarithmic', (_, numberAt) => {
    let map: SortedMap<number> = emptyMap
    for (let place = 0; place < 10_000; place += 1) {
      map = put(map, String(numberAt(place)).padStart(6, '0'), place)
    }
    expect(checkedHeight(map)).toBeLessThan(2.5 * Math.log2(10_000))
    for (let place = 0; place < 10_000; place += 3) map = drop(map, String(numberAt(place)).padStart(6, '0'))
    expect(checkedHeight(map)).toBeLessThan(2.5 * Math.log2(10_000))
  })
})

test('to drop what is not there gives the very same map', () => {
  const map = mapOf([
    ['a', 1],
    ['c', 2],
  ])
  expect(drop(map, 'b')).toBe(map)
})
