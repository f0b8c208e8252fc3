/** Runs with faults of one kind, or with none. `npm run simulate` runs two thousand seeds with all kinds. */
import { expect, test } from 'vitest'
import { faultKinds } from '../../src/simulator/plan.ts'
import { runSeeds } from './seeds.ts'

test.each(faultKinds)('a seed with nothing but the fault: %s', (kind) => {
  expect(runSeeds(500, 1, { faults: [kind], servers: 3 }).runs).toBe(1)
})

test('without faults nobody is delayed for long: requests are answered within milliseconds of virtual time', () => {
  const { counts } = runSeeds(600, 5, { faults: [], servers: 3 })
  expect(counts['a failover']).toBe(0)
  expect(counts['a recorded result told again']).toBe(0)
})
