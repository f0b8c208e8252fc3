/** Handing over: a server sends the requests of its clients to the leader, and keeps them until they end. */
import { describe, expect, test } from 'vitest'
import type { RequestQueueEvent } from '../../machines/inbox.ts'
import { defaultLimits } from '../../machines/limits.ts'
import { withoutSample, withSample } from '../../machines/round-trip.ts'
import { defaultTiming, leaderPatience } from '../../machines/timing.ts'
import {
  answer,
  answers,
  ask,
  askAll,
  became,
  busy,
  delayed,
  done,
  expectSound,
  groupOf,
  handedOverBy,
  handOver,
  heldIds,
  idsOf,
  leads,
  news,
  newsChecked,
  offer,
  offerOf,
  queue,
  queued,
  ran,
  ready,
  wanted,
  workWanted,
} from '../support/request-queue.ts'
import { cancel, member, members, request, said, send, timer, type Want } from '../support/role.ts'

const { retransmitMs, leaderPatienceMs } = defaultTiming
const one = request('a', 1)
const two = request('b', 1)

/** Server 0, which believes that server 1 leads. */
const follower = (changes: Parameters<typeof queue>[0] = {}) => queue({ leader: 1, ...changes })

/** Lets intervals pass until the leader is given up; what it wanted in each. */
function untilGivenUp(role: ReturnType<typeof queue>): (readonly Want[])[] {
  const wants: (readonly Want[])[] = []
  while (role.state === 'handedOver') wants.push(said(role.pass('handOverInterval')))
  return wants
}

describe('a request, while another server leads,', () => {
  test('is sent to the leader once, and kept; the proposer is not told', () => {
    const role = follower()
    expect(role.hear(ask('a'))).toEqual([handOver(1, one), timer('handOverInterval', retransmitMs)])
    expect(role.state).toBe('handedOver')
    expect(idsOf(role.context.held.handedOver)).toEqual(['1:a'])
    expectSound(role.context)
  })

  test('goes with the others of its datagram, grouped by session', () => {
    const role = follower()
    expect(said(role.hear(askAll('a', [1, 2, 3])))).toEqual([
      handOver(1, ...[1, 2, 3].map((seq) => request('a', seq))),
    ])
    expect(said(role.hear(askAll('b', [1, 2])))).toEqual([
      handOver(1, ...[1, 2].map((seq) => request('b', seq))),
    ])
    expect(role.timers).toEqual(['handOverInterval'])
    expectSound(role.context)
  })

  test('goes in several messages where one would be larger than a batch', () => {
    const role = follower({ limits: { ...defaultLimits, batchRequests: 2 } })
    expect(said(role.hear(askAll('a', [1, 2, 3])))).toEqual([
      handOver(1, request('a', 1), request('a', 2)),
      handOver(1, request('a', 3)),
    ])
  })

  test('is answered when it is executed here', () => {
    const role = follower()
    role.hear(ask('a'))
    expect(role.hear(ran([became('a', done)]))).toEqual([answer('a', done), cancel('handOverInterval')])
    expect(role.state).toBe('empty')
    expect(role.context.held).toMatchObject({ count: 0, handedOver: [], readyBytes: 0 })
  })

  test('asked for again is not sent again at once', () => {
    const role = follower()
    role.hear(ask('a'))
    expect(role.hear(ask('a', { replyTo: 'new' }))).toEqual([])
    expect(said(role.hear(ran([became('a', done)])))).toEqual([answer('a', done, 'new')])
  })

  test('is not offered to the proposer, even one that asks', () => {
    const role = follower()
    role.hear(ask('a'))
    expect(role.hear(wanted)).toEqual([])
    expect(role.hear(workWanted)).toEqual([])
    expect(role.state).toBe('handedOver')
  })

  test('that leads itself, or is not counted, is no leader to hand over to', () => {
    for (const changes of [{ leader: 0 }, { leader: 7 }, { members: [member(0), member(1, null)] }]) {
      expect(follower(changes).hear(ask('a'))).toEqual([ready])
    }
  })

  test('is refused when the queue is full of requests that were handed over', () => {
    const role = follower({ limits: { ...defaultLimits, queueRequests: 2 } })
    expect(said(role.hear(askAll('a', [1, 2, 3])))).toEqual([
      busy('a', 'busy', 'a', [3]),
      handOver(1, request('a', 1), request('a', 2)),
    ])
    expect(said(role.hear(ask('b')))).toEqual([busy('b', 'busy')])
    expect(said(role.hear(ran([became('a', done)])))).toEqual([answer('a', done)])
    expect(said(role.hear(ask('b')))).toEqual([handOver(1, two)])
  })
})

