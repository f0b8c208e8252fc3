import { describe, expect, expectTypeOf, test } from 'vitest'
import type { Json } from '../../machines/batch.ts'
import { compose } from '../../src/services/compose.ts'
import { type CommandOf, defineService, type ResultOf } from '../../src/services/define-service.ts'
import { commandFor, commandOf } from '../../src/services/part-command.ts'
import type { Changed, Moment, Service } from '../../src/services/service.ts'
import { type Admission, ServiceHost } from '../../src/services/service-host.ts'

const at: Moment = { instance: 0, version: 1, index: 0, clockMs: 0, uid: 'a@0', seq: 1, ttlMs: null }

/** A service that records the calls of its methods, and carries out its command. */
function noting(name: string, over: Partial<Service<readonly string[], Json>> = {}) {
  const noted = (state: readonly string[], text: string): Changed<readonly string[]> => ({
    state: [...state, text],
    freed: ['told'],
  })
  return defineService<readonly string[], Json, Json>({
    name,
    initial: () => [],
    parse: (body) => {
      if (body === 'unknown') throw new Error('that is no command')
      return body
    },
    execute(state, command) {
      if (command === 'wait') return { kind: 'delayed', state: [...state, 'waits'], key: 'k' }
      if (command === 'time') {
        return {
          ...{ kind: 'executed', state, result: null, freed: ['k', 'l'], revoked: ['a@0'] },
          timers: [{ name: 't', afterMs: 5 }],
        }
      }
      if (command === 'fault') return Promise.reject(new Error('late')) as never
      return { kind: 'executed', state: [...state, String(command)], result: { of: name } }
    },
    timerFired: (state, timer) => noted(state, `fired ${timer}`),
    requestEnded: (state, { uid, seq }) => noted(state, `ended ${uid} ${seq}`),
    sessionEnded: (state, uid) => noted(state, `gone ${uid}`),
    holds: (state) => state.includes('held'),
    snapshot: (state) => [state],
    restore: ([state]) => state as never,
    view: (state) => ({
      tables: [
        { name: 'notes', columns: ['note'], rows: state.map((note) => [note]), more: 0, keyColumn: 0 },
      ],
    }),
    ...over,
  })
}

const both = compose({ one: noting('one'), two: noting('two') }) as Service

function run(state: unknown, service: string, command: Json, moment = at) {
  return both.execute(state, both.parse({ service, command }), moment)
}

const stateOf = (state: unknown) => (state as { readonly parts: Json }).parts

describe('composed services', () => {
  test('have the names of all, each with its state, and a command reaches one of them', () => {
    expect(both.name).toBe('one+two')
    const { state, ...rest } = run(both.initial(), 'two', 'x')
    expect(rest).toMatchObject({ kind: 'executed', result: { of: 'two' } })
    expect(stateOf(state)).toEqual({ one: [], two: ['x'] })
  })

  test('wait for keys, free keys and set timers that no other service can meet', () => {
    expect(run(both.initial(), 'one', 'wait')).toMatchObject({ kind: 'delayed', key: 'one:k' })
    expect(run(both.initial(), 'two', 'time')).toMatchObject({
      freed: ['two:k', 'two:l'],
      timers: [{ name: 'two:t', afterMs: 5 }],
      revoked: ['a@0'],
    })
    const fired = both.timerFired?.(both.initial(), 'two:t', at)
    expect(stateOf(fired?.state)).toEqual({ one: [], two: ['fired t'] })
    expect(fired?.freed).toEqual(['two:told'])
  })

  test('tell the end of a request to the service for which it waits, and to no other, once', () => {
    const { state } = run(both.initial(), 'two', 'wait')
    const ended = both.requestEnded?.(state, at, at)
    expect(stateOf(ended?.state)).toEqual({ one: [], two: ['waits', 'ended a@0 1'] })
    expect(ended?.freed).toEqual(['two:told'])
    expect(both.requestEnded?.(ended?.state, at, at)).toEqual({ state: ended?.state })
    const { state: executed } = run(state, 'two', 'x')
    expect(both.requestEnded?.(executed, at, at)).toEqual({ state: executed })
  })

  test('tell the end of a session to all, and hold it while one of them does', () => {
    const { state } = run(both.initial(), 'two', 'held')
    expect(both.holds?.(both.initial(), 'a@0')).toBe(false)
    expect(both.holds?.(state, 'a@0')).toBe(true)
    const ended = both.sessionEnded?.(state, 'a@0', at)
    expect(stateOf(ended?.state)).toEqual({ one: ['gone a@0'], two: ['held', 'gone a@0'] })
    expect(ended?.freed).toEqual(['one:told', 'two:told'])
  })

  test('hold every session when one with sessionEnded has no holds', () => {
    const { holds: _, ...always } = noting('always')
    expect(
      (compose({ one: noting('one'), always }) as Service).holds?.({ parts: { one: [], always: [] } }, 'a@0'),
    ).toBe(true)
  })

  test('have one snapshot with a part for each, equal for equal states', () => {
    const { state } = run(run(both.initial(), 'two', 'wait').state, 'one', 'x', { ...at, seq: 2 })
    const { state: other } = run(run(both.initial(), 'one', 'x', { ...at, seq: 2 }).state, 'two', 'wait')
    expect([...both.snapshot(other)]).toEqual([...both.snapshot(state)])
    const again = both.restore(both.snapshot(state))
    expect(again).toEqual(state)
    const more = compose({ two: noting('two'), one: noting('one'), three: noting('three') })
    expect(() => more.restore(both.snapshot(state))).toThrow(
      'a snapshot of the services one+two: start the server with these, not with one+three+two',
    )
  })

  test('are the same service in whatever order they are listed', () => {
    const swapped = compose({ two: noting('two'), one: noting('one') })
    expect(swapped.name).toBe('one+two')
    const { state } = run(both.initial(), 'two', 'wait')
    expect(swapped.restore(both.snapshot(state))).toEqual(state)
  })

  test('show the tables of all, with the keys as requests wait for them', () => {
    const { state } = run(both.initial(), 'two', 'x')
    expect(both.view?.(state).tables).toMatchObject([
      { name: 'one: notes', rows: [] },
      { name: 'two: notes', rows: [['two:x']] },
    ])
  })

  test.each([
    [{ service: 'three', command: 1 }, 'there is no service "three"; there are one, two'],
    [{ command: 1 }, 'service is nothing: it must be the name of a service, one or two'],
    [{ service: 'one' }, 'command is missing'],
    ['x', 'a command of composed services is "x": it must be an object'],
    [{ service: 'one', command: 'unknown' }, 'that is no command'],
  ])('fail a request whose command none of them has: %j', (body, told) => {
    expect(() => both.parse(body)).toThrow(told)
  })
})

