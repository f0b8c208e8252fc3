/** The keys that live with a session: what is held for them, call by call. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { LossReason } from '../../machines/lease-context.ts'
import type { Held } from '../../src/client/requests.ts'
import { type KeyChange, SessionKeys } from '../../src/client/session-keys.ts'

/** A hold that counts. */
class CountedHold implements Held {
  readonly executed = { result: null, instance: 1, index: 0 }
  releases = 0
  lose: (reason: LossReason) => void = () => undefined
  readonly watch = (lost: (reason: LossReason) => void): void => {
    this.lose = lost
  }
  readonly release = (): void => {
    this.releases += 1
  }
}

let keys: SessionKeys

beforeEach(() => {
  vi.useFakeTimers()
  keys = new SessionKeys()
})

afterEach(() => {
  vi.useRealTimers()
})

const at = (instance: number, held: Held | null, ttlMs?: number): KeyChange => {
  return { position: { instance, index: 0 }, held, ttlMs }
}
const change = (made: KeyChange) => keys.during('k', async (changed) => changed(made))

it('a later put takes the place of the hold of an earlier one, and the signal stays', async () => {
  const [first, second] = [new CountedHold(), new CountedHold()]
  await change(at(1, first))
  const signal = keys.signalOf('k')
  await change(at(2, second))
  expect([first.releases, second.releases]).toEqual([1, 0])
  expect(keys.signalOf('k')).toBe(signal)
  second.lose('revoked')
  expect(signal.reason).toMatchObject({ name: 'KeyLost', key: 'k', reason: 'revoked' })
  expect(second.releases).toBe(1)
})

it('the answer to a put that was executed before another outstanding call does not count', async () => {
  const held = new CountedHold()
  let answer = () => {}
  const late = keys.during('k', async (changed) => {
    await new Promise<void>((resolve) => {
      answer = resolve
    })
    changed(at(1, held))
  })
  await change(at(2, null))
  answer()
  await late
  expect(held.releases).toBe(1)
  expect(() => keys.signalOf('k')).toThrow('this client has no key "k" that lives with its session')
})

it('a call that fails keeps what is held', async () => {
  const held = new CountedHold()
  await change(at(1, held))
  await expect(keys.during('k', () => Promise.reject(new Error('refused')))).rejects.toThrow('refused')
  expect(held.releases).toBe(0)
  expect(keys.signalOf('k').aborted).toBe(false)
})

it('a lost key has an aborted signal until it is put again', async () => {
  const held = new CountedHold()
  await change(at(1, held))
  held.lose('unproved')
  expect(keys.signalOf('k').aborted).toBe(true)
  await change(at(2, new CountedHold()))
  expect(keys.signalOf('k').aborted).toBe(false)
})

it('the hold of a key with a ttl ends after the ttl, which is no loss', async () => {
  const [first, second] = [new CountedHold(), new CountedHold()]
  await change(at(1, first, 1_000))
  const signal = keys.signalOf('k')
  vi.advanceTimersByTime(900)
  await change(at(2, second, 1_000))
  vi.advanceTimersByTime(900)
  expect([first.releases, second.releases]).toEqual([1, 0])
  vi.advanceTimersByTime(300)
  expect(second.releases).toBeGreaterThan(0)
  expect(signal.aborted).toBe(false)
  expect(() => keys.signalOf('k')).toThrow('no key')
})

it('close aborts the signals with its reason, and leaves no timer', async () => {
  await change(at(1, new CountedHold(), 1_000))
  const signal = keys.signalOf('k')
  const reason = new Error('closed')
  keys.close(reason)
  expect(signal.reason).toBe(reason)
  expect(vi.getTimerCount()).toBe(0)
})
