import { describe, expect, test } from 'vitest'
import type { Json } from '../../machines/batch.ts'
import { kvService } from '../../src/services/kv/kv.ts'
import { lockService } from '../../src/services/lock.ts'
import type { Service } from '../../src/services/service.ts'
import { deepFreeze, readOnly } from '../../src/testing.ts'
import { registerService } from '../../src/verify/register-service.ts'
import { ask, body, newReplica, run } from './driver.ts'

const at = { instance: 0, version: 1, index: 0, clockMs: 0, uid: 'a@0', seq: 1, ttlMs: null }

/** A service with a state of its own kind, into which `execute` writes. */
function writing<State>(initial: State, write: (state: State) => void): Service<State, null, null> {
  return {
    name: 'writing',
    initial: () => initial,
    parse: () => null,
    execute(state) {
      write(state)
      return { kind: 'executed', state, result: null }
    },
    snapshot: (state) => [JSON.stringify(state, (_, value) => (value instanceof Map ? [...value] : value))],
    restore: () => initial,
  }
}

class Hidden {
  #count = 0

  increase(): void {
    this.#count += 1
  }

  toJSON(): number {
    return this.#count
  }
}

describe('a service that writes into its state is found', () => {
  const text = /read only|read-only|not extensible|wrote into its state/
  test.each([
    ['a field', writing({ a: 1 }, (state) => Object.assign(state, { a: 2 }))],
    ['a field within', writing({ a: { b: [1] } }, (state) => state.a.b.push(2))],
    ['a Map', writing(new Map([['a', 1]]), (state) => state.set('a', 2))],
    [
      'a Map within',
      writing({ map: new Map([['a', new Map()]]) }, (state) => state.map.get('a')?.set('b', 1)),
    ],
    ['a Set', writing(new Set(['a']), (state) => state.delete('a'))],
    ['bytes, which cannot be frozen', writing(new Uint8Array(3), (state) => state.fill((state[0] ?? 0) + 1))],
    ['private fields, which cannot be frozen', writing(new Hidden(), (state) => state.increase())],
  ] as [string, Service<unknown, null, null>][])('%s', (_, service) => {
    const watched = readOnly(service)
    expect(() => watched.execute(watched.initial(), null, at)).toThrow(text)
    expect(() => watched.execute(watched.restore([]), null, at)).toThrow(text)
  })

  test('in a replica, its request fails', () => {
    const service = readOnly(writing({ a: 1 }, (state) => Object.assign(state, { a: 2 })))
    expect(run(newReplica(service as unknown as Service), [ask('a@0', 1, body(1))]).outcomes).toMatchObject([
      { outcome: { kind: 'failed' } },
    ])
  })
})

test.each([
  [lockService as Service, { action: 'lock', name: 'x' }, { action: 'unlock', name: 'x' }],
  [
    kvService as Service,
    { action: 'put', key: 'k', value: [1] },
    { action: 'compareAndSet', key: 'k', version: 1, value: 2, ttlMs: 5, session: true },
    { action: 'list', prefix: '' },
    { action: 'watch', prefix: '', after: 0 },
    { action: 'take', key: 'k' },
    { action: 'delete', key: 'k' },
  ],
  [
    registerService as unknown as Service,
    { action: 'write', key: 'k', value: 1 },
    { action: 'compareAndSet', key: 'k', expected: 1, value: 2 },
    { action: 'add', key: 'k', amount: 1 },
  ],
] as const)('the services that come along write into no state', (service, ...commands: readonly Json[]) => {
  const replica = newReplica(readOnly(service))
  commands.forEach((command, seq) => {
    expect(run(replica, [ask('a@0', seq, body(command))]).outcomes).toMatchObject([
      { outcome: { kind: 'executed' } },
    ])
  })
})

test('deepFreeze gives the very value, walks what holds itself, and freezes once', () => {
  const value: Record<string, unknown> = { list: [{ a: 1 }], none: null }
  value.self = value
  expect(deepFreeze(value)).toBe(value)
  expect(Object.isFrozen(value.list)).toBe(true)
  expect(deepFreeze(value)).toBe(value)
  expect(deepFreeze('text')).toBe('text')
})