describe('after an interval', () => {
  test('what was sent at its beginning is sent again, and what was sent during it is not', () => {
    const role = follower()
    role.hear(ask('a'), ask('b'))
    expect(role.pass('handOverInterval')).toEqual([
      cancel('handOverInterval'),
      handOver(1, one),
      timer('handOverInterval', 2 * retransmitMs),
    ])
    expect(said(role.pass('handOverInterval'))).toEqual([handOver(1, one, two)])
    expectSound(role.context)
  })

  test('what has ended is not sent again', () => {
    const role = follower()
    role.hear(askAll('a', [1, 2]))
    role.hear(ran([became('a', done, 1)]))
    expect(said(role.pass('handOverInterval'))).toEqual([handOver(1, request('a', 2))])
  })

  test('a leader without progress for long enough is competed with, in order of arrival', () => {
    const role = follower()
    role.hear(ask('a'), ask('b'))
    const intervals = untilGivenUp(role)
    expect(intervals.at(-1)).toEqual([ready])
    expect(intervals.slice(0, -1).every((wants) => wants.length === 1)).toBe(true)
    expect(retransmitMs * (2 ** intervals.length - 1)).toBeGreaterThanOrEqual(leaderPatienceMs)
    expect(retransmitMs * (2 ** (intervals.length - 1) - 1)).toBeLessThan(leaderPatienceMs)
    expect(role.state).toBe('ready')
    expect(role.context.leader).toBeNull()
    expect(role.hear(wanted)).toEqual([offer(['a', 'b'])])
    expectSound(role.context)
  })

  test('progress with one request gives the leader its time again', () => {
    const role = follower()
    role.hear(ask('a'), ask('b'), ask('c'))
    role.pass('handOverInterval')
    role.pass('handOverInterval')
    role.hear(ran([became('a', done)]))
    expect(role.context).toMatchObject({ tries: 0, silentMs: 0 })
    role.pass('handOverInterval')
    expect(role.state).toBe('handedOver')
  })

  test('executions of other requests are no progress of the leader', () => {
    const role = follower()
    role.hear(ask('a'))
    role.pass('handOverInterval')
    role.hear(ran([became('other', done)], { progressed: true }))
    expect(role.context).toMatchObject({ tries: 1, silentMs: retransmitMs })
  })

  test('each silent leader in a row is waited for twice as long', () => {
    const role = follower()
    role.hear(ask('a'))
    const first = untilGivenUp(role).length
    role.hear(leads(2))
    expect(role.state).toBe('handedOver')
    expect(untilGivenUp(role).length).toBe(first + 1)
    // The request was handed over when a leader changed, so its time is not known, and the interval is the one before.
    role.hear(leads(1), ran([became('a', done)], { atMs: 20 }), ask('b'))
    expect(untilGivenUp(role).length).toBe(first)
  })
})

