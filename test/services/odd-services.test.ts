/** Services that do what no service should: the request fails, the same on every server, and everything else goes on. */
import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Json } from '../../machines/batch.ts'
import type { Message } from '../../machines/messages.ts'
import { truncatedView } from '../../src/inspect/records/truncated.ts'
import { thrownInWords } from '../../src/services/reason.ts'
import { Replica } from '../../src/services/replica.ts'
import type { Service } from '../../src/services/service.ts'
import { Decoder, encodeEnvelope } from '../../src/wire/codec.ts'
import { ask, body, cancel, newReplica, recalled, run, testSessions, threeMembers } from './driver.ts'
import { cyclic, giving, nested, oddities, oddService, throwing } from './oddities.ts'

const byName = Object.fromEntries(oddities.map(([name, does]) => [name, does]))

const unhandled: unknown[] = []
const noteUnhandled = (reason: unknown) => unhandled.push(reason)

beforeAll(() => {
  process.on('unhandledRejection', noteUnhandled)
})

/** A server ends where the rejection of a promise is not handled. */
afterEach(async () => {
  await new Promise((resolve) => setImmediate(resolve))
  expect(unhandled.splice(0), 'rejections that nobody handles').toEqual([])
})

afterAll(() => {
  process.off('unhandledRejection', noteUnhandled)
})

/** The one message in `datagrams`, as a receiver has it; throws when it is dropped. */
function received(message: Message): Message {
  const decoder = new Decoder({ cluster: null, nowMs: () => 0 })
  for (const datagram of encodeEnvelope({ cluster: 'c', sender: 0, messages: [message] })) {
    const decoded = decoder.decode(datagram, 'h:1')
    if (decoded.kind === 'dropped') throw new Error(`${decoded.reason}: ${decoded.detail}`)
    if (decoded.kind === 'envelope') return decoded.messages[0]!
  }
  throw new Error('nothing was received')
}

/** Asks for one command, and checks that its client hears what became of it as it is. */
function outcomeOf(replica: Replica, seq: number, command: Json) {
  const [first] = run(replica, [ask('a@0', seq, body(command))]).outcomes
  const outcome = first?.outcome
  if (outcome === undefined) throw new Error('it ended in nothing')
  if (outcome.kind !== 'delayed' && outcome.kind !== 'full') {
    const response = { type: 'response', uid: 'a@0', answers: [{ seq, outcome }] } as const
    expect(received(response)).toEqual(response)
  }
  return outcome
}

describe('a service that', () => {
  test.each(
    oddities,
  )('%s: the request fails with the reason, the state stays, the next request runs', (name, _, reason) => {
    const replicas = [newReplica(oddService(byName)), newReplica(oddService(byName))]
    for (const replica of replicas) {
      expect(outcomeOf(replica, 1, 'usual')).toMatchObject({ kind: 'executed', result: 1 })
      const outcome = outcomeOf(replica, 2, name)
      expect(outcome).toEqual({
        kind: 'failed',
        error: expect.stringContaining(reason),
        instance: 1,
        index: 0,
      })
      expect((outcome as { error: string }).error.length).toBeLessThanOrEqual(1_000)
      expect(outcomeOf(replica, 3, 'usual'), 'the state is as it was').toMatchObject({ result: 2 })
      expect(recalled(replica, 'a@0', 2, body(name))).toEqual(outcome)
    }
    expect(replicas[1]?.digest()).toBe(replicas[0]?.digest())
  })

  test('is one of a hundred', () => expect(oddities.length).toBeGreaterThanOrEqual(100))

  test('does one odd thing after another: replicas are equal, and what is not odd runs', () => {
    const commands = fc.array(
      fc.constantFrom('usual', ...Object.keys(byName).filter((name) => !/500 MB|5 MB/.test(name))),
      {
        maxLength: 30,
      },
    )
    fc.assert(
      fc.property(commands, (asked) => {
        const [one, other] = [newReplica(oddService(byName)), newReplica(oddService(byName))]
        const usual = asked.filter((command) => command === 'usual').length
        asked.forEach((command, place) => {
          expect(outcomeOf(other, place, command)).toEqual(outcomeOf(one, place, command))
        })
        expect(other.digest()).toBe(one.digest())
        expect(outcomeOf(one, asked.length, 'usual')).toMatchObject({ result: usual + 1 })
      }),
      { numRuns: 50 },
    )
  })
})

test('a server can log what the service did wrong, with the words of the engine; what it refused is none of that', () => {
  const words: string[] = []
  const replica = new Replica({
    service: oddService(byName),
    members: threeMembers,
    sessions: testSessions,
    mistaken: (thrown) => words.push(thrownInWords(thrown)),
  })
  const asked = ['throws an Error', 'throws a string', 'reads a field of nothing', 'gives NaN', 'throws null']
  asked.push('throws an Error that cannot be read', 'throws a proxy of an Error')
  asked.forEach((command, seq) => {
    outcomeOf(replica, seq, command)
  })
  expect(words).toEqual([
    expect.stringContaining('TypeError: Cannot read properties'),
    expect.stringContaining('result is NaN, which JSON cannot carry'),
    'the service threw a value that is not an Error',
    'the service threw an Error that cannot be read',
  ])
})

