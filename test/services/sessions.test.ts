/** Sessions: how they are opened and kept, and how they end. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Command, Json, NamedRequest } from '../../machines/batch.ts'
import { replicatedLimits, sessionPage } from '../../machines/limits.ts'
import { clientName } from '../../src/core/names.ts'
import { plainTextIdleMs } from '../../src/core/plain-text-client.ts'
import { IdleOrder, type Linked } from '../../src/services/idle-order.ts'
import { Replica } from '../../src/services/replica.ts'
import { type Service, viewRows } from '../../src/services/service.ts'
import {
  ask,
  body,
  cancel,
  hourMs,
  lock,
  locked,
  newReplica,
  opened,
  outcomesOf,
  recalled,
  refused,
  restored,
  run,
  threeMembers,
} from './driver.ts'

const touch: Command = { kind: 'touch' }
const open = (ttlMs = 10_000): Command => ({ kind: 'open', ttlMs })
const end = (session?: string, now?: boolean): Command => ({
  kind: 'end',
  ...(session !== undefined && { session }),
  ...(now !== undefined && { now }),
})

/** Keeps what it is asked to keep for a session, and lists what it heard. Waits for the key `k`, which no command frees. */
const keeper: Service<
  { readonly kept: readonly string[]; readonly told: readonly string[] },
  string,
  string
> = {
  name: 'keeper',
  initial: () => ({ kept: [], told: [] }),
  parse: (body) => String(body),
  execute(state, command, { uid }) {
    if (command === 'wait') return { kind: 'delayed', state, key: 'k' }
    if (command.startsWith('revoke ')) {
      return { kind: 'executed', state, result: command, revoked: [command.slice(7)] }
    }
    const kept =
      command === 'keep'
        ? [...state.kept, uid]
        : state.kept.filter((other) => command !== 'drop' || other !== uid)
    return { kind: 'executed', state: { ...state, kept }, result: command }
  },
  timerFired: (state, name, { clockMs }) => ({
    state: { ...state, told: [...state.told, `timer ${name} ${clockMs}`] },
  }),
  requestEnded: (state, { uid, seq }) => ({
    state: { ...state, told: [...state.told, `request ${clientName(uid)} ${seq}`] },
  }),
  sessionEnded: (state, uid, { instance }) => ({
    state: {
      kept: state.kept.filter((other) => other !== uid),
      told: [...state.told, `session ${clientName(uid)} ${instance}`],
    },
    freed: state.kept.includes(uid) ? ['k'] : [],
  }),
  holds: ({ kept }, uid) => kept.includes(uid),
  snapshot: (state) => [state],
  restore: ([state]) => state as never,
}
const keeping = () => newReplica(keeper as unknown as Service)
const told = (replica: Replica) =>
  (replica.view() as unknown as { json: { told: readonly string[] } }).json.told

describe('open', () => {
  test('assigns a uid that nobody else can know, from the random name and the place of its execution', () => {
    const replica = newReplica()
    run(replica, [])
    expect(outcomesOf(replica, [ask('b@0', 1, touch), ask('random', 1, open(5_000))])[1]).toEqual({
      ...{ kind: 'executed', instance: 1, index: 1 },
      result: { uid: 'random@1.1', ttlMs: 5_000 },
    })
    expect(outcomesOf(replica, [ask('random@1.1', 1, lock('x'))])).toEqual([locked(2)])
  })

  test('is executed again when it is repeated: the session that nobody uses lapses', () => {
    const replica = newReplica()
    const before = replica.sessionCount
    const uids = [opened(replica, 'random', 5_000), opened(replica, 'random', 5_000)]
    expect(uids).toEqual(['random@0.0', 'random@1.0'])
    run(replica, [ask(uids[0]!, 1, touch)], { clockMs: 4_000 })
    expect(run(replica, [], { clockMs: 5_000 }).endedSessions).toEqual([uids[1]])
    expect(replica.sessionCount).toBe(before + 1)
  })

  test('is refused within a session, and everything else without one', () => {
    const replica = newReplica()
    const uid = opened(replica, 'random')
    expect(
      outcomesOf(replica, [ask(uid, 1, open()), ask('other', 1, touch), ask('x@7.0', 1, open())]),
    ).toEqual([expect.objectContaining({ kind: 'failed' }), refused('expired'), refused('expired')])
  })
})

