import { expect, test } from 'vitest'
import { figure, spread, table } from '../../bench/show.ts'

test('a figure has three significant digits, and every digit of its whole part', () => {
  expect([9_192.4, 640, 24.12, 1.2345, 0.16049, 0.00012, 0].map(figure)).toEqual([
    ...['9192', '640', '24.1', '1.23', '0.160', '0.000', '0'],
  ])
  expect(figure(Number.NaN)).toBe('?')
})

test('a spread shows the median with the least and the most', () => {
  expect(spread([3, 1, 2])).toBe('2.00 (1.00 to 3.00)')
  expect(spread([3])).toBe('3.00')
  expect(spread([3, Number.NaN])).toBe('?')
})

test('the cells of a column are below each other', () => {
  expect(
    table([
      ['store', 'p50'],
      ['in memory', '1'],
      ['x', ''],
    ]),
  ).toBe('  store       p50\n  in memory   1\n  x')
})
