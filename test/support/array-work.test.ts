import { expect, test } from 'vitest'
import { arrayWork } from './array-work.ts'

const list = [3, 1, 2]

test.each<[title: string, run: () => unknown, elements: number]>([
  ['a copy', () => list.slice(), 3],
  ['a spread', () => [...list], 3],
  ['a spread into a call', () => Math.max(...list), 3],
  ['a loop', () => loopOver(list), 3],
  ['a search', () => list.includes(3), 3],
  ['a set of it', () => new Set(list), 3],
  ['a copy of a copy', () => [...list].map((item) => item), 6],
  ['an element', () => list[1], 0],
  ['one more', () => [].push(), 0],
])('the elements that %s goes through are counted', (_, run, elements) => {
  expect(arrayWork(run)).toBe(elements)
})

function loopOver(items: readonly number[]): number {
  let sum = 0
  for (const item of items) sum += item
  return sum
}

test('arrays are afterwards as they were, even if it throws', () => {
  const before = Reflect.ownKeys(Array.prototype).map((key) => Array.prototype[key as never])
  expect(() =>
    arrayWork(() => {
      throw new Error('no')
    }),
  ).toThrow('no')
  expect(Reflect.ownKeys(Array.prototype).map((key) => Array.prototype[key as never])).toEqual(before)
})