describe('the view of a replica', () => {
  const tablesOf = (replica: Replica) =>
    replica.ownView().tables.map(({ name, rows, more }) => [name, rows, more])

  test('shows the clock, the next deadline and the sessions without their secrets', () => {
    const replica = keeping()
    const uids = ['random', 'other'].map((name) => opened(replica, `of-${name}`, 3_000))
    run(replica, [ask(uids[0]!, 1, body('keep')), ask(uids[1]!, 1, body('wait'))], { clockMs: 500 })
    run(replica, [ask(uids[0]!, 2, body(`revoke ${uids[1]}`))], { clockMs: 750 })
    const { clockMs, deadlineMs } = replica.ownView()
    expect({ clockMs, deadlineMs }).toEqual({ clockMs: 750, deadlineMs: 3_500 })
    const [sessions, timers] = tablesOf(replica)
    expect(timers).toEqual(['timers', [], 0])
    expect((sessions?.[1] as Json[]).slice(0, 3)).toEqual([
      ['0.0 of of-random', '3 s', '3 s', 'holds'],
      ['1.0 of of-other', '3 s', '2.75 s', '1 waiting, revoked'],
      ['a', '', '', ''],
    ])
    expect(tablesOf(restored(replica, keeper as unknown as Service))).toEqual(tablesOf(replica))
    const secret = opened(replica, 'r'.repeat(16))
    expect(JSON.stringify(replica.ownView())).not.toContain(secret.slice(0, 16))
  })

  test('shows the first sessions, in the order of their opening, and counts the others', () => {
    const replica = newReplica()
    const others = replica.sessionCount
    for (let count = 0; count < viewRows + 5; count += 1) opened(replica, 'c')
    const { rows, more } = replica.ownView().tables[0]!
    expect(rows.map(([session]) => session)).toEqual(
      Array.from({ length: viewRows }, (_, place) => `${place}.0 of c`),
    )
    expect(more).toBe(5 + others)
  })
})

