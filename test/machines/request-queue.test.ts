import { describe, expect, test } from 'vitest'
import type { RequestArrived, RequestQueueEvent } from '../../machines/inbox.ts'
import { defaultLimits, type Limits } from '../../machines/limits.ts'
import type { Execution, Outcome } from '../../machines/outcome.ts'
import type { RequestQueueContext } from '../../machines/request-queue.ts'
import { defaultTiming } from '../../machines/timing.ts'
import { arrayWork } from '../support/array-work.ts'
import {
  answer,
  ask,
  askAll,
  became,
  busy,
  cancelled,
  delayed,
  done,
  expectSound,
  failed,
  heldIds,
  idsOf,
  news,
  newsChecked,
  offer,
  queue,
  queued,
  queueWithDelayed,
  ran,
  ready,
  refused,
  wanted,
  workWanted,
} from '../support/request-queue.ts'
import { member, members, type Role, type Want } from '../support/role.ts'

describe('a queue that is full of delayed requests', () => {
  const full = () => queueWithDelayed([['b', 'k']], { limits: { ...defaultLimits, queueRequests: 1 } })

  test('hands back another that is delayed: its client is to come again', () => {
    const role = full()
    role.hear(ask('a'))
    expect(role.hear(ran([delayed('a', 'j')]))).toEqual([busy('a', 'busy')])
    expect(heldIds(role.context)).toEqual(['1:b'])
    expect(role.state).toBe('delayed')
    expectSound(role.context)
    expect(role.hear(ask('a'))).toEqual([ready])
  })

  test('of bytes turns away what is new, and hands back what turns out to be delayed', () => {
    const role = queue({ limits: { ...defaultLimits, queueBytes: 100 } })
    role.hear(ask('a', { commandBytes: 60 }), ask('b', { commandBytes: 60 }))
    expect(role.hear(ask('c', { commandBytes: 1 }))).toEqual([busy('c', 'busy')])
    role.hear(wanted, ran([delayed('a', 'k'), delayed('b', 'k')]))
    expect(role.context.held).toMatchObject({ delayedCount: 2, readyBytes: 0, delayedBytes: 120 })
    role.hear(ask('c', { commandBytes: 1 }), wanted)
    expect(role.hear(ran([delayed('c', 'k')]))).toEqual([busy('c', 'busy')])
    role.hear(ran([], { freed: ['k'] }))
    expect(role.context.held).toMatchObject({ delayedCount: 1, readyBytes: 60, delayedBytes: 60 })
    expectSound(role.context)
  })

  test('goes on with what frees it', () => {
    const role = full()
    role.hear(ask('a'))
    expect(role.hear(ran([became('a', done)], { freed: ['k'] }))).toEqual([answer('a', done)])
    expect(idsOf(role.context.held.ready)).toEqual(['1:b'])
    expectSound(role.context)
  })
})

test('it begins empty and in silence', () => {
  const role = queue()
  expect(role.began).toEqual([])
  expect(role.state).toBe('empty')
})

