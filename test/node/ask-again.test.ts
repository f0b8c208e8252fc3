import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { askAgain } from '../../src/node/ask-again.ts'

const options = { everyMs: 200, patienceMs: 1_000, silence: () => new Error('nobody answered') }

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
})

test('asks at once and again until it is answered, and then no more', async () => {
  const ask = vi.fn()
  let answer: (text: string) => void = () => undefined
  const asked = askAgain<string>(ask, options, (answered) => {
    answer = answered
  })
  expect(ask).toHaveBeenCalledTimes(1)
  vi.advanceTimersByTime(450)
  expect(ask).toHaveBeenCalledTimes(3)
  answer('here')
  expect(await asked).toBe('here')
  expect(vi.getTimerCount()).toBe(0)
})

test('gives up with the reason when nobody has answered', async () => {
  const asked = askAgain(
    () => undefined,
    options,
    () => undefined,
  )
  vi.advanceTimersByTime(1_000)
  await expect(asked).rejects.toThrow('nobody answered')
  expect(vi.getTimerCount()).toBe(0)
})