describe('a session', () => {
  test('ends one ttl after its last sign of life, and not before', () => {
    const replica = keeping()
    const uid = opened(replica, 'c', 1_000)
    run(replica, [ask(uid, 1, body('keep'))], { clockMs: 500 })
    expect(run(replica, [ask(uid, 2, touch)], { clockMs: 1_400 }).deadlineMs).toBe(2_400)
    expect(run(replica, [], { clockMs: 2_399 })).toMatchObject({ endedSessions: [], deadlineMs: 2_400 })
    const execution = run(replica, [ask(uid, 3, touch)], { clockMs: 2_400 })
    expect(execution).toMatchObject({
      endedSessions: [uid],
      outcomes: [{ outcome: refused('expired') }],
      deadlineMs: null,
      // All must learn that there is no deadline any more.
      concerned: [0, 1, 2],
      progressed: true,
    })
    expect(told(replica)).toEqual(['session c 4'])
    expect(recalled(replica, uid, 1, body('keep')), 'a late duplicate').toEqual(refused('expired'))
    expect(outcomesOf(replica, [ask(uid, 1, body('keep'))])).toEqual([refused('expired')])
  })

  test.each<[why: string, again: (uid: string) => NamedRequest]>([
    ['a copy of an executed request', (uid) => ask(uid, 1, body('keep'))],
    ['a delayed request that its server proposes again', (uid) => ask(uid, 2, body('wait'))],
    ['a request that was acknowledged', (uid) => ask(uid, 0, touch)],
  ])('is not prolonged by %s', (_, again) => {
    const replica = keeping()
    const uid = opened(replica, 'c', 1_000)
    run(replica, [ask(uid, 1, body('keep'), 1), ask(uid, 2, body('wait'), 1)])
    run(replica, [again(uid)], { clockMs: 900 })
    expect(run(replica, [], { clockMs: 1_000 }).endedSessions).toEqual([uid])
  })

  test('has its waiting requests ended first, and their servers learn it', () => {
    const replica = keeping()
    const [holder, waiter] = [opened(replica, 'h', 1_000), opened(replica, 'w', 2_000)]
    run(replica, [ask(holder, 1, body('keep')), ask(waiter, 1, body('wait'))], { heldBy: 2 })
    run(replica, [ask(holder, 2, body('wait')), ask(holder, 3, body('wait'))], { heldBy: 1 })
    expect(run(replica, [], { clockMs: 1_000 })).toMatchObject({
      endedSessions: [holder],
      outcomes: [
        { uid: holder, seq: 2, outcome: refused('expired') },
        { uid: holder, seq: 3, outcome: refused('expired') },
      ],
      freed: ['k'],
      deadlineMs: 2_000,
    })
    expect(told(replica)).toEqual(['request h 2', 'request h 3', 'session h 4'])
    expect(replica.waitingCount).toBe(1)
  })

  test('is kept in time only while something is kept for it: otherwise it lapses with the next batch', () => {
    const replica = keeping()
    const uid = opened(replica, 'c', 1_000)
    expect(replica.deadlineMs).toBeNull()
    expect(run(replica, [ask(uid, 1, body('keep'))]).deadlineMs).toBe(1_000)
    expect(run(replica, [ask(uid, 2, body('drop'))]).deadlineMs).toBeNull()
    expect(run(replica, [ask(uid, 3, body('wait'))]).deadlineMs).toBe(1_000)
    expect(run(replica, [ask(uid, 4, cancel(3))]).deadlineMs).toBeNull()
    expect(run(replica, [], { clockMs: hourMs }).endedSessions).toEqual([uid])
  })

  test('of plain text has no ttl, and is evicted when it is idle', () => {
    const replica = newReplica()
    const uid = 'udp:127.0.0.1:5000'
    const before = replica.sessionCount
    run(replica, [ask(uid, 1, lock('x'))])
    run(replica, [], { clockMs: 10_001 })
    expect(replica.sessionCount).toBe(before)
    expect(recalled(replica, uid, 1, lock('x'))).toBeNull()
    expect(outcomesOf(replica, [ask(uid, 1, lock('y'))])).toEqual([locked(2)])
  })

  test('that this server has not seen opened is not refused before its requests are proposed', () => {
    const replica = newReplica()
    expect(recalled(replica, 'random@3.0', 1, lock('x'))).toBeNull()
    for (let instance = 0; instance < 4; instance += 1) run(replica, [])
    expect(recalled(replica, 'random@3.0', 1, lock('x'))).toEqual(refused('expired'))
  })
})

describe('deadlines pass in order', () => {
  test('sessions of one deadline in the order of their opening, timers of it before them', () => {
    const replica = newReplica(timing as unknown as Service)
    const [late, a, b] = [
      opened(replica, 'late', 3_000),
      opened(replica, 'b', 1_000),
      opened(replica, 'a', 1_000),
    ]
    run(replica, [ask(b!, 1, body('at once')), ask('z@0', 1, body(1_000)), ask('z@0', 2, body(999))])
    const { fired, endedSessions } = run(replica, [], { clockMs: 5_000 })
    expect(endedSessions).toEqual([a, b, late])
    expect(fired.map(({ name }) => name)).toEqual(['999', '1000'])
    expect((replica.view() as unknown as { json: Json }).json).toEqual([
      ...['999', '1000', `ended ${a}`, `ended ${b}`, `ended ${late}`],
    ])
  })
})

/** Sets a timer of so many milliseconds, and lists what it heard, in order. */
const timing: Service<readonly string[], Json, null> = {
  name: 'timing',
  initial: () => [],
  parse: (body) => body,
  execute: (state, command) => ({
    ...{ kind: 'executed', state, result: null },
    timers: typeof command === 'number' ? [{ name: String(command), afterMs: command }] : [],
  }),
  timerFired: (state, name) => ({ state: [...state, name] }),
  sessionEnded: (state, uid) => ({ state: [...state, `ended ${uid}`] }),
  snapshot: (state) => [state],
  restore: ([state]) => state as never,
}