describe('a request', () => {
  const one: Limits = { ...defaultLimits, queueRequests: 1 }
  const isDelayed = () => queueWithDelayed([['a', 'k']])
  const isReady = () => {
    const role = queue()
    role.hear(ask('a'))
    return role
  }
  const isOffered = () => {
    const role = isReady()
    role.hear(wanted)
    return role
  }
  const lowOnSpace = (role: Role<RequestQueueContext>) => {
    role.hear({ type: 'space.changed', isLow: true })
    return role
  }
  const stopping = (role: Role<RequestQueueContext>) => {
    role.hear({ type: 'node.stopping' })
    return role
  }
  const isFull = () => {
    const role = queue({ limits: one })
    role.hear(ask('b'))
    return role
  }
  const isNotCounted = () => queue({ members: [member(1), member(2)] })

  test.each<
    [
      title: string,
      given: () => Role<RequestQueueContext>,
      event: RequestArrived,
      wants: Want[],
      state: string,
    ]
  >([
    ['that is new is taken', () => queue(), ask('a'), [ready], 'ready'],
    [
      'that is new is offered at once to a proposer that waits',
      () => queueWanted(),
      ask('a'),
      [offer(['a'])],
      'proposing',
    ],
    ['that is new, while another is offered, waits for its turn', isOffered, ask('b'), [], 'proposing'],
    [
      'that is new, while all others are delayed, is offered',
      isDelayed,
      ask('b'),
      [offer(['b'])],
      'proposing',
    ],
    [
      'that has been executed is answered as it was then',
      () => queue(),
      ask('a', { recorded: done }),
      [answer('a', done)],
      'empty',
    ],
    [
      'that has failed is answered as it was then',
      () => queue(),
      ask('a', { recorded: failed }),
      [answer('a', failed)],
      'empty',
    ],
    [
      'that was cancelled is answered so',
      () => queue(),
      ask('a', { recorded: cancelled }),
      [answer('a', cancelled)],
      'empty',
    ],
    [
      'that is recorded is answered though the node stops',
      () => stopping(queue()),
      ask('a', { recorded: done }),
      [answer('a', done)],
      'empty',
    ],
    [
      'that is recorded is answered though it is no member',
      isNotCounted,
      ask('a', { recorded: done }),
      [answer('a', done)],
      'empty',
    ],
    [
      'that is recorded is answered though the queue is full',
      isFull,
      ask('a', { recorded: done }),
      [answer('a', done)],
      'ready',
    ],
    [
      'that is new is turned away where the replica has no room for its session',
      () => queue(),
      ask('a', { recorded: { kind: 'full', of: 'sessions' } }),
      [busy('a', 'busy')],
      'empty',
    ],
    [
      'that is held is held though there is no room for its session now',
      isReady,
      ask('a', { recorded: { kind: 'full', of: 'sessions' } }),
      [],
      'ready',
    ],
    ['that is delayed here asks for news before it is answered', isDelayed, ask('a'), [news], 'delayed'],
    [
      'that is delayed here asks for news though the node stops',
      () => stopping(isDelayed()),
      ask('a'),
      [news],
      'delayed',
    ],
    ['that is ready here is not taken twice', isReady, ask('a'), [], 'ready'],
    ['that is offered is not taken twice', isOffered, ask('a'), [], 'proposing'],
    ['that is held is no new one while the node stops', () => stopping(isReady()), ask('a'), [], 'ready'],
    ['that is held is no new one while the queue is full', isFull, ask('b'), [], 'ready'],
    [
      'that is new is turned away while the node stops',
      () => stopping(queue()),
      ask('a'),
      [busy('a', 'stopping')],
      'empty',
    ],
    [
      'that is recorded is answered though the disk has little room',
      () => lowOnSpace(queue()),
      ask('a', { recorded: done }),
      [answer('a', done)],
      'empty',
    ],
    [
      'that is held is no new one while the disk has little room',
      () => lowOnSpace(isReady()),
      ask('a'),
      [],
      'ready',
    ],
    [
      'that is new is turned away while the disk has little room',
      () => lowOnSpace(queue()),
      ask('a'),
      [busy('a', 'noSpace')],
      'empty',
    ],
    [
      'that is new is taken when the disk has room again',
      () => {
        const role = lowOnSpace(queue())
        role.hear({ type: 'space.changed', isLow: false })
        return role
      },
      ask('a'),
      [ready],
      'ready',
    ],
    [
      'that is new is turned away by a server that is no member',
      isNotCounted,
      ask('a'),
      [busy('a', 'notMember')],
      'empty',
    ],
    [
      'that is new is turned away by a server that is added and not admitted',
      () => queue({ members: [member(0, null), member(1)] }),
      ask('a'),
      [busy('a', 'notMember')],
      'empty',
    ],
    [
      'that is new is turned away by a server whose directory is another',
      () => queue({ incarnation: 'another' }),
      ask('a'),
      [busy('a', 'notMember')],
      'empty',
    ],
    ['that is new is turned away by a full queue', isFull, ask('a'), [busy('a', 'busy')], 'ready'],
    [
      'is taken by a queue that is full of delayed ones: it may be what frees them',
      () => queueWithDelayed([['b', 'k']], { limits: one }),
      ask('a'),
      [offer(['a'])],
      'proposing',
    ],
    [
      'is told that the node stops before anything else',
      () => stopping(queue({ members: [], limits: { ...one, queueRequests: 0 } })),
      ask('a'),
      [busy('a', 'stopping')],
      'empty',
    ],
  ])('%s', (_, given, event, wants, state) => {
    const role = given()
    expect(role.hear(event)).toEqual(wants)
    expect(role.state).toBe(state)
    expectSound(role.context)
  })

  function queueWanted() {
    const role = queue()
    expect(role.hear(wanted)).toEqual([])
    return role
  }

  test('is told from another of the same client, and of another client, by uid and seq', () => {
    const role = queue()
    role.hear(ask('a'), ask('a', { seq: 2 }), ask('b'), ask('a', { seq: 11 }), ask('1:a'))
    expect(role.context.held.count).toBe(5)
    expect(idsOf(role.context.held.ready)).toEqual(['1:a', '2:a', '1:b', '11:a', '1:1:a'])
  })

  test('heard again from another address is answered there, and only there', () => {
    const role = queue()
    role.hear(ask('a'), ask('a', { replyTo: 'new' }))
    expect(role.hear(ran([became('a', done)]))).toEqual([answer('a', done, 'new')])
  })

  test('delayed, and heard again from another address, is answered there', () => {
    const role = queueWithDelayed([['a', 'k']])
    role.hear(ask('a', { replyTo: 'new' }))
    expect(role.hear(newsChecked)).toEqual([queued('a', 'new')])
    expect(role.hear(ran([became('a', done)]))).toEqual([answer('a', done, 'new')])
  })

  test('heard again keeps its place, its time and its command', () => {
    const role = queue()
    role.hear(
      ask('a'),
      ask('b'),
      ask('a', { receivedAtMs: 9_000, command: { kind: 'service', body: 'other' } }),
    )
    expect(role.hear(wanted)).toEqual([offer(['a', 'b'])])
  })
})

