import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ticked, wound } from '../../inspector/model/clockwork.ts'

test('so many records a second are played, however long the frames are', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(1, 2, 5, 20, 100),
      fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1 }),
      (perSecond, frames) => {
        let clockwork = wound(0)
        let nowMs = 0
        let played = 0
        for (const frame of frames) {
          nowMs += frame
          const tick = ticked(clockwork, nowMs, perSecond)
          played += tick.steps
          clockwork = tick.clockwork
        }
        expect(Math.abs(played - (nowMs * perSecond) / 1_000)).toBeLessThan(1.000_1)
      },
    ),
  )
})

test('the time in which the page was hidden is not made up for', () => {
  expect(ticked(wound(0), 60_000, 5).steps).toBe(5)
})

test('a clock that goes back plays nothing', () => {
  expect(ticked(wound(500), 100, 100)).toEqual({ steps: 0, clockwork: { lastMs: 100, owed: 0 } })
})
