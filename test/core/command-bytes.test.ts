/** How large a command is, on the wire and in a queue. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Command, Json } from '../../machines/batch.ts'
import { defaultLimits } from '../../machines/limits.ts'
import type { RequestQueueContext } from '../../machines/request-queue.ts'
import { commandBytes, queuedBytes } from '../../src/core/command-bytes.ts'
import { heldBytes } from '../../src/core/json.ts'
import { applyEvent, foundCluster } from '../../src/schedule/apply.ts'
import { clusterSettings, serverOf } from '../../src/schedule/cluster.ts'
import type { ClusterEvent } from '../../src/schedule/events.ts'
import { maxCommandBytes } from '../../src/wire/limits.ts'
import { commands, jsonValues } from '../support/arbitraries.ts'
import { beginFounder } from '../support/founder-runtime.ts'

const service = (body: Json): Command => ({ kind: 'service', body })
/** 32 kB of JSON, and 700 kB in memory. */
const swelling = service(Array.from({ length: 10_800 }, () => ({})))

describe('what a command counts in a queue', () => {
  test('is the JSON of a usual one, so that as many of them are held, and in a batch, as ever', () => {
    for (const body of [
      { action: 'lock', name: 'a' },
      'x'.repeat(2_000),
      [1, 2, 3],
      { put: { a: [{}, {}] } },
    ]) {
      expect(queuedBytes(service(body))).toBe(commandBytes(service(body)))
    }
  })

  test('is what it takes in memory where that is more', () => {
    expect(commandBytes(swelling)).toBeLessThan(maxCommandBytes)
    expect(queuedBytes(swelling)).toBe(heldBytes(swelling))
    expect(queuedBytes(swelling)).toBeGreaterThan(650_000)
  })

  test('is never less than its JSON, and what is not counted of small ones fits into the limit', () => {
    const { queueBytes, queueRequests } = defaultLimits
    const swollen = fc.array(fc.oneof(jsonValues, fc.constant({}), fc.constant([])), { maxLength: 400 })
    fc.assert(
      fc.property(fc.oneof(commands, swollen.map(service)), (command) => {
        const counted = queuedBytes(command)
        expect(counted).toBeGreaterThanOrEqual(commandBytes(command))
        if (heldBytes(command) > queueBytes / queueRequests)
          expect(counted).toBeGreaterThanOrEqual(heldBytes(command))
      }),
    )
  })

  test('is the same in a schedule and in a live server', async () => {
    const settings = clusterSettings(3)
    const events: ClusterEvent[] = [{ type: 'request', client: 'a', server: 0, command: swelling }]
    let { state } = foundCluster(settings)
    for (const event of events) ({ state } = applyEvent(state, event, settings))
    const flight = state.flying.find(({ to }) => to === 0)!.id
    ;({ state } = applyEvent(state, { type: 'deliver', flight }, settings))
    const scheduled = serverOf(state, 0).node.running?.roles.requestQueue.context as RequestQueueContext
    expect(scheduled.held.readyBytes).toBe(queuedBytes(swelling))

    const recorder = { lastClock: 0, record: () => undefined, flush: () => undefined }
    const runtime = await beginFounder(recorder, () => undefined)
    const requests = [{ seq: 1, command: swelling }]
    runtime.request({ type: 'request', uid: 'a@0', ackedBelow: 1, requests }, '127.0.0.1:9')
    const live = runtime.snapshot('requestQueue')?.context as RequestQueueContext
    expect(live.held.readyBytes).toBe(queuedBytes(swelling))
    runtime.finish()
  })
})