describe('a leader is not silent', () => {
  /** Executes the request after `intervals` silent ones; the time that they took. */
  const executeAfter = (role: ReturnType<typeof queue>, uid: string, intervals: number) => {
    role.hear(ask(uid))
    for (let interval = 0; interval < intervals; interval += 1) role.pass('handOverInterval')
    const { silentMs } = role.context
    role.hear(ran([became(uid, done)]))
    return silentMs
  }

  test('within four times the longest wait of late that ended with progress', () => {
    const role = follower()
    const silentMs = executeAfter(role, 'a', 3)
    expect(silentMs).toBeGreaterThan(leaderPatienceMs / 2)
    expect(role.context.slowestMs).toBe(silentMs)
    role.hear(ask('b'))
    let longest = 0
    while (role.state === 'handedOver') {
      longest = role.context.silentMs
      role.pass('handOverInterval')
    }
    expect(longest).toBeGreaterThan(leaderPatienceMs)
    expect(longest).toBeLessThan(4 * silentMs)
    expectSound(role.context)
  })

  test('for that reason only until it was fast for some time', () => {
    const role = follower()
    const silentMs = executeAfter(role, 'a', 3)
    executeAfter(role, 'b', 0)
    expect(role.context.slowestMs).toBe((silentMs * 7) / 8)
    for (let time = 0; time < 30; time += 1) executeAfter(role, 'c', 0)
    expect(role.context.slowestMs).toBeLessThan(leaderPatienceMs / 10)
  })

  test('but never for longer than the limit', () => {
    const role = queue({ leader: 1 })
    expect(leaderPatience({ ...role.context, slowestMs: 60_000 })).toBe(defaultTiming.leaderPatienceLimitMs)
  })

  test('in a round in which it executed what was handed over, however long the round is', () => {
    const role = follower()
    role.hear(ask('a', { atMs: 1_000 }), ask('b', { atMs: 1_000 }))
    role.hear(ran([became('a', done)], { atMs: 10_000 }))
    role.pass('handOverInterval')
    expect(role.state).toBe('handedOver')
    expect(role.context).toMatchObject({ leader: 1, silentMs: 0 })
  })

  test('when it answers that the requests have ended, and this server is behind', () => {
    const role = follower()
    role.hear(ask('a'))
    for (let round = 0; round < 30; round += 1) {
      role.hear({ type: 'leader.answered', leader: 1 })
      role.pass('handOverInterval')
    }
    expect(role.state).toBe('handedOver')
    expect(role.context.leader).toBe(1)
  })

  test('because of an answer of another server', () => {
    const role = follower()
    role.hear(ask('a'))
    const other = follower()
    other.hear(ask('a'))
    const rounds = untilGivenUp(other).length
    for (let round = 1; round < rounds; round += 1) {
      role.hear({ type: 'leader.answered', leader: 2 })
      role.pass('handOverInterval')
    }
    role.pass('handOverInterval')
    expect(role.context.leader).toBeNull()
  })
})

describe('the interval', () => {
  const measured = (ms: number) => {
    const role = follower()
    role.hear(ask('a', { atMs: 1_000 }))
    role.hear(ran([became('a', done)], { atMs: 1_000 + ms }))
    return role.hear(ask('b', { atMs: 5_000 })).filter(({ type }) => type === 'timer')
  }

  test('follows the measured time from handing over to execution', () => {
    expect(measured(30)).toEqual([timer('handOverInterval', 30 + 30)])
  })

  test('stays within its bounds', () => {
    expect(measured(0)).toEqual([timer('handOverInterval', defaultTiming.retransmitLeastMs)])
    expect(measured(9_000)).toEqual([timer('handOverInterval', defaultTiming.retransmitLimitMs)])
  })

  test('is not measured with a request that was sent twice', () => {
    const role = follower()
    role.hear(ask('a', { atMs: 1_000 }))
    role.pass('handOverInterval')
    role.hear(ran([became('a', done)], { atMs: 1_900 }))
    expect(role.context.roundTrip).toEqual(withoutSample(null, defaultTiming.retransmitMs))
  })

  test('is not measured with a request that was handed over at an unknown time', () => {
    const role = follower()
    role.hear(ask('a', { atMs: 1_000 }), leads(2))
    expect(role.context.held.handedOver).not.toEqual([])
    role.hear(ran([became('a', done)], { atMs: 1_900 }))
    expect(role.context.roundTrip).toBeNull()
  })

  test('is measured from the execution that woke the request', () => {
    const role = follower()
    role.hear(ask('a', { atMs: 1_000 }))
    role.hear(ran([became('a', { kind: 'delayed', key: 'k' })], { atMs: 1_030 }))
    role.hear(ran([], { freed: ['k'], atMs: 5_000 }))
    role.hear(ran([became('a', done)], { atMs: 5_030 }))
    expect(role.context.roundTrip).toEqual(withSample(withSample(null, 30), 30))
  })
})