describe('revoked', () => {
  test('by the service: touches are refused, and the session ends one ttl after its last sign of life', () => {
    const replica = keeping()
    const [holder, other] = [opened(replica, 'h', 1_000), opened(replica, 'o', 9_000)]
    run(replica, [ask(holder, 1, body('keep'))], { clockMs: 100 })
    run(replica, [ask(other, 1, body(`revoke ${holder}`))], { clockMs: 200 })
    expect(
      outcomesOf(replica, [ask(holder, 2, touch), ask(holder, 3, body('keep'))], { clockMs: 900 }),
    ).toMatchObject([{ kind: 'executed', result: { revoked: true } }, { kind: 'executed' }])
    expect(run(replica, [], { clockMs: 1_099 }).endedSessions).toEqual([])
    expect(run(replica, [], { clockMs: 1_100 }).endedSessions).toEqual([holder])
  })

  test('by an operator, by the public id; or ended at once', () => {
    const replica = keeping()
    const [one, two] = [opened(replica, 'one', 1_000), opened(replica, 'two', 1_000)]
    const operator = opened(replica, 'operator', 9_000)
    run(replica, [ask(operator, 1, touch)], { clockMs: 400 })
    const execution = run(replica, [
      ask(operator, 2, end('0.0')),
      ask(operator, 3, end('1.0', true)),
      ask(operator, 4, end('7.7')),
    ])
    expect(execution.endedSessions).toEqual([two])
    expect(execution.outcomes.map(({ outcome }) => outcome)).toMatchObject([
      { result: { found: true, endsInMs: 600 } },
      { result: { found: true, endsInMs: 0 } },
      { result: { found: false, endsInMs: null } },
    ])
    expect(run(replica, [], { clockMs: 1_000 }).endedSessions).toEqual([one])
  })
})

describe('touches while another request of the session waits', () => {
  test('take no more room, however long it waits', () => {
    const replica = keeping()
    const uid = opened(replica, 'c', 60_000)
    run(replica, [ask(uid, 1, body('wait'), 1)])
    run(replica, [ask(uid, 2, touch, 1)], { clockMs: 10_000 })
    const { resultBytes } = replica.usage
    for (let seq = 3; seq < 100; seq += 1) {
      run(replica, [ask(uid, seq, touch, 1)], { clockMs: seq * 10_000 })
    }
    expect(replica.usage.resultBytes).toEqual(resultBytes)
  })

  test('that come late are no signs of life, also after a restore; the last one has its answer', () => {
    const replica = keeping()
    const uid = opened(replica, 'c', 1_000)
    run(replica, [ask(uid, 1, body('wait'), 1), ask(uid, 2, touch, 1), ask(uid, 4, touch, 1)])
    const copy = restored(replica, keeper as unknown as Service)
    for (const one of [replica, copy]) {
      const late = [ask(uid, 2, touch, 1), ask(uid, 3, touch, 1), ask(uid, 4, touch, 1)]
      expect(outcomesOf(one, late, { clockMs: 900 })).toMatchObject([
        refused('forgotten'),
        refused('forgotten'),
        { kind: 'executed', result: { revoked: false }, instance: 1 },
      ])
      expect(run(one, [], { clockMs: 1_000 }).endedSessions).toEqual([uid])
    }
  })
})

describe('very many deadlines', () => {
  const { deadlines } = replicatedLimits
  const names = Array.from({ length: deadlines + 10 }, (_, place) => `client-${place}`)

  test('of sessions pass at several instances; what is due has ended for its own requests', () => {
    const replica = keeping()
    run(
      replica,
      names.map((name) => ask(name, 1, open(5_000))),
    )
    run(
      replica,
      names.map((_, place) => ask(`client-${place}@0.${place}`, 1, body('keep'))),
    )
    const last = `client-${deadlines + 9}@0.${deadlines + 9}`
    const first = run(replica, [ask(last, 2, touch)], { clockMs: 5_000 })
    expect(first.endedSessions).toHaveLength(deadlines + 1)
    expect(first.endedSessions.at(-1)).toBe(last)
    expect(first.outcomes).toMatchObject([{ uid: last, seq: 2, outcome: refused('expired') }])
    expect(first.deadlineMs, 'has passed: the next batch follows at once').toBe(5_000)
    const second = run(replica, [])
    expect(second.endedSessions).toHaveLength(9)
    expect(second.deadlineMs).toBeNull()
  })

  test('of timers, in the order of deadlines, before sessions that end later', () => {
    const replica = newReplica(timing as unknown as Service)
    const uid = opened(replica, 'c', 4_000)
    run(
      replica,
      names.map((_, place) => ask('z@0', place + 1, body(place + 1))),
    )
    const first = run(replica, [], { clockMs: 9_000 })
    expect([first.fired.length, first.endedSessions]).toEqual([deadlines, []])
    const second = run(replica, [])
    expect([second.fired.length, second.endedSessions]).toEqual([10, [uid]])
  })
})

