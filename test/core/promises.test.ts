import { expect, test } from 'vitest'
import { holdsPromise } from '../../src/core/promises.ts'
import { SortedMapNode } from '../../src/core/sorted-map-node.ts'
import { emptyMap, mapOf, put, type SortedMap } from '../../src/services/sorted-map.ts'
import { deepFreeze } from '../../src/testing.ts'

const promise = Promise.resolve()

/** Places for a value, from a plain object to ones that only the full search reads. */
const places: Readonly<Record<string, (value: unknown) => object>> = {
  'a plain object': (value) => ({ a: 1, b: value }),
  'an object without a prototype': (value) => Object.assign(Object.create(null), { value }),
  'a list': (value) => [null, value],
  'a list of a hundred elements': (value) => [...Array.from({ length: 100 }, () => 0), value],
  'a Map': (value) => new Map([['a', value]]),
  'a Set': (value) => new Set([value]),
  'an instance of a class': (value) => Object.assign(new Error('e'), { value }),
  'a sorted map': (value) => put(put<unknown>(emptyMap, 'b', 1), 'a', value),
  'a sorted map of entries': (value) => ({ map: mapOf([['a', value] as const, ['b', 1]]) }),
  'a function': (value) => Object.assign(() => undefined, { value }),
  'a place after one that cannot be read': (value) => ({
    get a() {
      throw new Error('unreadable')
    },
    b: value,
  }),
  'an object that holds itself': (value) => {
    const self: Record<string, unknown> = { value }
    self.self = self
    return self
  },
}

const both = Object.keys(places).flatMap((outer) =>
  Object.keys(places).map((inner) => [outer, inner] as const),
)

test.each(both)('in %s, in it %s', (outer, inner) => {
  const within = (value: unknown) => places[outer]?.(places[inner]?.(value))
  expect(holdsPromise(within(promise))).toBe(true)
  expect(holdsPromise(within({ than: 1, text: 'none' }))).toBe(false)
  expect(holdsPromise(within({ deeper: [{ promise }] }))).toBe(true)
})

test('the unchanged part is not searched', () => {
  const before = { old: { promise }, next: { list: [1] } }
  expect(holdsPromise({ ...before, next: { list: [2] } }, before)).toBe(false)
  expect(holdsPromise({ ...before, next: { list: [promise] } }, before)).toBe(true)
  expect(holdsPromise(before, before)).toBe(false)
})

test('of a large new part, the uppermost thousand objects are searched', () => {
  const wide = (count: number, last: object) => ({
    list: [...Array.from({ length: count }, () => ({})), last],
  })
  expect(holdsPromise(wide(900, { promise }))).toBe(true)
  expect(holdsPromise(wide(1_100, { promise }))).toBe(false)
  let deep: object = { promise }
  for (let depth = 0; depth < 600; depth += 1) deep = { deep }
  expect(holdsPromise(deep)).toBe(true)
  for (let depth = 0; depth < 600; depth += 1) deep = { deep }
  expect(holdsPromise(deep)).toBe(false)
})

/** The nodes of `map` that no search has visited. */
function unsearchedOf(map: SortedMap<unknown>): number {
  if (!(map instanceof SortedMapNode)) return 0
  return Number(!map.isSearched) + unsearchedOf(map.left) + unsearchedOf(map.right)
}

test('of a sorted map, only what is new is searched, wherever the rest of it stands', () => {
  const keys = Array.from({ length: 3_000 }, (_, number) => String(number).padStart(4, '0'))
  let map: SortedMap<unknown> = mapOf(keys.slice(0, 1_000).map((key) => [key, { list: [key] }] as const))
  expect(unsearchedOf(map)).toBe(0)
  for (const key of keys.slice(1_000)) {
    // Each key goes to the end, so that the tree is turned again and again.
    const next: SortedMap<unknown> = deepFreeze(put(map, key, { key }))
    expect(unsearchedOf(next)).toBeLessThan(40)
    expect(holdsPromise({ map: next }, { map })).toBe(false)
    expect(unsearchedOf(next)).toBe(0)
    map = next
  }
  for (const key of ['0000', '1500', '2999', 'new']) {
    expect(holdsPromise({ map: put(map, key, { deeper: [promise] }) }, { map }), key).toBe(true)
  }
})

test('a sorted map with a promise is found again, and one far down in many entries too', () => {
  const entries = Array.from({ length: 5_000 }, (_, number) => [`${10_000 + number}`, {}] as const)
  const map = mapOf<object>([...entries, ['10002b', { promise }]])
  expect(holdsPromise(map)).toBe(true)
  expect(holdsPromise(map)).toBe(true)
})
