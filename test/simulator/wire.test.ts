/** What the simulated network carries as values could be carried as bytes. */
import { isDeepStrictEqual } from 'node:util'
import { expect, test } from 'vitest'
import type { Message } from '../../machines/messages.ts'
import { drawPlan } from '../../src/simulator/draw-plan.ts'
import { runWithCodec } from '../../src/simulator/wire.ts'
import { isWholeMessage } from '../support/whole-message.ts'

const seeds = Array.from({ length: 12 }, (_, offset) => 700 + offset)
const seen = new Map<string, Message>()

test.each(
  seeds,
)('every message of seed %i is one that a live server would take, and the same after JSON', (seed) => {
  const { failure } = runWithCodec(drawPlan(seed), {
    heard({ message }) {
      const read: unknown = JSON.parse(JSON.stringify(message))
      if (!isWholeMessage(read)) throw new Error(`not a message: ${JSON.stringify(read)}`)
      // There are many thousand messages: `expect` for each would take longer than the runs.
      if (!isDeepStrictEqual(read, message)) expect(read).toStrictEqual(message)
      seen.set(message.type, message)
    },
  })
  expect(failure, `paxos simulate --seed ${seed}`).toBeNull()
})

test('the messages of these runs are of every type that the simulated network carries', () => {
  expect([...seen.keys()].sort()).toEqual(
    [
      ...['accept', 'accepted', 'chosen', 'denial', 'handOver', 'hello', 'learn', 'prepare', 'promise'],
      ...['request', 'settled', 'read', 'confirm', 'confirmed', 'compacted', 'fetch', 'chunk'],
    ].sort(),
  )
})
