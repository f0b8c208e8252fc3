import { describe, expect, test } from 'vitest'
import type { Json } from '../../machines/batch.ts'
import { chunkSize } from '../../src/services/kv/change-log.ts'
import { kvService } from '../../src/services/kv/kv.ts'
import { kvLimits } from '../../src/services/kv/limits.ts'
import type { Service } from '../../src/services/service.ts'
import { restored } from './driver.ts'
import { servingDirectly } from './serving-directly.ts'

const kv = () => servingDirectly(kvService)
const put = (key: string, value: Json, more: object = {}) => ({ action: 'put', key, value, ...more })
const get = (key: string) => ({ action: 'get', key })
const take = (key: string) => ({ action: 'take', key })
const list = (prefix: string, more: object = {}) => ({ action: 'list', prefix, ...more })

describe('put, get and delete', () => {
  test('each change, of any key, has a larger version than all before', () => {
    const store = kv()
    expect(store.do(get('k'))).toEqual({ entry: null })
    expect(store.do(put('k', [1, { a: 2 }]))).toEqual({ version: 1 })
    expect(store.do(put('l', 0))).toEqual({ version: 2 })
    expect(store.do(put('k', 3))).toEqual({ version: 3 })
    expect(store.do(get('k'))).toEqual({ entry: { key: 'k', value: 3, version: 3 } })
    expect(store.do({ action: 'delete', key: 'k' })).toEqual({ deleted: true })
    expect(store.do({ action: 'delete', key: 'k' })).toEqual({ deleted: false })
    expect(store.do(put('k', 4))).toEqual({ version: 5 })
  })

  test('a delete with a version deletes only that one', () => {
    const store = kv()
    store.do(put('k', 1))
    store.do(put('k', 2))
    expect(store.do({ action: 'delete', key: 'k', version: 1 })).toEqual({ deleted: false })
    expect(store.do({ action: 'delete', key: 'k', version: 2 })).toEqual({ deleted: true })
  })

  test('compareAndSet sets when the version is the expected one, 0 for a key without a value', () => {
    const store = kv()
    const compareAndSet = (version: number, value: Json) =>
      store.do({ action: 'compareAndSet', key: 'k', version, value })
    expect(compareAndSet(1, 'a')).toEqual({ set: false, entry: null })
    expect(compareAndSet(0, 'a')).toEqual({ set: true, version: 1 })
    expect(compareAndSet(0, 'b')).toEqual({ set: false, entry: { key: 'k', value: 'a', version: 1 } })
    expect(compareAndSet(1, 'b')).toEqual({ set: true, version: 2 })
  })
})

describe('list', () => {
  const store = kv()
  for (const key of ['a', 'b/1', 'b/2', 'b/3', 'c', '']) if (key !== '') store.do(put(key, key))

  test('gives the keys with a prefix in order, and where to go on', () => {
    expect(store.do(list('b/'))).toMatchObject({
      entries: [{ key: 'b/1' }, { key: 'b/2' }, { key: 'b/3' }],
      ...{ next: null, version: 5 },
    })
    expect(store.do(list('b/', { limit: 2 }))).toMatchObject({
      entries: [{ key: 'b/1' }, { key: 'b/2' }],
      next: 'b/2',
    })
    expect(store.do(list('b/', { limit: 2, after: 'b/2' }))).toMatchObject({
      entries: [{ key: 'b/3' }],
      next: null,
    })
    expect(store.do(list('', { limit: 3 }))).toMatchObject({ next: 'b/2' })
    expect(store.do(list('d'))).toEqual({ entries: [], next: null, version: 5 })
    expect(store.do(list('b/', { after: 'a' }))).toMatchObject({ entries: { length: 3 } })
    expect(store.do(list('b/', { after: 'c' }))).toMatchObject({ entries: [] })
  })

  test('fits into one result, with values of any size', () => {
    const large = kv()
    for (const key of ['a', 'b', 'c', 'd']) large.do(put(key, 'x'.repeat(kvLimits.valueBytes - 2)))
    const page = large.do(list('')) as { entries: object[]; next: string }
    expect([page.entries.length, page.next]).toEqual([1, 'a'])
    expect(JSON.stringify(page).length).toBeLessThan(65_536)
  })
})