test('when there is no room for another session, the servers keep the end of any', () => {
  const limits = { ...replicatedLimits, sessions: 2 }
  const replica = new Replica({ service: keeper as unknown as Service, members: threeMembers, limits })
  run(replica, [ask('a', 1, open(3_000))])
  expect(replica.deadlineMs).toBeNull()
  run(replica, [ask('b', 1, open(2_000))])
  expect(replica.deadlineMs).toBe(2_000)
  expect(replica.recall('c', [{ seq: 1, command: open() }]).isFull).toBe(true)
  expect(run(replica, [], { clockMs: 2_000 })).toMatchObject({ endedSessions: ['b@1.0'], deadlineMs: null })
  const text = new Replica({ service: keeper as unknown as Service, members: threeMembers, limits })
  run(text, [ask('udp:h:1/x', 1, body('keep')), ask('udp:h:2/x', 1, body('keep'))], { clockMs: 500 })
  expect(text.deadlineMs).toBe(500 + plainTextIdleMs + 1)
  run(text, [], { clockMs: text.deadlineMs ?? 0 })
  expect(text.sessionCount).toBe(0)
})

test('a client ends its own session: nothing of it is left, and later requests are refused', () => {
  const replica = keeping()
  const uid = opened(replica, 'c')
  const before = replica.sessionCount
  run(replica, [ask(uid, 1, body('keep')), ask(uid, 2, body('wait'))])
  const execution = run(replica, [ask(uid, 3, end()), ask(uid, 4, body('keep'))])
  expect(execution.endedSessions).toEqual([uid])
  expect(execution.outcomes).toMatchObject([
    { seq: 3, outcome: { kind: 'executed', result: { found: true, endsInMs: 0 } } },
    { seq: 2, outcome: refused('expired') },
    { seq: 4, outcome: refused('expired') },
  ])
  expect(replica.sessionCount).toBe(before - 1)
  expect(replica.deadlineMs).toBeNull()
})

test('a session that ended itself has no deadline left, also when the service claims to hold something for it', () => {
  const replica = newReplica({ ...keeper, holds: () => true } as unknown as Service)
  const uid = opened(replica, 'c')
  expect(run(replica, [ask(uid, 1, touch)]).deadlineMs).toBe(10_000)
  expect(run(replica, [ask(uid, 2, end()), ask(uid, 3, touch)]).deadlineMs).toBeNull()
})

test('sessions are listed in the order of their opening, a page at a time, without their secret uids', () => {
  const replica = keeping()
  const names = Array.from({ length: sessionPage + 2 }, (_, place) => `client-${place}`)
  run(
    replica,
    names.map((name) => ask(name, 1, open(5_000))),
  )
  run(replica, [ask('client-1@0.1', 1, body('keep'))], { clockMs: 1_000 })
  const page = (after?: string) => {
    const command: Command = { kind: 'sessions', ...(after !== undefined && { after }) }
    const [outcome] = outcomesOf(replica, [ask('a@0', replica.firstUnexecuted, command)])
    return (outcome as unknown as { result: { sessions: { id: string }[] } }).result.sessions
  }
  const first = page()
  expect(first.slice(0, 2)).toEqual([
    { id: '0.0', ttlMs: 5_000, endsInMs: 4_000, revoked: false, waiting: 0, holds: false },
    { id: '0.1', ttlMs: 5_000, endsInMs: 5_000, revoked: false, waiting: 0, holds: true },
  ])
  expect(first).toHaveLength(sessionPage)
  expect(page(first.at(-1)?.id).map(({ id }) => id)).toEqual([`0.${sessionPage}`, `0.${sessionPage + 1}`])
})