describe('a batch', () => {
  const offered = (limits: Partial<Limits>, ...events: readonly RequestArrived[]) => {
    const role = queue({ limits: { ...defaultLimits, ...limits } })
    role.hear(...events)
    return role.hear(wanted)
  }
  const abc = [ask('a'), ask('b'), ask('c')]
  /** A command of 10 bytes and 40 around it; and in a group of its own, 80 for the group and one for the uid. */
  const inGroup = 50
  const each = inGroup + 81

  test.each<[title: string, limits: Partial<Limits>, events: RequestArrived[], wants: Want[]]>([
    ['takes all that is ready, in order of arrival', {}, abc, [offer(['a', 'b', 'c'])]],
    ['takes as many requests as it may', { batchRequests: 2 }, abc, [offer(['a', 'b'])]],
    ['takes one request where it may take one', { batchRequests: 1 }, abc, [offer(['a'])]],
    ['takes as many bytes as it may', { batchBytes: 2 * each }, abc, [offer(['a', 'b'])]],
    ['takes no byte more', { batchBytes: 3 * each - 1 }, abc, [offer(['a', 'b'])]],
    ['takes one request though it is larger than it may be', { batchBytes: 5 }, abc, [offer(['a'])]],
    [
      'lets no small request pass a large one',
      { batchBytes: 2 * each + 30 },
      [ask('a'), ask('big', { commandBytes: 41 }), ask('c')],
      [offer(['a'])],
    ],
    [
      'does not depend on the wall clock',
      { batchRequests: 2 },
      [ask('a', { receivedAtMs: 5 }), ask('b', { receivedAtMs: 3 }), ask('c', { receivedAtMs: 99 })],
      [offer(['a', 'b'])],
    ],
    ['is not offered of nothing', {}, [], []],
  ])('%s', (_, limits, events, wants) => {
    expect(offered(limits, ...events)).toEqual(wants)
  })

  test('bears the number of the server whose queue it is', () => {
    const role = queue({ self: 2, incarnation: 'founder-2' })
    role.hear(ask('a'))
    expect(role.hear(wanted)).toEqual([offer(['a'], { node: 2 })])
  })
})

