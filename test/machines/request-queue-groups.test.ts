/** Many requests in one datagram: one transition, and one answer of each kind. */
import { describe, expect, test } from 'vitest'
import { defaultLimits } from '../../machines/limits.ts'
import { firstValues } from '../../machines/table.ts'
import {
  answers,
  ask,
  askAll,
  became,
  busy,
  delayed,
  done,
  expectSound,
  failed,
  heldIds,
  idsOf,
  news,
  newsChecked,
  offerOf,
  queue,
  queued,
  queueWithDelayed,
  ran,
  ready,
  refused,
  wanted,
} from '../support/request-queue.ts'
import { member, request } from '../support/role.ts'

const ended = [
  { seq: 1, outcome: done },
  { seq: 2, outcome: failed },
]

describe('a message with many requests', () => {
  test('is admitted as a whole, in order, and announced once', () => {
    const role = queue()
    expect(role.hear(askAll('a', [1, 2, 5]))).toEqual([ready])
    expect(idsOf(role.context.held.ready)).toEqual(['1:a', '2:a', '5:a'])
    expect(role.hear(wanted)).toEqual([offerOf([1, 2, 5].map((seq) => request('a', seq)))])
    expectSound(role.context)
  })

  test('of which some have ended, some are delayed, some are held, and some are new', () => {
    const role = queueWithDelayed([['a', 'k']])
    role.hear(askAll('a', [4]))
    // 1 is delayed, 4 is in the batch of the proposer, 2 and 3 have ended, 5 and 6 are new.
    const endedNow = [
      { seq: 2, outcome: done },
      { seq: 3, outcome: refused },
    ]
    expect(role.hear(askAll('a', [1, 2, 3, 4, 5, 6], { ended: endedNow }))).toEqual([answers('a', endedNow)])
    expect(heldIds(role.context)).toEqual(['1:a', '4:a', '5:a', '6:a'])
    expect(idsOf(role.context.held.ready)).toEqual(['4:a', '5:a', '6:a'])
    expect(firstValues(role.context.askedAgain, 9)).toEqual([{ uid: 'a', seq: 1 }])
    expectSound(role.context)
  })

  test('without room for all: the first are admitted, and one answer names the others', () => {
    const role = queue({ limits: { ...defaultLimits, queueRequests: 3 } })
    expect(role.hear(askAll('a', [1, 2, 3, 4, 5], { ended: [{ seq: 1, outcome: done }] }))).toEqual([
      answers('a', [{ seq: 1, outcome: done }]),
      busy('a', 'busy', 'a', [5]),
      ready,
    ])
    expect(heldIds(role.context)).toEqual(['2:a', '3:a', '4:a'])
    expect(role.hear(askAll('a', [4, 5, 6]))).toEqual([busy('a', 'busy', 'a', [5, 6])])
    expectSound(role.context)
  })

  test('without room for all by size', () => {
    const role = queue({ limits: { ...defaultLimits, queueBytes: 100 } })
    expect(role.hear(askAll('a', [1, 2, 3], { commandBytes: 60 }))).toEqual([
      busy('a', 'busy', 'a', [3]),
      ready,
    ])
    expectSound(role.context)
  })

  test.each([
    ['that stops', 'stopping'],
    ['that is not counted', 'notMember'],
  ] as const)('to a server %s: the ended ones are answered, and one refusal names the new ones', (_, reason) => {
    const role = queue(reason === 'notMember' ? { members: [member(1), member(2)] } : {})
    if (reason === 'stopping') role.hear(askAll('a', [3]), { type: 'node.stopping' })
    expect(role.hear(askAll('a', [1, 2, 3, 4, 5], { ended }))).toEqual([
      answers('a', ended),
      busy('a', reason, 'a', reason === 'stopping' ? [4, 5] : [3, 4, 5]),
    ])
    expect(role.context.held.count).toBe(reason === 'stopping' ? 1 : 0)
  })

  test('without room for its session: one refusal names those that are not held', () => {
    const role = queue()
    role.hear(askAll('a', [1]))
    const event = askAll('a', [1, 2, 3])
    expect(role.hear({ ...event, recalled: { ended: [], isFull: true } })).toEqual([
      busy('a', 'busy', 'a', [2, 3]),
    ])
    expect(heldIds(role.context)).toEqual(['1:a'])
  })

  test('from another address moves the answers of the held requests it names, and of no other', () => {
    const role = queue()
    role.hear(askAll('a', [1, 2, 3]), { ...askAll('a', [1, 3]), replyTo: 'new' })
    const outcomes = [1, 2, 3].map((seq) => became('a', done, seq))
    expect(role.hear(ran(outcomes))).toEqual([
      answers(
        'a',
        [1, 3].map((seq) => ({ seq, outcome: done })),
        'new',
      ),
      answers('a', [{ seq: 2, outcome: done }]),
    ])
  })

  test('that names a request twice, or out of order, holds each once, in order', () => {
    const role = queue()
    role.hear(askAll('a', [3, 1, 3, 2]))
    expect(idsOf(role.context.held.ready)).toEqual(['1:a', '2:a', '3:a'])
    expectSound(role.context)
  })

  test('raises ackedBelow for the held requests of its session, and a late one does not lower it', () => {
    const role = queue()
    role.hear(ask('a', { seq: 5, ackedBelow: 4 }), ask('a', { seq: 6, ackedBelow: 5 }), ask('a', { seq: 7 }))
    expect(role.hear(wanted)).toEqual([
      offerOf([5, 6, 7].map((seq) => ({ ...request('a', seq), ackedBelow: 5 }))),
    ])
  })
})

