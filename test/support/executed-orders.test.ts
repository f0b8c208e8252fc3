import { expect, test } from 'vitest'
import { difference, executedTwice, lostAnswers } from './executed-orders.ts'

const whole = ['0.0 a@0.0 1 {"x":1}', '1.0 a@0.0 2 {"x":2}', '2.0 a@0.0 3 {"x":3}', '3.0 a@0.0 4 {"x":4}']
const withSnapshot = ['0.0 a@0.0 1 {"x":1}', '1-2 snapshot', '3.0 a@0.0 4 {"x":4}']

test('finds the first place at which two orders differ', () => {
  expect(difference([whole, whole.slice(0, 2)])).toBeNull()
  expect(difference([whole, [...whole.slice(0, 2), '2.0 a@0.0 9 {"x":3}']])).toContain('2.0 a@0.0 9')
})

test('does not compare what a snapshot replaced, and compares the rest', () => {
  expect(difference([whole, withSnapshot])).toBeNull()
  expect(difference([whole, [...withSnapshot.slice(0, 2), '3.0 a@0.0 5 {"x":4}']])).toContain('3.0 a@0.0 5')
  expect(difference([whole, ['0.0 a@0.0 1 {"x":7}', ...withSnapshot.slice(1)]])).toContain('{"x":7}')
})

test('takes a missing request for a difference when no snapshot replaced it', () => {
  expect(difference([whole, withSnapshot.filter((line) => !line.endsWith('snapshot'))])).toContain(
    '1.0 a@0.0 2',
  )
})

test('reads no request in the line of a snapshot', () => {
  const snapshots = ['0-3 snapshot', '4.0 a@0.0 5 {"x":5}', '5-6 snapshot']
  expect(executedTwice([[...snapshots, '7-8 snapshot']])).toEqual([])
  expect(lostAnswers([{ instance: 4, index: 0, command: '{"x":5}' }], [snapshots])).toEqual([])
})