describe('the proposer', () => {
  test('is told once that there is something, and is handed it when it asks', () => {
    const role = queue()
    expect(role.hear(ask('a'))).toEqual([ready])
    expect(role.hear(ask('b'))).toEqual([])
    expect(role.hear(wanted)).toEqual([offer(['a', 'b'])])
    expect(role.state).toBe('proposing')
    expect(role.context.offered).toEqual([0, 1])
  })

  test('that asks again is handed what is ready now: its batch was not chosen', () => {
    const role = queue()
    role.hear(ask('a'), wanted, ask('b'))
    expect(role.hear(wanted)).toEqual([offer(['a', 'b'])])
  })

  test('that asks with nothing ready is handed the next request at once', () => {
    const role = queue()
    expect(role.hear(wanted)).toEqual([])
    expect(role.hear(ask('a'))).toEqual([offer(['a'])])
    expect(role.hear(ran([became('a', done)]))).toEqual([answer('a', done)])
    expect(role.state).toBe('empty')
    expect(role.hear(ask('b'))).toEqual([ready])
  })

  test.each<[title: string, events: RequestQueueEvent[], wants: Want[], state: string]>([
    ['nothing is held', [], [], 'empty'],
    ['something is ready', [ask('a')], [ready], 'ready'],
    ['something is offered', [ask('a'), wanted], [ready], 'ready'],
    ['all that is held is delayed', [ask('a'), wanted, ran([delayed('a', 'k')])], [], 'delayed'],
  ])('that has given up is told whether there is still work: %s', (_, events, wants, state) => {
    const role = queue()
    role.hear(...events)
    expect(role.hear(workWanted)).toEqual(wants)
    expect(role.state).toBe(state)
    expect(role.context).toMatchObject({ isWanted: false, offered: [] })
  })

  test('that has given up is handed nothing until it asks', () => {
    const role = queue()
    role.hear(wanted, workWanted)
    expect(role.hear(ask('a'))).toEqual([ready])
    expect(role.hear(wanted)).toEqual([offer(['a'])])
  })
})

