import { expect, test } from 'vitest'
import { cpuTimesIn, ownTicksIn } from '../../bench/other-work.ts'

test('the processors compute in all of the time in which they are neither idle nor wait for a disk', () => {
  const stat = 'cpu  100 10 50 700 90 5 5 40 60 6\ncpu0 50 5 25 350 45 2 3 20 30 3\n'
  expect(cpuTimesIn(stat)).toEqual({ total: 1_000, busy: 210 })
})

test('the time of a process includes that of its ended children', () => {
  const stat = '42 (a name) with ) 1) S 1 2 3 4 5 6 7 8 9 10 20 4 300 70 20 0 1 0'
  expect(ownTicksIn(stat)).toBe(394)
})
