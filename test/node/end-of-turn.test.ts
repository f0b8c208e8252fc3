/** A timer of 0 ms is due when a live server has handled all datagrams that have arrived, before it sends any. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { beginFounder } from '../support/founder-runtime.ts'

const names = { incarnation: 'founder-1', addressee: 'founder-0' }
const prepare = { type: 'prepare', ballot: { round: 1, node: 1 }, from: 0 } as const
const command = { kind: 'service', body: { action: 'lock', name: 'a' } } as const

// The interval after which requests are handed over again must not pass, however slow the machine is.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})

afterEach(() => {
  vi.useRealTimers()
})

/** Server 0, which has handed a request over to server 1, and gathers two others; and the hand-overs that it sent. */
async function gatheringServer() {
  const sent: string[] = []
  const recorded: unknown[] = []
  const recorder = {
    lastClock: 0,
    record: ({ event }: { readonly event: unknown }) => recorded.push(event),
    flush: () => undefined,
  }
  const runtime = await beginFounder(recorder, (what) => sent.push(what))
  const ask = (uid: string) =>
    runtime.request({ type: 'request', uid, ackedBelow: 1, requests: [{ seq: 1, command }] }, '127.0.0.1:9')
  runtime.hear(1, prepare, names, '127.0.0.1:8', 0)
  const handOvers = () => sent.filter((what) => what === 'handOver to 1').length
  for (const uid of ['a@0', 'b@0', 'c@0']) ask(uid)
  expect(handOvers()).toBe(1)
  expect(runtime.snapshot('requestQueue')?.value).toEqual({ handedOver: 'gathering' })
  return { runtime, handOvers, recorded, ask }
}

test('when datagrams are about to leave, and not a second time', async () => {
  const { runtime, handOvers, recorded } = await gatheringServer()
  runtime.endTurn()
  expect(handOvers()).toBe(2)
  const id = 'xstate.after.gatherInterval.requestQueue.handedOver.gathering'
  expect(recorded.at(-1)).toEqual({ type: 'timer', role: 'requestQueue', id })
  runtime.endTurn()
  await new Promise(setImmediate)
  expect(handOvers()).toBe(2)
  runtime.finish()
})

test('although no datagram is about to leave', async () => {
  const { runtime, handOvers, ask } = await gatheringServer()
  await new Promise(setImmediate)
  expect(handOvers()).toBe(2)
  ask('d@0')
  expect(handOvers()).toBe(2)
  await new Promise(setImmediate)
  expect(handOvers()).toBe(3)
  runtime.finish()
})

test('never when the server ends before', async () => {
  const { runtime, handOvers } = await gatheringServer()
  runtime.fail('a test ends it')
  runtime.endTurn()
  await new Promise(setImmediate)
  expect(handOvers()).toBe(1)
  expect(await runtime.ended).toBe('a test ends it')
})
