import { expect, test } from 'vitest'
import { holdsPromise } from '../../src/core/promises.ts'

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
  const put = (value: unknown) => places[outer]?.(places[inner]?.(value))
  expect(holdsPromise(put(promise))).toBe(true)
  expect(holdsPromise(put({ than: 1, text: 'none' }))).toBe(false)
  expect(holdsPromise(put({ deeper: [{ promise }] }))).toBe(true)
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
