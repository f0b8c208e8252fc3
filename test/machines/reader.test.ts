import { describe, expect, test } from 'vitest'
import type { NodeId } from '../../machines/batch.ts'
import type { Heard, ReadArrived, ReaderEvent } from '../../machines/inbox.ts'
import { defaultLimits } from '../../machines/limits.ts'
import { foundingIncarnation } from '../../machines/members.ts'
import type { Confirmed } from '../../machines/messages.ts'
import type { Output, Query } from '../../machines/outputs.ts'
import { type ReaderContext, type ReaderInput, readerMachine } from '../../machines/reader.ts'
import { defaultTiming } from '../../machines/timing.ts'
import { executed, member, members, Role, said, send, sentBy, tell } from '../support/role.ts'

function reader(given: Partial<ReaderInput> = {}): Role<ReaderContext> {
  const self = given.self ?? 0
  return new Role(readerMachine, {
    self,
    incarnation: foundingIncarnation(self),
    members: members(3),
    timing: defaultTiming,
    limits: defaultLimits,
    randomSeed: 1,
    firstUnexecuted: 4,
    ...given,
  })
}

const read = (uid: string, ...seqs: readonly number[]): ReadArrived => ({
  type: 'read',
  uid,
  reads: seqs.map((seq) => ({ seq, body: `${uid} ${seq}` })),
  stale: false,
  replyTo: `address of ${uid}`,
  atMs: 10,
  bodyBytes: seqs.map(() => 10),
})

const query = (uid: string, ...seqs: readonly number[]): Query => ({
  type: 'query',
  to: `address of ${uid}`,
  uid,
  reads: seqs.map((seq) => ({ seq, body: `${uid} ${seq}` })),
})

const busy = (
  uid: string,
  reason: 'busy' | 'notMember' | 'stopping',
  ...seqs: readonly number[]
): Output => ({
  type: 'respond',
  to: `address of ${uid}`,
  message: { type: 'busy', uid, seqs, reason },
})

/** The answer of server `id` to the present question. It has accepted nothing at or above `acceptedBelow`. */
function confirmed(
  { context }: Role<ReaderContext>,
  id: NodeId,
  acceptedBelow: number,
  more: Partial<Heard<Confirmed>> = {},
): Heard<Confirmed> {
  const { question } = context
  const firstUnchosen = Math.min(acceptedBelow, context.firstUnexecuted)
  return { type: 'confirmed', question, firstUnchosen, acceptedBelow, ...sentBy(id), ...more }
}

const confirm = (role: Role<ReaderContext>, ...to: readonly NodeId[]): Output[] =>
  to.map((id) => send(id, { type: 'confirm', question: role.context.question }))

/** Clients are in no order. */
function byUid(a: Output, b: Output): number {
  return JSON.stringify(a) < JSON.stringify(b) ? -1 : 1
}

const newsWanted = tell('learner', { type: 'news.wanted' })

describe('a read', () => {
  test('is answered when a quorum has accepted nothing beyond what this server has executed', () => {
    const role = reader()
    expect(said(role.hear(read('a', 1)))).toEqual(confirm(role, 0, 1, 2))
    expect(said(role.hear(confirmed(role, 0, 4)))).toEqual([])
    expect(said(role.hear(confirmed(role, 2, 4)))).toEqual([query('a', 1)])
    expect(role.state).toBe('idle')
    expect(role.timers).toEqual([])
  })

  test('is not answered by one server that answers twice', () => {
    const role = reader()
    role.hear(read('a', 1))
    role.hear(confirmed(role, 1, 4))
    expect(said(role.hear(confirmed(role, 1, 4), confirmed(role, 1, 4)))).toEqual([])
    expect(role.state).toBe('asking')
  })

  test('that may be stale is answered at once, whatever the server is', () => {
    for (const given of [{}, { members: [member(1), member(2)] }]) {
      const role = reader(given)
      expect(said(role.hear({ ...read('a', 1), stale: true }))).toEqual([query('a', 1)])
      expect(role.state).toBe('idle')
    }
  })

  test('waits for the instance that one of each quorum has accepted', () => {
    const role = reader()
    role.hear(read('a', 1), read('a', 2))
    role.hear(confirmed(role, 0, 6))
    expect(said(role.hear(confirmed(role, 1, 6)))).toEqual([])
    expect(role.state).toBe('catchingUp')
    expect(said(role.hear(executed(4)))).toEqual([])
    const wants = said(role.hear(executed(5)))
    expect(wants).toEqual([query('a', 1), ...confirm(role, 0, 1, 2)])
    expect(role.state, 'the second read came after the question').toBe('asking')
  })

  test('does not wait for what one server alone has accepted, once the others have answered', () => {
    const role = reader()
    role.hear(read('a', 1))
    role.hear(confirmed(role, 1, 9))
    role.hear(confirmed(role, 0, 4))
    expect(role.state).toBe('catchingUp')
    expect(said(role.hear(confirmed(role, 2, 4)))).toEqual([query('a', 1)])
  })

  test('that is asked again is answered once, at the new address', () => {
    const role = reader()
    role.hear(read('a', 1))
    expect(said(role.hear({ ...read('a', 1), replyTo: 'another address' }))).toEqual([])
    role.hear(confirmed(role, 0, 4))
    expect(said(role.hear(confirmed(role, 1, 4)))).toEqual([{ ...query('a', 1), to: 'another address' }])
  })
})

