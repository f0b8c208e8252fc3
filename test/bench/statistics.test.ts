import { expect, test } from 'vitest'
import { longestGap, median, quantile, rateWithin, ratios } from '../../bench/statistics.ts'

test('a quantile is the value below which that share of the values lie', () => {
  const values = Array.from({ length: 100 }, (_, value) => 99 - value)
  expect(quantile(values, 0)).toBe(0)
  expect(quantile(values, 0.5)).toBe(50)
  expect(quantile(values, 0.99)).toBe(99)
  expect(quantile(values, 1)).toBe(99)
  expect(quantile([], 0.5)).toBeNaN()
})

test('the median of an even number of values is the mean of the two in the middle', () => {
  expect(median([3, 1, 2])).toBe(2)
  expect(median([4, 1, 3, 2])).toBe(2.5)
  expect(median([])).toBeNaN()
})

test('ratios compare the values of the same round', () => {
  expect(ratios([2, 9], [1, 3])).toEqual([2, 3])
  expect(() => ratios([1], [1, 2])).toThrow('1 rounds cannot be compared with 2 rounds')
})

test('a request that is partly within the time counts with that part', () => {
  const [before, within, around] = [
    { begin: 900, end: 1_100 },
    { begin: 1_200, end: 1_300 },
    { begin: 500, end: 2_500 },
  ]
  expect(rateWithin([before], 1_000, 2_000)).toBe(0.5)
  expect(rateWithin([within, around], 1_000, 2_000)).toBe(1.5)
  expect(rateWithin([before, within, around], 1_000, 1_500)).toBe(3.5)
  expect(rateWithin([before], 2_000, 3_000)).toBe(0)
})

test('the longest gap includes the time before the first answer and after the last one', () => {
  expect(longestGap([12, 13, 16], 10, 18)).toBe(3)
  expect(longestGap([15, 16], 10, 18)).toBe(5)
  expect(longestGap([11], 10, 18)).toBe(7)
  expect(longestGap([], 10, 18)).toBe(8)
})
