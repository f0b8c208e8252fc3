/** What the simulated network carries as values could be carried as bytes. */
import { expect, test } from 'vitest'
import type { Message } from '../../machines/messages.ts'
import { drawPlan } from '../../src/simulator/draw-plan.ts'
import { runWithCodec } from '../../src/simulator/wire.ts'
import { isWholeMessage } from '../support/whole-message.ts'

test('every message of a dozen runs is one that a live server would take, and the same after JSON', {
  timeout: 120_000,
}, () => {
  const seen = new Map<string, Message>()
  for (let seed = 700; seed < 712; seed += 1) {
    const { failure } = runWithCodec(drawPlan(seed), {
      heard({ message }) {
        const read: unknown = JSON.parse(JSON.stringify(message))
        if (!isWholeMessage(read)) throw new Error(`not a message: ${JSON.stringify(read)}`)
        expect(read).toEqual(message)
        seen.set(message.type, message)
      },
    })
    expect(failure, `paxos simulate --seed ${seed}`).toBeNull()
  }
  expect([...seen.keys()].sort()).toEqual(
    [
      ...['accept', 'accepted', 'chosen', 'denial', 'handOver', 'hello', 'learn', 'prepare', 'promise'],
      ...['request', 'settled'],
    ].sort(),
  )
})