describe('a question', () => {
  test('is shared by the reads that came before it, and not by later ones', () => {
    const role = reader()
    role.hear(read('a', 1))
    const { question } = role.context
    expect(said(role.hear(read('b', 1), read('b', 2), read('c', 7)))).toEqual([])
    role.hear(confirmed(role, 0, 4))
    const wants = said(role.hear(confirmed(role, 1, 4)))
    expect(role.context.question).toBe(question + 1)
    expect(wants).toEqual([query('a', 1), ...confirm(role, 0, 1, 2)])
    role.hear(confirmed(role, 0, 4))
    expect(said(role.hear(confirmed(role, 1, 4))).toSorted(byUid)).toEqual([query('b', 1, 2), query('c', 7)])
  })

  test.each<[title: string, more: Partial<Heard<Confirmed>>]>([
    ['of another question', { question: 7 }],
    ['of another directory', { incarnation: 'another' }],
    ['of no member', sentBy(9)],
  ])('takes no answer %s', (_, more) => {
    const role = reader()
    role.hear(read('a', 1))
    role.hear(confirmed(role, 0, 4))
    expect(said(role.hear(confirmed(role, 1, 4, more)))).toEqual([])
    expect(role.context.answers).toHaveLength(1)
  })

  test('has another number in each run', () => {
    const numbers = [1, 2, 3].map((randomSeed) => reader({ randomSeed }).context.question)
    expect(new Set(numbers).size).toBe(3)
  })

  test('is repeated to those that have not answered, less and less often', () => {
    const role = reader()
    role.hear(read('a', 1))
    role.hear(confirmed(role, 1, 4))
    expect(said(role.pass('retransmitInterval'))).toEqual(confirm(role, 0, 2))
    expect(said(role.pass('retransmitInterval'))).toEqual(confirm(role, 0, 2))
    for (let tries = 2; tries < defaultTiming.newsTries; tries += 1) role.pass('retransmitInterval')
    expect(said(role.pass('retransmitInterval')), 'the members may have changed').toEqual([
      newsWanted,
      ...confirm(role, 0, 2),
    ])
  })

  test('is void when the members change: all reads share a new one, which the new members answer', () => {
    const role = reader()
    role.hear(read('a', 1))
    role.hear(read('b', 1))
    role.hear(confirmed(role, 0, 5))
    role.hear(confirmed(role, 1, 5))
    expect(role.state).toBe('catchingUp')
    const { question } = role.context
    const joined = [...members(3), member(3)]
    expect(said(role.hear({ type: 'members.changed', members: joined }))).toEqual(confirm(role, 0, 1, 2, 3))
    expect(role.context.question).toBe(question + 1)
    role.hear(executed(4))
    role.hear(confirmed(role, 0, 5))
    role.hear(confirmed(role, 1, 5))
    expect(said(role.hear(confirmed(role, 3, 5))).toSorted(byUid)).toEqual([query('a', 1), query('b', 1)])
  })
})

describe('a server that is behind', () => {
  test('has its learner ask the server that knows most', () => {
    const role = reader()
    role.hear(read('a', 1))
    role.hear(confirmed(role, 1, 6, { firstUnchosen: 5 }))
    const informant = { id: 2, incarnation: foundingIncarnation(2) }
    const atMs = 0
    expect(said(role.hear(confirmed(role, 2, 6, { firstUnchosen: 6 })))).toEqual([
      tell('learner', { type: 'behind.noticed', firstUnchosen: 6, informant, atMs }),
    ])
  })

  test('has a batch settled that nobody knows to be chosen, and asks the silent again', () => {
    const role = reader()
    role.hear(read('a', 1))
    role.hear(confirmed(role, 1, 5))
    expect(said(role.hear(confirmed(role, 2, 5)))).toEqual([])
    expect(said(role.pass('retransmitInterval'))).toEqual([newsWanted, ...confirm(role, 0)])
    expect(said(role.hear(executed(4)))).toEqual([query('a', 1)])
  })
})

describe('a server that cannot answer', () => {
  test('because it is full refuses what is too much', () => {
    const role = reader({ limits: { ...defaultLimits, queueRequests: 3 } })
    role.hear(read('a', 1, 2))
    expect(said(role.hear(read('b', 1, 2, 3)))).toEqual([busy('b', 'busy', 2, 3)])
    role.hear(confirmed(role, 0, 4))
    role.hear(confirmed(role, 1, 4))
    expect(said(role.hear(read('c', 1, 2)))).toEqual([])
  })

  test('because it stops refuses new reads, and answers the others', () => {
    const role = reader()
    role.hear(read('a', 1), { type: 'node.stopping' })
    expect(said(role.hear(read('b', 1)))).toEqual([busy('b', 'stopping', 1)])
    role.hear(confirmed(role, 0, 4))
    expect(said(role.hear(confirmed(role, 1, 4)))).toEqual([query('a', 1)])
  })

  test('because it is not counted refuses all', () => {
    const role = reader()
    role.hear(read('a', 1), read('b', 2))
    const removed: ReaderEvent = { type: 'members.changed', members: [member(1), member(2)] }
    expect(said(role.hear(removed)).toSorted(byUid)).toEqual([
      busy('a', 'notMember', 1),
      busy('b', 'notMember', 2),
    ])
    expect(said(role.hear(read('c', 1)))).toEqual([busy('c', 'notMember', 1)])
    expect(role.state).toBe('idle')
  })
})