describe('another leader', () => {
  test('after the leader was removed, the next one is waited for from the beginning', () => {
    const role = follower()
    role.hear(ask('a'))
    role.pass('handOverInterval')
    expect(role.context).toMatchObject({ tries: 1, silentMs: defaultTiming.retransmitMs })
    role.hear({ type: 'members.changed', members: [member(0), member(2)] })
    expect(role.context).toMatchObject({ leader: null, tries: 0, silentMs: 0 })
  })

  test('receives what was handed over, and what arrives from then on', () => {
    const role = follower()
    role.hear(ask('a'))
    expect(said(role.hear(leads(2)))).toEqual([handOver(2, one)])
    expect(said(role.hear(ask('b')))).toEqual([handOver(2, two)])
    expect(role.state).toBe('handedOver')
    expectSound(role.context)
  })

  test('that is this server proposes what was handed over', () => {
    const role = follower()
    role.hear(ask('a'), ask('b'))
    expect(said(role.hear(leads(0)))).toEqual([ready])
    expect(role.hear(wanted)).toEqual([offer(['a', 'b'])])
  })

  test('receives what waits for the proposer here', () => {
    const role = queue()
    role.hear(ask('a'))
    expect(said(role.hear(leads(1)))).toEqual([handOver(1, one)])
    expect(role.state).toBe('handedOver')
  })

  test('receives what the proposer has only after the proposer has given up', () => {
    const role = queue()
    role.hear(ask('a'), wanted)
    expect(role.hear(leads(1))).toEqual([])
    expect(said(role.hear(ask('b')))).toEqual([handOver(1, two)])
    expect(role.state).toBe('proposing')
    expect(said(role.hear(workWanted))).toEqual([handOver(1, one)])
    expect(role.state).toBe('handedOver')
    expectSound(role.context)
  })

  test('that is known already changes nothing', () => {
    const role = follower()
    role.hear(ask('a'))
    role.pass('handOverInterval')
    expect(role.hear(leads(1))).toEqual([])
    expect(role.context.tries).toBe(1)
  })
})

describe('a client that left the leader', () => {
  test('has its request proposed here', () => {
    const role = follower()
    expect(role.hear(ask('a', { avoid: 1 }))).toEqual([ready])
    expect(role.state).toBe('ready')
    expect(role.hear(wanted)).toEqual([offer(['a'])])
  })

  test('has its request handed over to another leader', () => {
    const role = queue({ leader: 2 })
    expect(said(role.hear(ask('a', { avoid: 1 })))).toEqual([handOver(2, one)])
  })

  test('while its request was handed over already, has it proposed here; others stay with the leader', () => {
    const role = follower()
    role.hear(ask('a'), ask('b'))
    expect(said(role.hear(ask('a', { avoid: 1 })))).toEqual([ready])
    expect(idsOf(role.context.held.ready)).toEqual(['1:a'])
    expect(idsOf(role.context.held.handedOver)).toEqual(['1:b'])
    expect(role.hear(wanted)).toEqual([offer(['a'])])
    expectSound(role.context)
  })
})

describe('a delayed request that was handed over', () => {
  const isDelayed = () => {
    const role = follower()
    role.hear(ask('a'))
    expect(said(role.hear(ran([delayed('a', 'k')])))).toEqual([queued('a')])
    expect(role.state).toBe('delayed')
    expect(role.timers).toEqual([])
    expectSound(role.context)
    return role
  }

  test('is kept here with its tag, and handed over again when it is woken', () => {
    const role = isDelayed()
    expect(said(role.hear(ran([], { freed: ['k'] })))).toEqual([handOver(1, one)])
    expect(role.state).toBe('handedOver')
    expect(said(role.hear(ran([delayed('a', 'k')])))).toEqual([])
    expect(role.state).toBe('delayed')
    expectSound(role.context)
  })

  test('is answered when a quorum was asked for news', () => {
    const role = isDelayed()
    expect(role.hear(ask('a'))).toEqual([news])
    expect(role.hear(newsChecked)).toEqual([queued('a')])
  })

  test('beside one that is handed over: that one is still waited for', () => {
    const role = follower()
    role.hear(ask('a'), ask('b'))
    role.hear(ran([delayed('a', 'k')]))
    expect(role.state).toBe('handedOver')
    expect(said(role.pass('handOverInterval'))).toEqual([])
    expect(said(role.pass('handOverInterval'))).toEqual([handOver(1, two)])
  })
})

