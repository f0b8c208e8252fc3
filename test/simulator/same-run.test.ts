/** A seed stands for one run, to the byte, on every machine. */
import { readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { drawPlan } from '../../src/simulator/draw-plan.ts'
import { formatPlan, parsePlan } from '../../src/simulator/plan-file.ts'
import { digestedRun, digestOf } from './run-digest.ts'

const file = new URL('./digests.json', import.meta.url)
const seeds = [1, 2, 3, 4, 5, 6]
const runs = Object.fromEntries(seeds.map((seed) => [seed, digestedRun(drawPlan(seed))]))

test.each(seeds)('seed %i, twice', (seed) => {
  expect(runs[seed]?.report.failure).toBeNull()
  expect(digestedRun(drawPlan(seed))).toEqual(runs[seed])
})

test('a plan that was written down and read again runs as it did', () => {
  const plan = drawPlan(7)
  expect(digestOf(parsePlan(formatPlan(plan)))).toBe(digestOf(plan))
})

describe('what was seen elsewhere', () => {
  // With a change of the protocol or of the simulator the runs are others:
  // PAXOS_WRITE_DIGESTS=1 npx vitest run test/simulator/same-run.test.ts writes the file anew.
  const now = Object.fromEntries(seeds.map((seed) => [seed, runs[seed]?.digest]))
  if (process.env.PAXOS_WRITE_DIGESTS === '1') writeFileSync(file, `${JSON.stringify(now, null, 2)}\n`)
  const before: Record<string, string> = JSON.parse(readFileSync(file, 'utf8'))

  test.each(seeds)('seed %i gives the digest that is stored', (seed) => {
    expect(now[seed]).toBe(before[seed])
  })
})

test('another seed is another run', () => {
  expect(digestOf(drawPlan(8))).not.toBe(digestOf(drawPlan(9)))
})