const anyRoom: Admission = () => null

describe('a fault in one of them', () => {
  const hosted = (service: Service) => {
    const mistakes: unknown[] = []
    const host = new ServiceHost({ service, mostTimers: 9, mistaken: (thrown) => mistakes.push(thrown) })
    return { host, mistakes }
  }

  test('fails the request, and leaves no promise unhandled', async () => {
    const { host } = hosted(both)
    expect(host.execute({ service: 'one', command: 'fault' }, at, anyRoom)).toEqual({
      kind: 'failed',
      reason: 'execute returned a promise: a service must answer at once',
    })
    await new Promise((resolve) => setTimeout(resolve, 1))
  })

  test('at the end of a session is reported, and the other services are notified', () => {
    const broken = noting('broken', {
      sessionEnded: () => {
        throw new TypeError('broken')
      },
    })
    const whole = compose({ broken, two: noting('two') }) as Service
    const { host, mistakes } = hosted({
      ...whole,
      // As the host notifies of a request that ended.
      requestEnded: (state, { uid }, time) => whole.sessionEnded?.(state, uid, time) ?? { state },
    })
    host.requestEnded(at, at)
    expect(mistakes).toMatchObject([{ message: 'broken' }])
    expect(stateOf(whole.restore(host.snapshot()))).toEqual({ broken: [], two: ['gone a@0'] })
  })

  test('that sets a timer without timerFired names the service', () => {
    const { timerFired: _, ...late } = noting('late')
    const { host } = hosted(compose({ late, two: noting('two') }) as Service)
    expect(host.execute({ service: 'late', command: 'time' }, at, anyRoom)).toMatchObject({
      reason: 'the service late sets a timer and has no method timerFired: add it',
    })
  })
})

test.each([
  [{}, 'compose received no service'],
  [null, 'compose received null: it must be an object with services by name'],
  [{ 'a+b': noting('a') }, 'the name of a composed service is "a+b": it must be'],
  [{ a: {} }, 'a is {}: it must be a service'],
  [{ ['a'.repeat(100)]: noting('a'), ['b'.repeat(60)]: noting('b') }, 'has 161 characters'],
])('what cannot be composed is refused: %#', (parts, told) => {
  expect(() => compose(parts as never)).toThrow(told)
})

test('a command is wrapped where its service is composed with others', () => {
  expect(commandFor('kv', 1, 'kv')).toBe(1)
  expect(commandFor('kv', 1, 'kv+lock')).toEqual({ service: 'kv', command: 1 })
  expect(commandFor('kv', 1, 'lock')).toBe(null)
})

test('an executed command is unwrapped for its service alone', () => {
  expect(commandOf('kv', 1, 'kv')).toBe(1)
  expect(commandOf('kv', { service: 'kv', command: 1 }, 'kv+lock')).toBe(1)
  expect(commandOf('lock', { service: 'kv', command: 1 }, 'kv+lock')).toBe(null)
  expect(commandOf('lock', null, 'kv+lock')).toBe(null)
})

test('commands and results have the types of the services', () => {
  const service = compose({
    add: defineService({
      ...{ name: 'add', initial: () => 0, parse: () => ({ amount: 1 }), snapshot: () => [] },
      ...{
        restore: () => 0,
        execute: (state: number) => ({ kind: 'executed' as const, state, result: state }),
      },
    }),
    note: noting('note'),
  })
  expectTypeOf<CommandOf<typeof service>>().toEqualTypeOf<
    | { readonly service: 'add'; readonly command: { amount: number } }
    | { readonly service: 'note'; readonly command: Json }
  >()
  expectTypeOf<ResultOf<typeof service>>().toEqualTypeOf<Json>()
})
