import { expect, test } from 'vitest'
import type { Json } from '../../machines/batch.ts'
import type { Service } from '../../src/services/service.ts'
import { registerService } from '../../src/verify/register-service.ts'
import { serving } from '../services/driver.ts'

const registers = () => serving(registerService as Service)

test('registers: read, write, compare-and-set', () => {
  const service = registers()
  expect(service.do({ action: 'read', key: 'x' })).toEqual({ value: null })
  expect(service.do({ action: 'write', key: 'x', value: { a: 1, b: 2 } })).toEqual({ written: true })
  expect(service.do({ action: 'read', key: 'x' })).toEqual({ value: { a: 1, b: 2 } })
  expect(service.do({ action: 'read', key: 'y' })).toEqual({ value: null })
  const compareAndSet = (expected: Json) => ({ action: 'compareAndSet', key: 'x', expected, value: 3 })
  expect(service.do(compareAndSet(null))).toEqual({ set: false })
  expect(service.do(compareAndSet({ b: 2, a: 1 }))).toEqual({ set: true })
  expect(service.do({ action: 'read', key: 'x' })).toEqual({ value: 3 })
})

test('counters, which have nothing to do with the register of the same key', () => {
  const service = registers()
  expect(service.do({ action: 'write', key: 'x', value: 7 })).toEqual({ written: true })
  expect(service.do({ action: 'count', key: 'x' })).toEqual({ count: 0 })
  expect(service.do({ action: 'add', key: 'x', amount: 5 })).toEqual({ count: 5 })
  expect(service.do({ action: 'add', key: 'x', amount: -2 })).toEqual({ count: 3 })
  expect(service.do({ action: 'count', key: 'x' })).toEqual({ count: 3 })
})

test('its snapshot restores it, and is the same in any order it came to be', () => {
  const moment = { instance: 0, version: 1, index: 0, clockMs: 0, uid: 'a@0', seq: 1, ttlMs: null }
  const after = (...keys: string[]) => {
    let state = registerService.initial()
    for (const key of keys) {
      state = registerService.execute(state, { action: 'write', key, value: key }, moment).state
      state = registerService.execute(state, { action: 'add', key, amount: 1 }, moment).state
    }
    return state
  }
  const rows = [...registerService.snapshot(after('a', 'b'))]
  expect([...registerService.snapshot(after('b', 'a'))]).toEqual(rows)
  expect([...registerService.snapshot(registerService.restore(rows))]).toEqual(rows)
  const read = { action: 'read', key: 'b' } as const
  expect(registerService.execute(registerService.restore(rows), read, moment)).toMatchObject({
    result: { value: 'b' },
  })
})

test.each<[string, Json]>([
  ['a command of the register service is 3', 3],
  ['action is "take"', { action: 'take', key: 'x' }],
  ['key is ""', { action: 'read', key: '' }],
  ['value is missing', { action: 'write', key: 'x' }],
  ['expected is missing', { action: 'compareAndSet', key: 'x', value: 1 }],
  ['amount is 1.5', { action: 'add', key: 'x', amount: 1.5 }],
])('%s', (error, command) => {
  expect(registers().do(command)).toMatchObject({ kind: 'failed', error: expect.stringContaining(error) })
})