describe('what was executed', () => {
  test.each<[title: string, outcome: Outcome]>([
    ['executed', done],
    ['failed', failed],
    ['cancelled', cancelled],
    ['refused', refused],
  ])('%s is answered once, and is held no longer', (_, outcome) => {
    const role = queue()
    role.hear(ask('a'), wanted)
    expect(role.hear(ran([became('a', outcome)]))).toEqual([answer('a', outcome)])
    expect(role.state).toBe('empty')
    expect(role.context.held).toMatchObject({
      sessions: [],
      count: 0,
      ready: [],
      waiting: [],
      delayedCount: 0,
    })
    expect(role.hear(ran([became('a', outcome)]))).toEqual([])
  })

  test.each([
    'sessions',
    'waiting',
  ] as const)('and found no room for %s: its client is to come back', (of) => {
    const role = queue()
    role.hear(ask('a'), ask('b'), wanted)
    const turnedAway = became('a', { kind: 'full', of })
    expect(role.hear(ran([turnedAway, turnedAway, delayed('b', 'k')]))).toEqual([
      queued('b'),
      busy('a', 'busy'),
    ])
    expect(role.context.held).toMatchObject({ count: 1, ready: [], delayedCount: 1 })
    expectSound(role.context)
    expect(role.hear(ask('a'), wanted)).toContainEqual(offer(['a']))
  })

  test('of other servers concerns nobody here', () => {
    const role = queue()
    role.hear(ask('a'))
    expect(role.hear(ran([became('b', done), became('c', failed)]))).toEqual([])
    expect(idsOf(role.context.held.ready)).toEqual(['1:a'])
  })

  test('in another server’s batch is answered here too, and not offered again', () => {
    const role = queue()
    role.hear(ask('a'), ask('b'))
    expect(role.hear(ran([became('b', done)]))).toEqual([answer('b', done)])
    expect(role.hear(wanted)).toEqual([offer(['a'])])
  })

  test('twice in a batch is answered once', () => {
    const role = queue()
    role.hear(ask('a'), wanted)
    expect(role.hear(ran([became('a', done), became('a', done)]))).toEqual([answer('a', done)])
    expectSound(role.context)
  })

  test('in part leaves the rest offered until the proposer asks again', () => {
    const role = queue()
    role.hear(ask('a'), ask('b'), wanted)
    expect(role.hear(ran([became('a', done)]))).toEqual([answer('a', done)])
    expect(role.state).toBe('proposing')
    expect(role.hear(wanted)).toEqual([offer(['b'])])
  })

  test('is answered with outcomes before reports of delay, each in the order of the batch', () => {
    const role = queue()
    role.hear(ask('a'), ask('b'), ask('c'), wanted)
    expect(role.hear(ran([delayed('b', 'k'), became('a', done), became('c', refused)]))).toEqual([
      answer('a', done),
      answer('c', refused),
      queued('b'),
    ])
    expectSound(role.context)
  })

  test('and cancelled while it was delayed is forgotten', () => {
    const role = queueWithDelayed([['a', 'k']])
    expect(role.hear(ran([became('canceller', done), became('a', cancelled)]))).toEqual([
      answer('a', cancelled),
    ])
    expect(role.state).toBe('empty')
    expect(role.context.held).toMatchObject({ sessions: [], count: 0, waiting: [], delayedCount: 0 })
    expect(role.hear(ran([], { freed: ['k'] }))).toEqual([])
  })
})

