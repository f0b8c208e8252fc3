import { describe, expect, test } from 'vitest'
import { isQuorum, withAnswer } from '../../machines/quorum.ts'

describe('a quorum is more than half of the counted members', () => {
  test.each<[counted: number[], answered: number[], expected: boolean]>([
    [[0], [], false],
    [[0], [0], true],
    [[0, 1], [0], false],
    [[0, 1], [0, 1], true],
    [[0, 1, 2], [1], false],
    [[0, 1, 2], [1, 2], true],
    [[0, 1, 2], [2, 1, 0], true],
    [[0, 1, 2, 3], [0, 1], false],
    [[0, 1, 2, 3], [0, 1, 3], true],
    [[0, 1, 2, 3, 4], [0, 4], false],
    [[0, 1, 2, 3, 4], [0, 2, 4], true],
    // Who answers twice counts once.
    [[0, 1, 2], [1, 1], false],
    [[0, 1, 2], [1, 1, 2], true],
    // Who is not counted counts for nothing.
    [[0, 1, 2], [1, 3, 4, 5], false],
    [[0, 1, 2], [1, 3, 2], true],
    // Ids may have gaps, after a removal.
    [[0, 7, 9], [7], false],
    [[0, 7, 9], [9, 7], true],
    // Where nobody is counted nothing is ever decided.
    [[], [], false],
    [[], [0, 1], false],
  ])('of %j, %j have answered: %s', (counted, answered, expected) => {
    expect(isQuorum(counted, answered)).toBe(expected)
  })

  test.each([1, 2, 3, 4, 5, 6])('any two quorums of %i servers share a server', (count) => {
    const counted = Array.from({ length: count }, (_, id) => id)
    const subsets = Array.from({ length: 2 ** count }, (_, bits) => counted.filter((id) => (bits >> id) & 1))
    const quorums = subsets.filter((subset) => isQuorum(counted, subset))
    for (const one of quorums) {
      for (const other of quorums) expect(one.some((id) => other.includes(id))).toBe(true)
    }
    expect(quorums).toContainEqual(counted)
  })
})

test('a server that answers twice is counted once', () => {
  expect(withAnswer([], 2)).toEqual([2])
  expect(withAnswer([2], 1)).toEqual([2, 1])
  expect(withAnswer([2, 1], 2)).toEqual([2, 1])
})
