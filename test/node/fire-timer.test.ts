import { afterEach, expect, test, vi } from 'vitest'
import type { ProposerContext } from '../../machines/proposer.ts'
import { defaultTiming } from '../../machines/timing.ts'
import { edgesOf } from '../../src/core/chart-edges.ts'
import { roleMachines } from '../../src/core/roles.ts'
import type { JournalEvent } from '../../src/journal/journal-lines.ts'
import { beginFounder } from '../support/founder-runtime.ts'

const retransmit = 'xstate.after.retransmitInterval.proposer.preparing'

afterEach(() => {
  vi.useRealTimers()
})

/** A live server 0 of three that has begun to prepare, by a clock that the test moves. */
async function preparingServer() {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const said: string[] = []
  const recorded: JournalEvent['event'][] = []
  const recorder = {
    lastClock: 0,
    record: ({ event }: JournalEvent) => recorded.push(event),
    flush: () => undefined,
  }
  const runtime = await beginFounder(recorder, (what) => said.push(what))
  const command = { kind: 'service', body: { action: 'lock', name: 'a' } } as const
  runtime.request(
    { type: 'request', uid: 'a@0', ackedBelow: 1, requests: [{ seq: 1, command }] },
    '127.0.0.1:9',
  )
  await new Promise(setImmediate)
  expect(runtime.snapshot('proposer')?.value).toBe('preparing')
  const prepares = () => said.filter((what) => what === 'prepare to 1').length
  const timers = () => recorded.flatMap((event) => (event.type === 'timer' ? [event] : []))
  return { runtime, prepares, timers }
}

test('a timer fires when it is told to, is recorded as a timer, and the clock begins anew for it', async () => {
  const { runtime, prepares, timers } = await preparingServer()
  expect(prepares()).toBe(1)
  vi.advanceTimersByTime(defaultTiming.retransmitMs - 10)
  expect(runtime.fireTimer('proposer', retransmit)).toBe(true)
  expect(prepares()).toBe(2)
  expect(timers()).toEqual([{ type: 'timer', role: 'proposer', id: retransmit }])
  // When the old timer would have been due, nothing happens: leaving the state gave it up.
  vi.advanceTimersByTime(20)
  expect(prepares()).toBe(2)
  // Entering the state again armed another, for the longer wait of the second try, which chance spreads.
  const { spread } = runtime.snapshot('proposer')?.context as ProposerContext
  const waitMs = Math.ceil(2 * defaultTiming.retransmitMs * spread)
  expect(waitMs).toBeGreaterThanOrEqual(0.75 * 2 * defaultTiming.retransmitMs)
  vi.advanceTimersByTime(waitMs - 21)
  expect(prepares()).toBe(2)
  vi.advanceTimersByTime(1)
  expect(prepares()).toBe(3)
  expect(timers()).toHaveLength(2)
  runtime.finish()
  expect(await runtime.ended).toBeNull()
})

test('what is not armed does not fire, and nothing that is no timer can be passed off as one', async () => {
  const { runtime, prepares, timers } = await preparingServer()
  for (const id of [
    'xstate.after.backoff.proposer.backingOff',
    'xstate.after.retransmitInterval.proposer.catchingUp',
    'xstate.after.nonsense',
    'rival.promised',
    'promise',
    '*',
  ]) {
    expect(runtime.fireTimer('proposer', id)).toBe(false)
  }
  expect(runtime.fireTimer('learner', retransmit)).toBe(false)
  expect(prepares()).toBe(1)
  expect(timers()).toEqual([])
  runtime.finish()
  await runtime.ended
})

test("every timer's transition leaves its state or enters it again, so that no timer fires twice", () => {
  const timers = Object.values(roleMachines).flatMap((machine) =>
    edgesOf(machine).filter(({ trigger }) => trigger.kind === 'delay'),
  )
  expect(timers.length).toBeGreaterThan(0)
  for (const { id, from, to, transition } of timers) {
    const staysWithin = to === null || to === from || to.startsWith(`${from}.`)
    const { reenter } = transition as { readonly reenter: boolean }
    expect({ id, isLeft: !staysWithin || reenter }).toEqual({ id, isLeft: true })
  }
  // One alternative is always taken.
  for (const id of new Set(timers.map(({ from, trigger }) => `${from} ${JSON.stringify(trigger)}`))) {
    const alternatives = timers.filter(({ from, trigger }) => `${from} ${JSON.stringify(trigger)}` === id)
    expect({ id, last: alternatives.at(-1)?.guard }).toEqual({ id, last: null })
  }
})