describe('any signs of life and times', () => {
  const act = fc.record({
    who: fc.integer({ min: 0, max: 3 }),
    does: fc.constantFrom('touch', 'keep', 'drop', 'wait', 'open', 'nothing'),
    passMs: fc.integer({ min: 0, max: 700 }),
    isRestored: fc.boolean(),
  })

  test('a session ends exactly when its ttl has run since its last sign of life, also after a restore', () => {
    fc.assert(
      fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
        let replica = keeping()
        const other = keeping()
        const lives = new Map<string, number>()
        const uids: (string | null)[] = [null, null, null, null]
        let seq = 0
        for (const { who, does, passMs, isRestored } of acts) {
          const clockMs = replica.clockMs + passMs
          const due = [...lives].filter(([, endMs]) => endMs <= clockMs).map(([uid]) => uid)
          for (const uid of due) lives.delete(uid)
          seq += 1
          const uid = uids[who] ?? null
          const ttlMs = 1_000 + 300 * who
          let requests: NamedRequest[] = []
          if (does === 'open') requests = [ask(`c${who}`, 1, open(ttlMs))]
          else if (does === 'touch' && uid !== null) requests = [ask(uid, seq, touch)]
          else if (does !== 'nothing' && uid !== null) requests = [ask(uid, seq, body(does))]
          const execution = run(replica, requests, { clockMs })
          expect(run(other, requests, { clockMs })).toEqual(execution)
          expect([...execution.endedSessions].sort()).toEqual(due.sort())
          const [outcome] = execution.outcomes.slice(-1)
          if (does === 'open') {
            const { result } = outcome?.outcome as unknown as { result: { uid: string } }
            uids[who] = result.uid
            lives.set(result.uid, clockMs + ttlMs)
          } else if (uid !== null && lives.has(uid) && requests.length > 0) lives.set(uid, clockMs + ttlMs)
          if (isRestored) replica = restored(replica, keeper as unknown as Service)
          expect(replica.digest()).toBe(other.digest())
        }
      }),
      { numRuns: 200 },
    )
  })
})

test('to find and to use the longest idle takes no longer with many sessions: a walk over them would take minutes', () => {
  interface Idle extends Linked<Idle> {}
  const order = new IdleOrder<Idle>()
  for (let count = 0; count < 100_000; count += 1) order.use({ longerIdle: null, lessIdle: null })
  const startMs = performance.now()
  for (let use = 0; use < 500_000; use += 1) {
    const longest = order.longestIdle
    if (longest !== null) order.use(longest)
  }
  expect(performance.now() - startMs).toBeLessThan(5_000)
})

describe('the order of last use', () => {
  interface Item extends Linked<Item> {
    readonly name: string
  }
  const item = (name: string): Item => ({ name, longerIdle: null, lessIdle: null })

  /** Takes everything out, the longest idle first. */
  function drain(order: IdleOrder<Item>): string {
    const names: string[] = []
    for (let next = order.longestIdle; next !== null; next = order.longestIdle) {
      names.push(next.name)
      order.remove(next)
    }
    return names.join('')
  }

  test.each([
    ['abc', '', 'abc'],
    ['abca', '', 'bca'],
    ['abcb', '', 'acb'],
    ['abcc', '', 'abc'],
    ['abc', 'a', 'bc'],
    ['abc', 'b', 'ac'],
    ['abc', 'c', 'ab'],
    ['abc', 'abc', ''],
    ['ab', 'bb', 'a'],
    ['a', 'z', 'a'],
  ])('use %s, remove %s: %s', (used, removed, left) => {
    const items = new Map([...'abcz'].map((name) => [name, item(name)]))
    const order = new IdleOrder<Item>()
    for (const name of used) order.use(items.get(name)!)
    for (const name of removed) order.remove(items.get(name)!)
    expect(drain(order)).toBe(left)
  })
})
