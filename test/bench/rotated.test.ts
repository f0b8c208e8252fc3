import { expect, test } from 'vitest'
import { rotated } from '../../bench/rotated.ts'

test('each round begins with another element', () => {
  expect([0, 1, 2, 3].map((first) => rotated(['a', 'b', 'c'], first).join(''))).toEqual([
    ...['abc', 'bca', 'cab', 'abc'],
  ])
  expect(rotated([], 2)).toEqual([])
})
