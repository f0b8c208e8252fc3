import { describe, expect, test } from 'vitest'
import type { Json } from '../../machines/batch.ts'
import { kvService } from '../../src/services/kv.ts'
import type { Service } from '../../src/services/service.ts'
import { entriesOf, mapOf } from '../../src/services/sorted-map.ts'
import { ask, body, restored, run, serving } from './driver.ts'

const store = () => serving(kvService as Service)

describe('the key-value store, in place of the lock service', () => {
  test('get, put, delete: the result is what was there before', () => {
    const kv = store()
    expect(kv.do({ action: 'get', key: 'k' })).toEqual({ value: null })
    expect(kv.do({ action: 'put', key: 'k', value: [1, { a: 2 }] })).toEqual({ value: null })
    expect(kv.do({ action: 'put', key: 'k', value: 0 })).toEqual({ value: [1, { a: 2 }] })
    expect(kv.do({ action: 'get', key: 'k' })).toEqual({ value: 0 })
    expect(kv.do({ action: 'delete', key: 'k' })).toEqual({ value: 0 })
    expect(kv.do({ action: 'delete', key: 'k' })).toEqual({ value: null })
  })

  test('compareAndSet sets when what is there equals what is expected', () => {
    const kv = store()
    const compareAndSet = (expected: Json, value: Json) =>
      kv.do({ action: 'compareAndSet', key: 'k', expected, value })
    expect(compareAndSet(1, 2)).toEqual({ value: null, set: false })
    expect(compareAndSet(null, { a: 1, b: 2 })).toEqual({ value: null, set: true })
    expect(compareAndSet(null, 3)).toEqual({ value: { a: 1, b: 2 }, set: false })
    expect(compareAndSet({ b: 2, a: 1 }, 4)).toEqual({ value: { a: 1, b: 2 }, set: true })
    expect(kv.do({ action: 'get', key: 'k' })).toEqual({ value: 4 })
  })

  test('take waits until there is a value, takes it out, and is woken by put or compareAndSet', () => {
    const { replica } = store()
    const take = (uid: string) => ask(uid, 1, body({ action: 'take', key: 'k' }))
    const kinds = (uid: string) =>
      run(replica, [take(uid)], { node: 2 }).outcomes.map(({ outcome }) => outcome)
    expect([...kinds('t@0'), ...kinds('u@0')]).toEqual([
      { kind: 'delayed', key: 'k' },
      { kind: 'delayed', key: 'k' },
    ])
    const put = body({ action: 'put', key: 'k', value: 'v' })
    expect(run(replica, [ask('p@0', 1, put)])).toMatchObject({ freed: ['k'], concerned: [0, 2] })
    expect(kinds('t@0')).toMatchObject([{ kind: 'executed', result: { value: 'v' } }])
    expect(kinds('u@0')).toMatchObject([{ kind: 'delayed' }])
    const set = body({ action: 'compareAndSet', key: 'k', expected: null, value: 'w' })
    expect(run(replica, [ask('p@0', 2, set)]).freed).toEqual(['k'])
    expect(kinds('u@0')).toMatchObject([{ kind: 'executed', result: { value: 'w' } }])
  })

  test.each([0, false, ''])('%j is a value like any other', (value) => {
    const kv = store()
    kv.do({ action: 'put', key: 'k', value })
    expect(kv.do({ action: 'take', key: 'k' })).toEqual({ value })
  })

  test('a compareAndSet that sets nothing frees nothing', () => {
    const { replica } = store()
    run(replica, [ask('t@0', 1, body({ action: 'take', key: 'k' }))])
    const set = body({ action: 'compareAndSet', key: 'k', expected: 1, value: 2 })
    expect(run(replica, [ask('p@0', 1, set)]).freed).toEqual([])
  })

  test('its snapshot does not depend on the order of puts or of fields', () => {
    const values = [
      ['a', { x: 1, y: 2 }],
      ['__proto__', [null]],
    ] as const
    const one = mapOf<Json>(values)
    const other = mapOf<Json>([values[1], ['a', { y: 2, x: 1 }]])
    expect(kvService.snapshot(other)).toEqual(kvService.snapshot(one))
    expect(entriesOf(kvService.restore(kvService.snapshot(one)))).toEqual(entriesOf(one))
  })

  test('it is restored with the replica', () => {
    const kv = store()
    kv.do({ action: 'put', key: 'k', value: 1 })
    const copy = restored(kv.replica, kvService as Service)
    expect(copy.digest()).toBe(kv.replica.digest())
    expect(run(copy, [ask('b@0', 1, body({ action: 'take', key: 'k' }))]).outcomes).toMatchObject([
      { outcome: { result: { value: 1 } } },
    ])
  })
})

test.each([
  [7, 'a command of the key-value store is 7'],
  [{ action: 'get' }, 'key is nothing'],
  [{ action: 'steal', key: 'k' }, 'action is "steal": it must be "get", "put"'],
  [{ action: 'put', key: 'k' }, 'value is nothing: it must be a value other than null'],
  [{ action: 'put', key: 'k', value: null }, 'value is null'],
  [{ action: 'compareAndSet', key: 'k', value: 1 }, 'expected is missing'],
])('%j is none of its commands', (command, error) => {
  expect(() => kvService.parse(command)).toThrow(error)
})
