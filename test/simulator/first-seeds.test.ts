import { expect, test } from 'vitest'
import { situations } from '../../src/simulator/situations.ts'
import { runSeeds } from './seeds.ts'

test('a hundred seeds hold, and come to everything that is looked for', { timeout: 300_000 }, () => {
  const { counts } = runSeeds(0, 100)
  expect(situations.filter((situation) => counts[situation] === 0)).toEqual([])
})