describe('take', () => {
  test('removes any value, and waits while there is none', () => {
    const store = kv()
    store.do(put('k', 0))
    expect(store.do(take('k'))).toEqual({ entry: { key: 'k', value: 0, version: 1 } })
    expect(store.do(get('k'))).toEqual({ entry: null })
    const first = store.ask('t', take('k'))
    const second = store.ask('u', take('k'))
    expect([first.key, second.key]).toEqual(['waiter 0', 'waiter 1'])
    expect(store.change(put('k', 'v'))).toMatchObject({ freed: ['waiter 0'] })
    // The second asks first, and a third comes: the first has the right to the value.
    expect(store.again(second)).toBeNull()
    expect(store.ask('w', take('k')).result).toBeNull()
    expect(store.again(first)).toEqual({ entry: { key: 'k', value: 'v', version: 3 } })
    expect(store.change({ action: 'compareAndSet', key: 'k', version: 0, value: 'w' })).toMatchObject({
      freed: ['waiter 1'],
    })
    expect(store.again(second)).toMatchObject({ entry: { value: 'w' } })
  })

  test('gives the value on when the first ends before it took it', () => {
    const store = kv()
    const first = store.ask('t', take('k'))
    const second = store.ask('u', take('k'))
    store.do(put('k', 'v'))
    expect(store.end(first)).toMatchObject({ freed: ['waiter 1'] })
    expect(store.again(second)).toMatchObject({ entry: { value: 'v' } })
  })

  test('frees nothing when one ends that was not the first, or when there is no value', () => {
    const store = kv()
    const [first, second, third] = ['t', 'u', 'w'].map((uid) => store.ask(uid, take('k')))
    expect(store.end(second!).freed).toEqual([])
    expect(store.end(first!).freed).toEqual([])
    store.do(put('k', 'v'))
    expect(store.again(third!)).toMatchObject({ entry: { value: 'v' } })
  })

  test('waits on when the value is deleted before it took it', () => {
    const store = kv()
    const first = store.ask('t', take('k'))
    store.do(put('k', 'v'))
    store.do({ action: 'delete', key: 'k' })
    expect(store.again(first)).toBeNull()
    expect(store.change(put('k', 'w')).freed).toEqual(['waiter 0'])
  })
})

