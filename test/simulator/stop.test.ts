/** A server that is stopped for good leaves a quorum, and what one server alone could tell is lost. */
import { expect, test } from 'vitest'
import type { Fault, Plan } from '../../src/simulator/plan.ts'
import { runWithCodec } from '../../src/simulator/wire.ts'

function planWith(servers: number, faults: readonly Fault[], more: Partial<Plan> = {}): Plan {
  const read = { kind: 'add', key: 'a', amount: 1, thinkMs: 300, patienceMs: null } as const
  const client = (server: number) => ({ beginsAtMs: 0, server, lanes: [Array(10).fill(read)] })
  return {
    format: 3,
    seed: 3,
    servers,
    service: 'register',
    stormMs: 4_000,
    ttlMs: 3_600_000,
    faults,
    clients: [client(0), client(servers - 1)],
    ...more,
  }
}

const stop = (server: number, atMs: number): Fault => ({ kind: 'stop', server, atMs })

test('as many stop as leave a quorum, and all that clients ask is answered', () => {
  const { counts, operations, failure } = runWithCodec(
    planWith(5, [stop(0, 900), stop(1, 1_000), stop(2, 1_100)]),
  )
  expect(failure).toBeNull()
  expect(counts['a server stopped for good']).toBe(2)
  expect(operations).toBeGreaterThan(10)
})

test('a server is not removed where the others would be no quorum without one that was stopped', () => {
  const remove: Fault = { kind: 'remove', server: 1, atMs: 1_500, stopAfterMs: 0 }
  const { counts, failure } = runWithCodec(planWith(3, [stop(0, 900), remove]))
  expect(failure).toBeNull()
  expect(counts['a member removed']).toBe(0)
})

test('one that was stopped may be replaced', () => {
  const { counts, failure } = runWithCodec(
    planWith(3, [stop(0, 900), { kind: 'replace', server: 0, atMs: 1_500 }]),
  )
  expect(failure).toBeNull()
  expect(counts['a server replaced after its disk was lost']).toBe(1)
})

test('a server is not replaced where a quorum needs it, though only a server that was removed runs and does not know', () => {
  const crash = (server: number): Fault => ({
    kind: 'crash',
    server,
    atMs: 1_000,
    forMs: 1_500,
    during: 'nothing',
    calls: 0,
    unsynced: 'lost',
  })
  const faults: readonly Fault[] = [
    {
      kind: 'cut',
      links: [
        [0, 1],
        [1, 2],
      ],
      atMs: 200,
      forMs: 3_000,
    },
    { kind: 'remove', server: 1, atMs: 300, stopAfterMs: 3_000 },
    crash(0),
    crash(2),
    { kind: 'replace', server: 0, atMs: 1_200 },
  ]
  const { counts, failure } = runWithCodec(planWith(3, faults))
  expect(failure).toBeNull()
  expect(counts['a member removed']).toBe(1)
  expect(counts['a server replaced after its disk was lost']).toBe(0)
})

test('messages go through the codec in pieces, where the plan says so', () => {
  // A server that joins is told a page of what was chosen.
  const join: Fault = { kind: 'join', server: 3, atMs: 3_900 }
  const values = runWithCodec(planWith(3, [join]))
  const bytes = runWithCodec(planWith(3, [join], { datagramBytes: 1_200 }))
  expect([values.failure, bytes.failure]).toEqual([null, null])
  expect(values.counts['a message sent in pieces']).toBe(0)
  expect(bytes.counts['a message sent in pieces']).toBeGreaterThan(0)
})
