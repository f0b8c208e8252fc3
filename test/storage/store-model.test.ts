import fc from 'fast-check'
import { test } from 'vitest'
import { runStore, storeSteps } from './store-model.ts'

test('a store holds what was synced, whatever is written, compacted and crashes', () => {
  fc.assert(
    fc.property(storeSteps, fc.nat(), (steps, seed) => runStore(steps, seed)),
    { numRuns: 300 },
  )
})
