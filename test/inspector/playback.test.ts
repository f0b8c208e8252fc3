import fc from 'fast-check'
import { expect, test } from 'vitest'
import { advancePlayback, startPlayback } from '../../inspector/model/playback.ts'

test('so many records a second are played, however long the frames are', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(1, 2, 5, 20, 100),
      fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1 }),
      (perSecond, frames) => {
        let playback = startPlayback(0)
        let nowMs = 0
        let played = 0
        for (const frame of frames) {
          nowMs += frame
          const tick = advancePlayback(playback, nowMs, perSecond)
          played += tick.steps
          playback = tick.playback
        }
        expect(Math.abs(played - (nowMs * perSecond) / 1_000)).toBeLessThan(1.000_1)
      },
    ),
  )
})

test('the time in which the page was hidden is not made up for', () => {
  expect(advancePlayback(startPlayback(0), 60_000, 5).steps).toBe(5)
})

test('a clock that goes back plays nothing', () => {
  expect(advancePlayback(startPlayback(500), 100, 100)).toEqual({
    steps: 0,
    playback: { lastMs: 100, owed: 0 },
  })
})
