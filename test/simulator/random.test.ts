import { describe, expect, test } from 'vitest'
import { Random, seedFor } from '../../src/simulator/random.ts'

describe('a random sequence', () => {
  test('is the same for the same seed, on every machine', () => {
    const random = new Random(42)
    expect(Array.from({ length: 8 }, () => random.below(1_000))).toEqual([
      601, 448, 852, 669, 174, 526, 273, 624,
    ])
  })

  test('gives whole numbers in the range, each of them', () => {
    const random = new Random(1)
    const drawn = new Set(Array.from({ length: 200 }, () => random.between(3, 7)))
    expect([...drawn].sort()).toEqual([3, 4, 5, 6, 7])
  })

  test('a chance of none in a hundred never comes, one of a hundred always', () => {
    const random = new Random(2)
    for (let turn = 0; turn < 200; turn += 1) {
      expect(random.chance(0)).toBe(false)
      expect(random.chance(100)).toBe(true)
    }
  })

  test('shuffles without losing anything', () => {
    const items = [1, 2, 3, 4, 5, 6]
    expect(new Random(3).shuffled(items)).not.toEqual(items)
    expect(new Random(3).shuffled(items).sort()).toEqual(items)
  })

  test('picks nothing from nothing', () => {
    expect(() => new Random(1).pick([])).toThrow('nothing to pick from')
  })
})

test('each name has a sequence of its own', () => {
  const seeds = ['server-0>server-1', 'server-1>server-0', 'server-0', 'client-0'].map((name) =>
    seedFor(1, name),
  )
  expect(new Set(seeds).size).toBe(seeds.length)
  expect(seedFor(2, 'server-0')).not.toBe(seedFor(1, 'server-0'))
})