describe('watch', () => {
  const watch = (more: object) => ({ action: 'watch', ...more })

  test('gives each changed key once, as it is now, in order of its last change', () => {
    const store = kv()
    store.do(put('a/1', 1))
    store.do(put('a/2', 2))
    store.do(put('a/1', 3))
    store.do(put('b', 4))
    store.do({ action: 'delete', key: 'a/2' })
    const changes = [
      { key: 'a/1', value: 3, version: 3 },
      { key: 'a/2', version: 5, deleted: true },
    ]
    expect(store.do(watch({ prefix: 'a/', after: 0 }))).toEqual({ changes, version: 5, missed: false })
    expect(store.do(watch({ key: 'a/1', after: 2 }))).toMatchObject({ changes: [{ version: 3 }] })
  })

  test('waits for a change of its key or prefix, and each change wakes all that match', () => {
    const store = kv()
    store.do(put('a/1', 1))
    const waits = [{ key: 'a/1', after: 1 }, { prefix: 'a/' }, { key: 'b' }, { prefix: '' }].map(
      (target, place) => store.ask(`w${place}`, watch(target)),
    )
    expect(waits.map(({ key }) => key)).toEqual(['waiter 0', 'waiter 1', 'waiter 2', 'waiter 3'])
    expect(store.change(put('a/1', 2)).freed).toEqual(['waiter 0', 'waiter 1', 'waiter 3'])
    const changes = [{ key: 'a/1', value: 2, version: 2 }]
    expect(store.again(waits[0]!)).toEqual({ changes, version: 2, missed: false })
    expect(store.change({ action: 'delete', key: 'a/1' }).freed).toEqual(['waiter 1', 'waiter 3'])
    expect(store.again(waits[1]!)).toEqual({
      ...{ changes: [{ key: 'a/1', version: 3, deleted: true }], version: 3, missed: false },
    })
    expect(store.again(waits[2]!)).toBeNull()
  })

  test('that ended wakes no more', () => {
    const store = kv()
    const waits = store.ask('w', watch({ key: 'k' }))
    store.end(waits)
    expect(store.change(put('k', 1)).freed).toEqual([])
  })

  test('of changes that are forgotten says so at once; one that waited misses nothing', () => {
    const store = kv()
    const waits = store.ask('w', watch({ key: 'k', after: 0 }))
    for (let times = 0; times < kvLimits.changes + chunkSize; times += 1) store.do(put('other', times))
    expect(store.do(watch({ key: 'k', after: 0 }))).toEqual({
      ...{ changes: [], version: kvLimits.changes + chunkSize, missed: true },
    })
    expect(store.ask('v', watch({ key: 'k', after: chunkSize })).result).toBeNull()
    expect(store.do(watch({ key: 'k', after: chunkSize - 1 }))).toMatchObject({ missed: true })
    expect(store.again(waits)).toBeNull()
    store.do(put('k', 1))
    expect(store.again(waits)).toMatchObject({ changes: [{ key: 'k' }], missed: false })
  })

  test('has a limit, and gives a long list in parts', () => {
    const store = kv()
    for (const key of ['a', 'b', 'c']) store.do(put(key, 'x'.repeat(kvLimits.valueBytes - 2)))
    const first = store.do(watch({ prefix: '', after: 0 })) as { changes: { key: string }[]; version: number }
    expect(first).toMatchObject({ changes: [{ key: 'a' }], version: 1 })
    expect(store.do(watch({ prefix: '', after: first.version }))).toMatchObject({ changes: [{ key: 'b' }] })
    for (let place = 0; place < kvLimits.watches; place += 1) store.ask(`w${place}`, watch({ key: 'k' }))
    expect(() => store.do(watch({ key: 'k' }))).toThrow('1000 watches wait already')
    expect(store.change(put('k', 1)).freed).toHaveLength(kvLimits.watches)
  })
})