describe('a delayed request', () => {
  test('is told to its client once, and proposed no more', () => {
    const role = queue()
    role.hear(ask('a'), wanted)
    expect(role.hear(ran([delayed('a', 'k')]))).toEqual([queued('a')])
    expect(role.state).toBe('delayed')
    expect(role.hear(wanted)).toEqual([])
    expect(role.hear(ran([delayed('a', 'k')]))).toEqual([])
    expectSound(role.context)
  })

  test('woken, and delayed again, is not told again', () => {
    const role = queueWithDelayed([['a', 'k']])
    expect(role.hear(ran([], { freed: ['k'] }))).toEqual([offer(['a'])])
    expect(role.hear(ran([delayed('a', 'k')]))).toEqual([])
    expect(role.state).toBe('delayed')
    expectSound(role.context)
  })

  test('asked for again is answered once, when a quorum has been asked for news', () => {
    const role = queueWithDelayed([
      ['a', 'k'],
      ['b', 'k'],
    ])
    expect(role.hear(ask('a'), ask('a'), ask('b'))).toEqual([news, news, news])
    expect(role.hear(newsChecked)).toEqual([queued('a'), queued('b')])
    expect(role.hear(newsChecked)).toEqual([])
  })

  test('asked for again and executed by the news is answered with its outcome alone', () => {
    const role = queueWithDelayed([['a', 'k']])
    role.hear(ask('a'))
    expect(role.hear(ran([became('a', done)]))).toEqual([answer('a', done)])
    expect(role.hear(newsChecked)).toEqual([])
  })

  test('that no quorum could be asked about stays unanswered: its client asks another server', () => {
    const role = queueWithDelayed([['a', 'k']])
    expect(role.hear(ask('a'))).toEqual([news])
    expect(role.hear(ran([]))).toEqual([])
  })

  test('asked for again is answered when a batch of this server is executed: nothing below that was missed', () => {
    const role = queueWithDelayed([['a', 'k']])
    expect(role.hear(ask('b'))).toEqual([offer(['b'])])
    expect(role.hear(ask('a'), ask('a'))).toEqual([])
    expect(role.hear(ran([]))).toEqual([])
    expect(role.hear(ran([became('b', done)]))).toEqual([answer('b', done), queued('a')])
    expect(role.hear(newsChecked)).toEqual([])
  })

  test.each([
    ['wanted', wanted] as const,
    ['workWanted', workWanted] as const,
  ])('asked for again causes a question to the others when the proposer returns its batch (%s)', (_, returned) => {
    const role = queueWithDelayed([['a', 'k']])
    role.hear(ask('b'), ask('a'))
    expect(role.hear(returned)).toContainEqual(news)
    expect(role.hear(newsChecked)).toEqual([queued('a')])
  })

  test('asks its client to ask again later when many wait, but not much later', () => {
    const timing = { ...defaultTiming, questionSpacingMs: 600, questionLimitMs: 1_500 }
    const role = queue({ timing })
    for (const [uid, later] of [
      ['a', {}],
      ['b', { askAgainMs: 1_200 }],
      ['c', { askAgainMs: 1_500 }],
    ] as const) {
      const answer = { type: 'respond', to: uid, message: { type: 'queued', uid, seqs: [1], ...later } }
      role.hear(ask(uid), wanted)
      expect(role.hear(ran([delayed(uid, 'k')]))).toEqual([answer])
      expect(role.hear(ask(uid), newsChecked)).toEqual([news, answer])
    }
  })

  test('lets others pass: what arrives later is proposed', () => {
    const role = queueWithDelayed([['a', 'k']])
    expect(role.hear(ask('b'))).toEqual([offer(['b'])])
    expect(role.hear(ran([became('b', done)]))).toEqual([answer('b', done)])
    expect(role.state).toBe('delayed')
  })

  test('is announced to a proposer that does not wait, when it is woken', () => {
    const role = queueWithDelayed([['a', 'k']])
    role.hear(workWanted)
    expect(role.hear(ran([], { freed: ['k'] }))).toEqual([ready])
    expect(role.state).toBe('ready')
    expect(role.hear(wanted)).toEqual([offer(['a'])])
  })
})