describe('the leader', () => {
  const leader = (changes: Parameters<typeof queue>[0] = {}) => queue({ leader: 0, ...changes })
  const both = [groupOf('a', [1, 2]), groupOf('b', [1])]
  const settled = (to: number, instance: number) => send(to, { type: 'settled', ballot: null, instance })

  test('proposes what another server hands over, and names that server in the batch', () => {
    const role = leader()
    expect(role.hear(handedOverBy(2, both))).toEqual([ready])
    const requests = [request('a', 1), request('a', 2), request('b', 1)]
    expect(role.hear(wanted)).toEqual([offerOf(requests, { heldBy: 2 })])
    expectSound(role.context)
  })

  test('separates the requests of one session by the server that holds them', () => {
    const role = leader()
    role.hear(ask('a'), handedOverBy(2, [groupOf('a', [2])]))
    const [offered] = role.hear(wanted)
    expect(offered).toMatchObject({
      event: {
        batch: {
          groups: [
            { uid: 'a', heldBy: 0 },
            { uid: 'a', heldBy: 2 },
          ],
        },
      },
    })
  })

  test('answers nobody for it, and drops it when it has ended', () => {
    const role = leader()
    role.hear(handedOverBy(2, both), wanted)
    expect(role.hear(ran([became('a', done, 1), became('a', done, 2), became('b', done)]))).toEqual([])
    expect(role.state).toBe('empty')
    expect(role.context.held).toMatchObject({ sessions: [], count: 0, readyBytes: 0 })
  })

  test.each([
    ['delayed', delayed('a', 'k')],
    ['without room', became('a', { kind: 'full', of: 'waiting' })],
  ])('drops it when it is %s: the server that holds it keeps it', (_, outcome) => {
    const role = leader()
    role.hear(handedOverBy(2, [groupOf('a', [1])]), wanted)
    expect(role.hear(ran([outcome]))).toEqual([])
    expect(role.context.held).toMatchObject({ count: 0, delayedCount: 0, waiting: [] })
    expectSound(role.context)
  })

  test('takes it once, however often it is handed over', () => {
    const role = leader()
    role.hear(handedOverBy(2, both))
    expect(role.hear(handedOverBy(2, both), handedOverBy(1, both))).toEqual([])
    expect(heldIds(role.context)).toEqual(['1:a', '1:b', '2:a'])
    expectSound(role.context)
  })

  test('holds it itself once its client asks here', () => {
    const role = leader()
    role.hear(handedOverBy(2, [groupOf('a', [1])]))
    expect(role.hear(ask('a'))).toEqual([])
    expect(role.hear(wanted)).toEqual([offer(['a'])])
    expect(role.hear(ran([became('a', done)]))).toEqual([answer('a', done)])
  })

  test('says that the instance is settled when one of them has ended: its holder missed that', () => {
    const role = leader()
    const ended = [[{ seq: 1, outcome: done }], []]
    expect(role.hear(handedOverBy(2, both, { ended, firstUnexecuted: 8 }))).toEqual([settled(2, 7), ready])
    expect(heldIds(role.context)).toEqual(['1:b', '2:a'])
  })

  test.each([
    ['it stops', { type: 'node.stopping' }],
    ['its disk has little room', { type: 'space.changed', isLow: true }],
  ] as const)('says so though %s, and takes no new ones', (_, event) => {
    const role = leader()
    role.hear(event)
    const ended = [[{ seq: 1, outcome: done }], []]
    expect(role.hear(handedOverBy(2, both, { ended, firstUnexecuted: 8 }))).toEqual([settled(2, 7)])
    expect(role.context.held.count).toBe(0)
  })

  test('that has executed nothing says nothing of instances', () => {
    const ended = [[{ seq: 1, outcome: { kind: 'refused', reason: 'expired' } as const }], []]
    expect(said(leader().hear(handedOverBy(2, both, { ended, firstUnexecuted: 0 })))).toEqual([ready])
  })

  test.each<[string, () => ReturnType<typeof queue>, RequestQueueEvent]>([
    [
      'at a server that is not counted',
      () => leader({ members: [member(1), member(2)] }),
      handedOverBy(2, both),
    ],
    ['of sessions without room', () => leader(), handedOverBy(2, both, { isFull: true })],
  ])('takes nothing %s', (_, given, event) => {
    const role = given()
    expect(role.hear(event)).toEqual([])
    expect(role.context.held.count).toBe(0)
  })

  test.each([
    ['that is no member', 7, 'founder-7'],
    ['of another directory', 2, 'another'],
  ])('takes nothing of a server %s, and shows it that it missed something', (_, sender, incarnation) => {
    const role = leader()
    const event = { ...handedOverBy(sender, both, { firstUnexecuted: 8 }), incarnation }
    expect(role.hear(event)).toEqual([{ ...settled(sender, 7), incarnation }])
    expect(role.context.held.count).toBe(0)
    expect(role.hear({ ...event, firstUnexecuted: 0 })).toEqual([])
  })

  test('takes what there is room for, and refuses nobody: the holder sends the rest again', () => {
    const role = leader({ limits: { ...defaultLimits, queueRequests: 2 } })
    expect(role.hear(handedOverBy(2, both))).toEqual([ready])
    expect(heldIds(role.context)).toEqual(['1:a', '2:a'])
  })

  test('that leads no more hands its own requests on, and never those that were handed over to it', () => {
    const role = leader()
    role.hear(handedOverBy(2, [groupOf('a', [1])]), ask('b'))
    expect(said(role.hear(leads(1)))).toEqual([handOver(1, two), ready])
    expect(idsOf(role.context.held.ready)).toEqual(['1:a'])
    expect(role.hear(wanted)).toEqual([offerOf([one], { heldBy: 2 })])
    expect(said(role.hear(leads(2), workWanted))).not.toContainEqual(handOver(2, one))
    expectSound(role.context)
  })

  test('that does not lead takes what is handed over all the same', () => {
    const role = follower()
    expect(role.hear(handedOverBy(2, [groupOf('a', [1])]))).toEqual([ready])
  })
})

