/** The first seeds hold, and come to everything that is looked for. `npm run soak` and `npm run simulate` run more. */
import { expect, test } from 'vitest'
import { addCounts, missedIn, noCounts, seldom } from '../../src/simulator/situations.ts'
import { runSeeds } from './seeds.ts'

const seeds = Number(process.env.FIRST_SEEDS ?? 50)
const seedsAtOnce = 5
const firsts = Array.from({ length: seeds / seedsAtOnce }, (_, part) => part * seedsAtOnce)

let counts = noCounts

test.each(firsts)('the five seeds from %i on hold', (first) => {
  counts = addCounts(counts, runSeeds(first, seedsAtOnce).counts)
})

test('they come to everything that is looked for', () => {
  expect(missedIn(counts).filter((situation) => !seldom.includes(situation))).toEqual([])
})