describe('waking', () => {
  const waiters = [
    ['a1', 'a'],
    ['b1', 'b'],
    ['a2', 'a'],
    ['any1', null],
    ['a3', 'a'],
    ['any2', null],
  ] as const

  test.each<[title: string, changes: Partial<Execution>, woken: string[]]>([
    ['nothing freed', {}, []],
    ['a key that nobody waits for', { freed: ['c'] }, []],
    ['a key', { freed: ['a'] }, ['a1']],
    ['another key', { freed: ['b'] }, ['b1']],
    ['two keys: in order of arrival', { freed: ['b', 'a'] }, ['a1', 'b1']],
    ['progress: all who wait for no key in particular', { progressed: true }, ['any1', 'any2']],
    ['both', { freed: ['a'], progressed: true }, ['a1', 'any1', 'any2']],
    ['a key named as what stands for no key', { freed: ['anything', 'key:a', 'null', ''] }, []],
  ])('by %s', (_, changes, woken) => {
    const role = queueWithDelayed(waiters)
    expect(role.hear(ran([], changes))).toEqual(woken.length === 0 ? [] : [offer(woken)])
    expect(role.state).toBe(woken.length === 0 ? 'delayed' : 'proposing')
    expect(role.context.held).toMatchObject({ count: 6, delayedCount: 6 - woken.length })
    expectSound(role.context)
  })

  test('goes one by one, in order of arrival, not in the order of delaying', () => {
    const role = queue()
    role.hear(ask('a1'), ask('a2'), ask('a3'), wanted)
    role.hear(ran([delayed('a3', 'a'), delayed('a1', 'a'), delayed('a2', 'a')]), wanted)
    for (const uid of ['a1', 'a2', 'a3']) {
      expect(role.hear(ran([], { freed: ['a'] }))).toEqual([offer([uid])])
      expect(role.hear(ran([became(uid, done)]))).toEqual([answer(uid, done)])
      role.hear(wanted)
    }
    expect(role.state).toBe('empty')
  })

  test('does not cost one its place: delayed again, it is still before those that came after it', () => {
    const role = queueWithDelayed([
      ['a1', 'a'],
      ['a2', 'a'],
    ])
    expect(role.hear(ran([], { freed: ['a'] }))).toEqual([offer(['a1'])])
    expect(role.hear(ran([delayed('a1', 'a')]), wanted)).toEqual([])
    expect(role.hear(ran([], { freed: ['a'] }))).toEqual([offer(['a1'])])
  })

  test('puts a request before what arrived after it', () => {
    const role = queue()
    role.hear(ask('a'), ask('b'), ask('c'), wanted)
    role.hear(ran([delayed('a', 'k'), became('b', done)]))
    role.hear(ask('d'))
    expect(role.hear(ran([], { freed: ['k'] }))).toEqual([])
    expect(role.hear(wanted)).toEqual([offer(['a', 'c', 'd'])])
  })

  test('happens in the execution that delays it, when the key is freed there', () => {
    const role = queue()
    role.hear(ask('a'), wanted)
    expect(role.hear(ran([delayed('a', 'k')], { freed: ['k'] }))).toEqual([queued('a')])
    expect(role.hear(wanted)).toEqual([offer(['a'])])
    expectSound(role.context)
  })

  test.each<[title: string, outcome: Outcome, isPassedOn: boolean]>([
    ['executed has taken the key', done, false],
    ['cancelled passes the key on', cancelled, true],
    ['failed passes the key on', failed, true],
    ['refused passes the key on', refused, true],
  ])('a woken request that was %s', (_, outcome, isPassedOn) => {
    const role = queueWithDelayed([
      ['a1', 'a'],
      ['a2', 'a'],
      ['a3', 'a'],
    ])
    role.hear(ran([], { freed: ['a'] }))
    expect(role.hear(ran([became('a1', outcome)]), wanted)).toEqual([
      answer('a1', outcome),
      ...(isPassedOn ? [offer(['a2'])] : []),
    ])
    expectSound(role.context)
  })

  test('a cancelled request that was not woken passes nothing on', () => {
    const role = queueWithDelayed([
      ['a1', 'a'],
      ['a2', 'a'],
    ])
    expect(role.hear(ran([became('a1', cancelled)]))).toEqual([answer('a1', cancelled)])
    expect(role.hear(ran([], { freed: ['a'] }))).toEqual([offer(['a2'])])
  })

  test('a woken request that is now delayed by the same key keeps nobody waiting: another holds the key', () => {
    const role = queueWithDelayed([
      ['a1', 'a'],
      ['a2', 'a'],
    ])
    role.hear(ran([], { freed: ['a'] }))
    expect(role.hear(ran([delayed('a1', 'a')]), wanted)).toEqual([])
  })

  test('a woken request that is now delayed by another key has not taken the first: it is passed on', () => {
    const role = queueWithDelayed([
      ['a1', 'a'],
      ['a2', 'a'],
    ])
    role.hear(ran([], { freed: ['a'] }))
    expect(role.hear(ran([delayed('a1', 'b')]), wanted)).toEqual([offer(['a2'])])
  })

  test('an unlock with a thousand waiting costs one proposal of one request', () => {
    const uids = Array.from({ length: 1_000 }, (_, n) => `client ${n}`)
    const role = queueWithDelayed(
      uids.map((uid) => [uid, 'lock'] as const),
      { limits: { ...defaultLimits, batchRequests: 1_000 } },
    )
    for (const uid of uids.slice(0, 3)) {
      expect(role.hear(ran([], { freed: ['lock'], progressed: true }))).toEqual([offer([uid])])
      expect(role.hear(ran([became(uid, done)], { progressed: true }), wanted)).toEqual([answer(uid, done)])
    }
    expect(role.context.held).toMatchObject({ count: 997, delayedCount: 997 })
  })
})

