import { expect, test } from 'vitest'
import { killCampaign } from './kill.ts'

test('servers that are killed under load start again, and lose nothing', async () => {
  const { kills, answered, faults } = await killCampaign(10, () => undefined)
  expect(faults).toEqual([])
  expect(kills).toBe(12)
  expect(answered).toBeGreaterThan(50)
})