describe('what is kept', () => {
  test('is a copy: what the service changes later changes no outcome', () => {
    const result = { a: [1] }
    const replica = newReplica(oddService({ keep: giving(() => result) }))
    outcomeOf(replica, 1, 'keep')
    result.a.push(2)
    expect(recalled(replica, 'a@0', 1, body('keep'))).toMatchObject({ result: { a: [1] } })
  })

  test.each([
    ['a proxy of plain data', () => new Proxy({ a: [1] }, {}), { a: [1] }],
    ['an object without a prototype', () => Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
    [
      'a getter',
      () => ({
        get a() {
          return 1
        },
      }),
      { a: 1 },
    ],
    ['depth 32', () => nested(32), nested(32)],
    ['64 KiB', () => 'x'.repeat(65_534), 'x'.repeat(65_534)],
    ['a frozen value', () => Object.freeze([null, true, '\u{1f512}']), [null, true, '\u{1f512}']],
  ])('%s is kept', (_, result, kept) => {
    expect(outcomeOf(newReplica(oddService({ odd: giving(result) })), 1, 'odd')).toMatchObject({
      kind: 'executed',
      result: kept,
    })
  })

  test('a command cannot be written into: the other servers are sent what was chosen', () => {
    const command = { list: [1] }
    const service: Service = {
      ...oddService({}),
      execute(state, given) {
        const { list } = given as { list: number[] }
        list.push(2)
        return { kind: 'executed', state, result: null }
      },
    }
    const [first] = run(newReplica(service), [ask('a@0', 1, body(command))]).outcomes
    expect(first?.outcome).toMatchObject({ kind: 'failed', error: 'the service threw a TypeError' })
    expect(command).toEqual({ list: [1] })
  })

  test.each([
    ['throws what is no Error', throwing(() => 7), 'the service threw a value that is not an Error'],
    ['is asynchronous', async () => 'command', 'parse returned a promise'],
    ['is asynchronous, and fails', async () => JSON.parse('{'), 'parse returned a promise'],
    [
      'is asynchronous in a part',
      () => ({ key: Promise.reject(1) }),
      'parse returned a value that contains a promise',
    ],
  ])('parse that %s', (_, parse, reason) => {
    const replica = newReplica({ ...oddService({}), parse: parse as unknown as Service['parse'] })
    expect(outcomeOf(replica, 1, 'any')).toMatchObject({
      kind: 'failed',
      error: expect.stringContaining(reason),
    })
  })

  test.each([
    undefined,
    null,
    Symbol('s'),
    1n,
    cyclic(),
    new Map(),
  ])('parse may give anything that is no promise: %o', (command) => {
    const replica = newReplica({ ...oddService({}), parse: () => command as Json })
    expect(outcomeOf(replica, 1, 'any').kind).toBe('executed')
  })
})

describe('a promise in the state', () => {
  const initial = Object.fromEntries(Array.from({ length: 50_000 }, (_, place) => [`k${place}`, { place }]))

  test('is found where the state differs from the one before, however large that is', () => {
    const replica = newReplica({
      ...oddService({}),
      initial: () => initial,
      execute: (state) => ({
        kind: 'executed',
        state: { ...(state as object), k49999: { saved: Promise.reject(1) } },
        result: 1,
      }),
    })
    expect(outcomeOf(replica, 1, 'any')).toMatchObject({ error: expect.stringContaining('in the state') })
  })

  test('is not searched for in what stayed', () => {
    let reads = 0
    const watched = new Proxy(
      { part: 1 },
      {
        ownKeys: (target) => {
          reads += 1
          return Reflect.ownKeys(target)
        },
      },
    )
    const replica = newReplica({
      ...oddService({}),
      initial: () => ({ watched, count: 0 }),
      execute: (state) => ({ kind: 'executed', state: { ...(state as object), count: 1 }, result: 1 }),
    })
    const readAtFirst = reads
    expect(outcomeOf(replica, 1, 'any').kind).toBe('executed')
    expect(reads).toBe(readAtFirst)
  })

  test.each(['initial', 'restore'] as const)('that %s gives: there is no replica', (by) => {
    const service = { ...oddService({}), [by]: () => ({ saved: Promise.reject(1) }) }
    const bytes = newReplica(oddService({})).snapshot()
    expect(() => (by === 'initial' ? newReplica(service) : Replica.restore(service, bytes))).toThrow(
      `${by} returned a value that contains a promise`,
    )
  })

  test('an answer of stillHolds that is a promise is no yes, and ends no server', () => {
    const service = { ...oddService({}), stillHolds: () => Promise.reject(1) } as unknown as Service
    const replica = newReplica(service)
    const asked = { ...ask('udp:h:1/a@0', 1, body('usual')) }
    run(replica, [asked])
    const [again] = run(replica, [{ ...asked, uid: 'udp:h:1/b@0' }]).outcomes
    expect(again?.outcome.kind).toBe('refused')
  })
})

describe('what holds an outcome, as that of a cancel does', () => {
  test('passes the wire, however deep the result is', () => {
    const replica = newReplica(
      oddService({ deep: giving(() => nested(32)), long: giving(() => 'x'.repeat(65_534)) }),
    )
    for (const [seq, command] of [
      [1, 'deep'],
      [3, 'long'],
    ] as const) {
      outcomeOf(replica, seq, command)
      const [given] = run(replica, [ask('a@0', seq + 1, cancel(seq))]).outcomes
      const answers = [{ seq: seq + 1, outcome: given?.outcome }]
      const response = { type: 'response', uid: 'a@0', answers } as Message
      expect(received(response)).toEqual(response)
      expect(given?.outcome).toMatchObject({ kind: 'executed', result: { ended: { kind: 'executed' } } })
    }
  })

  test('a cancel of a cancel of a cancel ends in a reason, not in silence', () => {
    const replica = newReplica(oddService({ deep: giving(() => nested(32)) }))
    outcomeOf(replica, 1, 'deep')
    const kinds = new Set<string>()
    for (let seq = 2; seq < 60; seq += 1) {
      const [given] = run(replica, [ask('a@0', seq, cancel(seq - 1))]).outcomes
      const response = {
        type: 'response',
        uid: 'a@0',
        answers: [{ seq, outcome: given?.outcome }],
      } as Message
      expect(received(response)).toEqual(response)
      kinds.add(given?.outcome.kind ?? 'none')
    }
    expect([...kinds]).toEqual(['executed', 'failed'])
  })
})

describe('what a service shows', () => {
  const table = { name: 't', columns: ['a'], rows: [[1]], more: 0, keyColumn: 0 }

  test.each([
    ['a view that throws', { view: throwing(() => new Error('not today')) }, 'not today'],
    [
      'a view that throws no Error',
      { view: throwing(() => 7) },
      'the service threw a value that is not an Error',
    ],
    ['a promise', { view: async () => ({ tables: [] }) }, 'view returned a promise'],
    ['a rejected promise', { view: () => Promise.reject(1) }, 'view returned a promise'],
    ['nothing', { view: () => undefined }, 'view is undefined, which JSON cannot carry'],
    ['no tables', { view: () => ({}) }, 'view returned no tables'],
    ['tables that are none', { view: () => ({ tables: [7] }) }, 'view returned no tables'],
    [
      'rows that are none',
      { view: () => ({ tables: [{ ...table, rows: [7] }] }) },
      'view returned no tables',
    ],
    [
      'a cell that holds itself',
      { view: () => ({ tables: [{ ...table, rows: [[cyclic()]] }] }) },
      'holds itself',
    ],
    [
      'a bigint',
      { view: () => ({ tables: [{ ...table, rows: [[1n]] }] }) },
      'view.tables[0].rows[0][0] is a BigInt',
    ],
    [
      'a rejected promise as a cell',
      { view: () => ({ tables: [{ ...table, rows: [[Promise.reject(1)]] }] }) },
      'is a Promise',
    ],
    [
      'an Error that holds a rejected promise',
      { view: throwing(() => new Error('not now', { cause: Promise.reject(1) })) },
      'not now',
    ],
    ['a snapshot that throws', { snapshot: throwing(() => new Error('no snapshot')) }, 'no snapshot'],
    ['a snapshot that is none', { snapshot: () => 7 }, 'snapshot returned a number'],
    [
      'a row that is none',
      { snapshot: () => [new Map()] },
      'a row of the snapshot cannot be kept: row is a Map',
    ],
    ['an asynchronous snapshot', { snapshot: () => Promise.reject(1) }, 'snapshot returned a promise'],
  ])('%s: the reason is shown in place of the state', (_, part, reason) => {
    const replica = newReplica({ ...oddService({}), ...(part as unknown as Partial<Service>) })
    expect(truncatedView(replica.view())).toEqual({
      json: expect.stringContaining(`the service cannot show its state: `),
    })
    expect(JSON.stringify(replica.view())).toContain(reason)
  })

  test('a view is shown as it is', () => {
    const replica = newReplica({ ...oddService({}), view: () => ({ tables: [table] }) })
    expect(replica.view()).toEqual({ tables: [table] })
  })
})

test('a lock whose name is too long and whose characters are pairs: the reason passes the wire', () => {
  const replica = newReplica()
  for (const pad of ['', 'x']) {
    const outcome = outcomeOf(replica, pad.length, {
      action: 'lock',
      name: `${pad}${'\u{1f512}'.repeat(200)}`,
    })
    expect(outcome).toMatchObject({
      kind: 'failed',
      error: expect.stringContaining('it must be a string of 1 to 256'),
    })
  }
})
