import { expect, test } from 'vitest'
import { missedIn, seldom } from '../../src/simulator/situations.ts'
import { runSeeds } from './seeds.ts'

test('a hundred seeds hold, and come to everything that is looked for', { timeout: 300_000 }, () => {
  const { counts } = runSeeds(0, 100)
  expect(missedIn(counts).filter((situation) => !seldom.includes(situation))).toEqual([])
})
