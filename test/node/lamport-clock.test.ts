import { expect, test } from 'vitest'
import { LamportClock } from '../../src/node/lamport-clock.ts'

test('goes on where an earlier run ended, and past every clock that it heard of', () => {
  const clock = new LamportClock(6)
  clock.tick()
  expect(clock.now).toBe(7)
  clock.follow(3)
  expect(clock.now).toBe(7)
  clock.follow(40)
  clock.tick()
  expect(clock.now).toBe(41)
})

test('no other server can have it use up its numbers at once', () => {
  const clock = new LamportClock(0)
  clock.follow(2 ** 52)
  expect(clock.now).toBe(2 ** 40)
  const last = new LamportClock(2 ** 53)
  last.tick()
  expect(last.now).toBe(2 ** 52)
})