describe('an execution', () => {
  test('answers each session and address once, with all outcomes, delays and refusals', () => {
    const role = queue()
    role.hear(askAll('a', [1, 2, 3, 4, 5, 6]), askAll('b', [1, 2]), wanted)
    const outcomes = [
      became('a', done, 1),
      became('b', done, 1),
      became('a', failed, 2),
      delayed('a', 'k', 3),
      delayed('b', 'k', 2),
      delayed('a', 'j', 4),
      became('a', { kind: 'full', of: 'waiting' }, 5),
      became('a', { kind: 'full', of: 'waiting' }, 6),
    ]
    expect(role.hear(ran(outcomes))).toEqual([
      answers('a', [
        { seq: 1, outcome: done },
        { seq: 2, outcome: failed },
      ]),
      answers('b', [{ seq: 1, outcome: done }]),
      queued('a', 'a', [3, 4]),
      queued('b', 'b', [2]),
      busy('a', 'busy', 'a', [5, 6]),
    ])
    expect(heldIds(role.context)).toEqual(['2:b', '3:a', '4:a'])
    expectSound(role.context)
  })

  test('after which a quorum was asked for news: one report for each session', () => {
    const role = queue()
    role.hear(askAll('a', [1, 2]), askAll('b', [1]), wanted)
    role.hear(ran([delayed('a', 'k', 1), delayed('a', 'k', 2), delayed('b', 'k', 1)]))
    expect(role.hear(askAll('a', [1, 2]), askAll('b', [1]))).toEqual([news, news])
    expect(role.hear(newsChecked)).toEqual([queued('a', 'a', [1, 2]), queued('b', 'b', [1])])
  })
})

describe('a batch', () => {
  test('groups the requests of a session that follow each other, and keeps the order of arrival', () => {
    const role = queue()
    role.hear(askAll('a', [1, 2]), askAll('b', [1]), askAll('a', [3]))
    expect(role.hear(wanted)).toEqual([
      offerOf([request('a', 1), request('a', 2), request('b', 1), request('a', 3)]),
    ])
  })

  test('counts what stands around a group once', () => {
    // Two groups: 80 and the uid for each, and 40 and the command for each request.
    const exact = 2 * 81 + 3 * 50
    for (const [batchBytes, seqs] of [
      [exact, [2]],
      [exact - 1, []],
    ] as const) {
      const role = queue({ limits: { ...defaultLimits, batchBytes } })
      role.hear(askAll('a', [1]), askAll('b', [1, 2]))
      const requests = [request('a', 1), request('b', 1), ...seqs.map((seq) => request('b', seq))]
      expect(role.hear(wanted)).toEqual([offerOf(requests)])
    }
  })

  test('counts each character of a uid as JSON writes it', () => {
    const uid = '\u0001"é'
    const bytes = 6 + 6 + 3 + 80 + 50
    for (const [batchBytes, others] of [
      [bytes + 131, ['b']],
      [bytes + 130, []],
    ] as const) {
      const role = queue({ limits: { ...defaultLimits, batchBytes } })
      role.hear(askAll(uid, [1]), askAll('b', [1]))
      expect(role.hear(wanted)).toEqual([offerOf([uid, ...others].map((one) => request(one, 1)))])
    }
  })
})

test('a removal refuses the requests of each session in one message', () => {
  const role = queue()
  role.hear(askAll('a', [1, 2]), askAll('b', [7]))
  const wants = role.hear({ type: 'members.changed', members: [member(1), member(2)] })
  const refusals = [busy('a', 'notMember', 'a', [1, 2]), busy('b', 'notMember', 'b', [7])]
  expect(wants).toHaveLength(refusals.length)
  expect(wants).toEqual(expect.arrayContaining(refusals))
})