describe('the life of a key', () => {
  test('ends with its ttl, which another put replaces', () => {
    const store = kv()
    expect(store.change(put('k', 1, { ttlMs: 50 }))).toMatchObject({ timers: [{ name: 'k', afterMs: 50 }] })
    expect(store.change(put('k', 2, { ttlMs: 70 }))).toMatchObject({ timers: [{ name: 'k', afterMs: 70 }] })
    expect(store.fire('k')).toMatchObject({ timers: [] })
    expect(store.do(get('k'))).toEqual({ entry: null })
    store.do(put('k', 3, { ttlMs: 50 }))
    expect(store.change(put('k', 4))).toMatchObject({ timers: [{ name: 'k', afterMs: null }] })
    store.do(put('k', 5, { ttlMs: 50 }))
    expect(store.change(take('k'))).toMatchObject({ timers: [{ name: 'k', afterMs: null }] })
  })

  test('ends with its session, which it keeps until then', () => {
    const store = kv()
    store.ask('s', put('a', 1, { session: true }))
    store.ask('s', put('b', 2, { session: true, ttlMs: 9 }))
    store.ask('s', put('c', 3))
    const watch = store.ask('w', { action: 'watch', prefix: 'a' })
    expect([store.holds('s'), store.holds('w')]).toEqual([true, false])
    // Put by another, it lives on.
    expect(store.change(put('a', 4)).freed).toEqual(['waiter 0'])
    expect(store.again(watch)).toMatchObject({ changes: [{ value: 4 }] })
    expect(store.endSession('s')).toMatchObject({ timers: [{ name: 'b', afterMs: null }] })
    expect(store.do(list(''))).toMatchObject({ entries: [{ key: 'a' }, { key: 'c' }] })
    expect(store.holds('s')).toBe(false)
  })

  test('a session is held while one of its takes waits', () => {
    const store = kv()
    const waits = store.ask('t', take('k'))
    expect([store.holds('t'), store.holds('t2')]).toEqual([true, false])
    store.end(waits)
    expect(store.holds('t')).toBe(false)
  })

  test('a session has a limit of keys, above which others of it can still be replaced', () => {
    const store = kv()
    for (let place = 0; place < kvLimits.sessionKeys; place += 1) {
      store.ask('s', put(`k${place}`, 1, { session: true, ttlMs: 5 }))
    }
    expect(() => store.ask('s', put('more', 1, { session: true }))).toThrow(
      'at most 512 keys live with one session',
    )
    expect(store.ask('s', put('k0', 2, { session: true })).result).not.toBeNull()
    expect(store.endSession('s').timers).toHaveLength(kvLimits.sessionKeys - 1)
  })
})

test('it is restored with the replica, waiting requests included', () => {
  const store = kv()
  store.do(put('b', { y: 1, x: 2 }, { ttlMs: 5 }))
  store.do(put('__proto__', [null], { session: true }))
  store.do({ action: 'delete', key: 'b' })
  store.ask('t', take('k'))
  store.ask('w', { action: 'watch', prefix: 'k' })
  const rows = [...kvService.snapshot(store.state)]
  const again = kvService.restore(rows)
  expect(again).toEqual(store.state)
  expect([...kvService.snapshot(again)]).toEqual(rows)
  const replica = restored(store.replica(), kvService as Service)
  expect(replica.digest()).toBe(store.replica().digest())
})

test.each([
  [7, 'a command of the key-value store is 7'],
  [{ action: 'get' }, 'key is nothing'],
  [{ action: 'get', key: 'k'.repeat(257) }, 'it must be a string of 1 to 256 characters'],
  [{ action: 'steal', key: 'k' }, 'action is "steal": it must be one of "get", "put"'],
  [{ action: 'put', key: 'k' }, 'value is nothing: it must be a value other than null'],
  [{ action: 'put', key: 'k', value: null }, 'value is null'],
  [{ action: 'put', key: 'k', value: 'x'.repeat(32_000) }, 'value takes 32002 bytes of JSON: at most 32000'],
  [
    { action: 'put', key: 'k', value: JSON.parse(`${'['.repeat(25)}${']'.repeat(25)}`) },
    'value cannot be stored',
  ],
  [{ action: 'put', key: 'k', value: 1, ttlMs: 0 }, 'ttlMs is 0: it must be a whole number from 1 to'],
  [{ action: 'put', key: 'k', value: 1, session: 1 }, 'session is 1: it must be true or false'],
  [{ action: 'compareAndSet', key: 'k', value: 1 }, 'version is nothing: it must be a whole number'],
  [{ action: 'list' }, 'prefix is nothing: it must be a string of at most 256 characters'],
  [{ action: 'list', prefix: '', limit: 1_001 }, 'limit is 1001: it must be a whole number from 1 to 1000'],
  [{ action: 'watch' }, 'give one of them'],
  [{ action: 'watch', key: 'k', prefix: 'k' }, 'a watch has key "k" and prefix "k": give one of them'],
  [{ action: 'watch', key: 'k', after: -1 }, 'after is -1'],
])('%j is none of its commands', (command, error) => {
  expect(() => kvService.parse(command)).toThrow(error)
})
