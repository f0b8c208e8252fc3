import { describe, expect, test } from 'vitest'
import { queueOf, waitersByKey } from '../../inspector/model/queues.ts'
import type { Json } from '../../machines/batch.ts'
import type { ShownRequest } from '../../src/inspect/records/machine-state.ts'
import { emptyPicture, pictureAfter } from '../../src/inspect/records/picture.ts'
import { randomRecords } from '../support/records.ts'
import { keyframe, stands } from './build.ts'

function request(seq: number, tag: ShownRequest['tag'], receivedAtMs = 0): ShownRequest {
  const command = { kind: 'service', body: null }
  return {
    uid: 'a@0',
    seq,
    command,
    heldBy: 0,
    replyTo: 'a',
    receivedAtMs,
    tag,
    order: seq,
    isHandedOver: false,
  }
}

function queue(requests: readonly ShownRequest[], offered: readonly number[] = []) {
  const held = { count: requests.length, delayedCount: 0, requests }
  return { state: 'proposing', context: { held, offered } as unknown as Json }
}

describe('a request queue', () => {
  test('shows which requests are ready, which are being proposed, and which wait', () => {
    const { entries } = queueOf(queue([request(1, null), request(2, null), request(3, { key: 'x' })], [1]))
    expect(entries.map(({ seq, state }) => [seq, state])).toEqual([
      [1, 'proposing'],
      [2, 'ready'],
      [3, 'waiting'],
    ])
  })

  test('shows nothing where there is none', () => {
    for (const context of [null, {}, { held: null }, { held: { requests: 'x' } }]) {
      expect(queueOf({ state: 'empty', context })).toEqual({ count: 0, delayedCount: 0, entries: [] })
    }
  })
})

test('who waits for a key is known of all servers, the longest waiting first', () => {
  const picture = [
    keyframe({
      roles: stands({ requestQueue: queue([request(1, { key: 'x' }, 500), request(2, { key: null })]) }),
    }),
    keyframe(
      { roles: stands({ requestQueue: queue([request(7, { key: 'x' }, 200), request(8, { key: 'y' })]) }) },
      1,
    ),
    keyframe({}, 2),
  ].reduce(pictureAfter, emptyPicture)
  expect(
    [...waitersByKey(picture.servers)].map(([key, waiters]) => [key, waiters.map(({ request }) => request)]),
  ).toEqual([
    ['x', ['a#7', 'a#1']],
    ['y', ['a#8']],
  ])
})

test('in a schedule of chance, the queues of the picture hold what the servers hold', () => {
  let waited = 0
  let taken = 0
  let picture = emptyPicture
  randomRecords({
    seed: 4,
    events: 400,
    servers: 3,
    watch: ({ servers }, records) => {
      picture = records.slice(taken).reduce(pictureAfter, picture)
      taken = records.length
      for (const { id, node } of servers) {
        const machine = picture.servers[id]?.roles?.requestQueue
        if (node.running === null || machine === undefined) continue
        const { count, delayedCount, entries } = queueOf(machine)
        const { held, offered } = node.running.roles.requestQueue.context
        expect([count, delayedCount, entries.length]).toEqual([held.count, held.delayedCount, held.count])
        expect(entries.filter(({ state }) => state === 'proposing')).toHaveLength(offered.length)
        waited += delayedCount
      }
    },
  })
  expect(waited).toBeGreaterThan(0)
})