describe('members', () => {
  test('without the leader: what was handed over to it is proposed here', () => {
    const role = queue({ leader: 2 })
    role.hear(ask('a'))
    expect(said(role.hear({ type: 'members.changed', members: members(2) }))).toEqual([ready])
    expect(role.context.leader).toBeNull()
    expect(role.hear(wanted)).toEqual([offer(['a'])])
    expectSound(role.context)
  })

  test('without another: nothing changes', () => {
    const role = follower()
    role.hear(ask('a'))
    const { held } = role.context
    expect(role.hear({ type: 'members.changed', members: members(2) })).toEqual([])
    expect(role.context.held).toBe(held)
  })

  test('without this server: clients are refused, and other servers are not', () => {
    const role = follower()
    role.hear(askAll('a', [1, 2]), handedOverBy(2, [groupOf('c', [1])]))
    expect(said(role.hear({ type: 'members.changed', members: [member(1), member(2)] }))).toEqual([
      busy('a', 'notMember', 'a', [1, 2]),
    ])
    expect(role.state).toBe('empty')
    expect(role.timers).toEqual([])
  })
})

test('a server that stops still waits for the leader', () => {
  const role = follower()
  role.hear(ask('a'), { type: 'node.stopping' })
  expect(said(role.pass('handOverInterval'))).toEqual([handOver(1, one)])
  expect(said(role.hear(ran([became('a', done)])))).toEqual([answers('a', [{ seq: 1, outcome: done }])])
})

test('no more than 1,024 are sent at once; the rest follows with the next repetition', () => {
  const role = follower({ limits: { ...defaultLimits, batchRequests: 2_000, batchBytes: 1_000_000 } })
  const seqs = Array.from({ length: 1_030 }, (_, seq) => seq)
  const sizes = (wants: readonly Want[]) =>
    said(wants).flatMap((want) =>
      want.type === 'send' && want.message.type === 'handOver'
        ? want.message.groups.map(({ requests }) => [requests[0]?.seq, requests.length])
        : [],
    )
  expect(sizes(role.hear(askAll('a', seqs)))).toEqual([[0, 1_024]])
  role.hear(ran(seqs.slice(0, 1_024).map((seq) => became('a', done, seq))))
  expect(sizes(role.pass('handOverInterval'))).toEqual([[1_024, 6]])
})
