/** The requests of a queue stay sound in any order of changes, and no change alters an earlier value. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { requestsOf } from '../../machines/batch.ts'
import { handable, handedOver, handedOverAgain, takenBack } from '../../machines/hand-over.ts'
import { afterExecution } from '../../machines/held-execution.ts'
import { nextBatch, requestsIn } from '../../machines/held-groups.ts'
import {
  allHeld,
  type HeldRequests,
  heldRequest,
  nothingHeld,
  requestId,
  withRequests,
} from '../../machines/held-requests.ts'
import { defaultLimits } from '../../machines/limits.ts'
import type { RequestOutcome } from '../../machines/outcome.ts'
import { heldFault } from '../../machines/request-queue-invariants.ts'
import { done, idsOf } from '../support/request-queue.ts'
import { executed, service } from '../support/role.ts'

const self = 0
const leader = 1
const limits = { ...defaultLimits, queueRequests: 6, batchRequests: 3 }

const uid = fc.constantFrom('a', 'b', 'c')
const seq = fc.integer({ min: 1, max: 6 })
const outcome = fc.constantFrom<RequestOutcome['outcome'][]>(
  done,
  { kind: 'cancelled', instance: 3, index: 0 },
  { kind: 'full', of: 'waiting' },
  { kind: 'delayed', key: 'k' },
  { kind: 'delayed', key: 'l' },
  { kind: 'delayed', key: null },
)
const change = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('arrive' as const),
      uid,
      seqs: fc.uniqueArray(seq),
      isOurs: fc.boolean(),
      avoid: fc.constantFrom(null, leader),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('handOver' as const), round: fc.nat(5) }) },
  fc.record({ kind: fc.constant('again' as const), round: fc.nat(5) }),
  fc.record({ kind: fc.constant('takeBack' as const), of: fc.constantFrom('a', 'b', null) }),
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('execute' as const),
      outcomes: fc.array(fc.record({ uid, seq, outcome }), { maxLength: 6 }),
      freed: fc.uniqueArray(fc.constantFrom('k', 'l')),
      progressed: fc.boolean(),
    }),
  },
)
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never

function after(held: HeldRequests, one: Change): HeldRequests {
  switch (one.kind) {
    case 'arrive': {
      const seqs = one.seqs.filter((seq) => heldRequest(held, { uid: one.uid, seq }) === undefined)
      const fresh = seqs
        .sort((a, b) => a - b)
        .map((seq) => ({
          ...{
            uid: one.uid,
            seq,
            command: service('x'),
            commandBytes: 10 + seq,
            avoid: one.avoid,
            receivedAtMs: 0,
          },
          ...(one.isOurs ? { heldBy: self, replyTo: 'here' } : { heldBy: 2, replyTo: null }),
        }))
      return withRequests(held, { uid: one.uid, ackedBelow: 0 }, fresh)
    }
    case 'handOver': {
      const requests = handable(held, { leader, self, offered: [] })
      return handedOver(held, requests, { round: one.round, atMs: 5, limits }).held
    }
    case 'again':
      return handedOverAgain(held, one.round, limits).held
    case 'takeBack':
      return takenBack(held, ({ uid }) => one.of === null || uid === one.of)
    case 'execute':
      return afterExecution(held, executed(3, one), limits).held
  }
}

function fault(held: HeldRequests): string | null {
  const all = allHeld(held)
  const tagged = all.filter(({ tag }) => tag !== null)
  const bytes = (some: typeof all) => some.reduce((sum, { commandBytes }) => sum + commandBytes, 0)
  if (held.delayedCount !== tagged.length) return 'the count of delayed requests is wrong'
  if (held.delayedBytes !== bytes(tagged)) return 'the bytes of delayed requests are wrong'
  if (held.readyBytes !== bytes(all) - bytes(tagged)) return 'the bytes of the other requests are wrong'
  if (tagged.some(({ replyTo }) => replyTo === null)) return 'a delayed request of another server is kept'
  if (tagged.length > limits.queueRequests) return 'there are too many delayed requests'
  return heldFault(held)
}

const histories = fc.array(change, { maxLength: 40 })

test('any changes keep the requests sound, and leave earlier values as they were', () => {
  const reached = new Set<string>()
  fc.assert(
    fc.property(histories, (changes) => {
      let held = nothingHeld
      for (const one of changes) {
        const text = JSON.stringify(held)
        const next = after(held, one)
        expect(JSON.stringify(held)).toBe(text)
        expect(fault(next)).toBeNull()
        expect(JSON.parse(JSON.stringify(next))).toEqual(next)
        if (next.handedOver.length > 0) reached.add('handed over')
        if (next.delayedCount > 0 && next.handedOver.length > 0) reached.add('both')
        if (one.kind === 'takeBack' && next !== held) reached.add('taken back')
        held = next
      }
    }),
    { numRuns: 500 },
  )
  expect([...reached].sort()).toEqual(['both', 'handed over', 'taken back'])
})

describe('in any state,', () => {
  const states = histories.map((changes) => changes.reduce(after, nothingHeld))

  test('handing over and taking back gives each request its place again', () => {
    fc.assert(
      fc.property(states, (held) => {
        const ours = handable(held, { leader, self, offered: [] })
        const { held: handed, messages } = handedOver(held, ours, { round: 1, atMs: null, limits })
        expect(
          messages.flatMap(({ groups }) =>
            groups.flatMap(({ uid, requests }) => requests.map(({ seq }) => requestId({ uid, seq }))),
          ),
        ).toEqual(ours.map(requestId))
        expect(
          requestsIn(handed, handed.ready).every(({ heldBy, avoid }) => heldBy !== self || avoid === leader),
        ).toBe(true)
        const back = takenBack(handed)
        expect(back.handedOver).toEqual([])
        // What was handed over before is taken back as well.
        expect(idsOf(back.ready)).toEqual(
          [...requestsIn(held, held.ready), ...requestsIn(held, held.handedOver)]
            .sort((a, b) => a.order - b.order)
            .map(requestId),
        )
      }),
    )
  })

  test('a batch has the first ready requests, in order, each with its holder', () => {
    fc.assert(
      fc.property(states, (held) => {
        const { batch, orders } = nextBatch(held, self, limits)
        const first = requestsIn(held, held.ready).slice(0, limits.batchRequests)
        expect(requestsOf(batch).map(requestId)).toEqual(first.map(requestId))
        expect(orders).toEqual(first.map(({ order }) => order))
        const holders = batch.groups.flatMap(({ heldBy, requests }) => requests.map(() => heldBy))
        expect(holders).toEqual(first.map(({ heldBy }) => heldBy))
        batch.groups.forEach((group, place) => {
          const before = batch.groups[place - 1]
          expect(before?.uid === group.uid && before.heldBy === group.heldBy).toBe(false)
        })
      }),
    )
  })

  test('what is due is due for clients here alone, once for each request', () => {
    const execution = fc.array(fc.record({ uid, seq, outcome }), { maxLength: 8 })
    fc.assert(
      fc.property(states, execution, (held, outcomes) => {
        const { due } = afterExecution(held, executed(3, { outcomes }), limits)
        expect(due.every(({ request }) => request.replyTo !== null)).toBe(true)
        const ended = due.filter(({ kind }) => kind !== 'queued').map(({ request }) => requestId(request))
        expect(new Set(ended).size).toBe(ended.length)
      }),
    )
  })
})