describe('what is held costs little, however much it is', () => {
  const seqs = Array.from({ length: 100 }, (_, seq) => seq)
  const uids = (count: number) => Array.from({ length: count / seqs.length }, (_, n) => `client ${n}`)

  /** What it costs to delay `count` requests by one key in one execution, and to wake all of them. */
  function cost(count: number): number {
    const role = queue({ limits: { ...defaultLimits, batchRequests: count } })
    role.hear(...uids(count).map((uid) => askAll(uid, seqs)), wanted)
    const delays = ran(uids(count).flatMap((uid) => seqs.map((seq) => delayed(uid, null, seq))))
    const work = arrayWork(() => role.hear(delays, ran([], { progressed: true })))
    expect(role.context.held).toMatchObject({ count, delayedCount: 0 })
    return work
  }

  test('eight times the requests cost about eight times as much, and not sixty-four', () => {
    expect(cost(200)).toBeGreaterThan(200)
    expect(cost(1_600) / cost(200)).toBeLessThan(10)
  })
})

describe('members', () => {
  test('removal turns away everything that is held: ready, offered and delayed', () => {
    const role = queueWithDelayed([
      ['a', 'k'],
      ['b', null],
    ])
    role.hear(ask('c'), ask('d'), ask('a', { replyTo: 'new' }))
    expect(role.state).toBe('proposing')
    const wants = role.hear({ type: 'members.changed', members: [member(1), member(2)] })
    const refusals = [
      busy('a', 'notMember', 'new'),
      busy('b', 'notMember'),
      busy('c', 'notMember'),
      busy('d', 'notMember'),
    ]
    expect(wants).toHaveLength(refusals.length)
    expect(wants).toEqual(expect.arrayContaining(refusals))
    expect(role.state).toBe('empty')
    expect(role.context).toMatchObject({ offered: [], askedAgain: [], isWanted: false })
    expect(role.context.held).toMatchObject({
      sessions: [],
      count: 0,
      ready: [],
      waiting: [],
      delayedCount: 0,
    })
    expect(role.hear(newsChecked)).toEqual([])
    expect(role.hear(ask('e'))).toEqual([busy('e', 'notMember')])
  })

  test('a change that keeps this server changes nothing of what it holds', () => {
    const role = queueWithDelayed([['a', 'k']])
    const { held } = role.context
    expect(role.hear({ type: 'members.changed', members: members(2) })).toEqual([])
    expect(role.context.held).toBe(held)
  })

  test('a server that is admitted takes requests from then on', () => {
    const role = queue({ members: [member(0, null), member(1)] })
    expect(role.hear(ask('a'))).toEqual([busy('a', 'notMember')])
    expect(role.hear({ type: 'members.changed', members: members(2) })).toEqual([])
    expect(role.hear(ask('a'))).toEqual([ready])
  })
})

test('a node that stops finishes what it holds', () => {
  const role = queue()
  role.hear(ask('a'))
  expect(role.hear({ type: 'node.stopping' })).toEqual([])
  expect(role.hear(wanted)).toEqual([offer(['a'])])
  expect(role.hear(ran([became('a', done)]))).toEqual([answer('a', done)])
  expect(role.hear(ask('b'))).toEqual([busy('b', 'stopping')])
})
