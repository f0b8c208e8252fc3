import { describe, expect, test } from 'vitest'
import { heldLocks, type LockState, lockService } from '../../src/services/lock.ts'
import { has, mapOf } from '../../src/services/sorted-map.ts'

const moment = (instance: number, index = 0, uid = 'a@0') => ({
  instance,
  index,
  clockMs: 0,
  uid,
  seq: 1,
  ttlMs: null,
})

describe('the lock service', () => {
  test('a free lock is taken; its token is where that was', () => {
    const free = lockService.initial()
    const { state, ...answer } = lockService.execute(free, { action: 'lock', name: 'x' }, moment(3, 1))
    expect(answer).toEqual({ kind: 'executed', result: { token: { instance: 3, index: 1 } } })
    expect(heldLocks(free)).toEqual([])
    expect(heldLocks(state)).toEqual([{ name: 'x', token: { instance: 3, index: 1 }, uid: 'a@0' }])
  })

  test('a held lock is waited for, by its holder too', () => {
    const state = mapOf([['x', { token: { instance: 0, index: 0 }, uid: 'a@0' }]])
    for (const uid of ['a@0', 'b@0']) {
      expect(lockService.execute(state, { action: 'lock', name: 'x' }, moment(1, 0, uid))).toEqual({
        kind: 'delayed',
        state,
        key: 'x',
      })
    }
  })

  test.each([
    ['anybody without a token', undefined, true],
    ['the token of the holder', { instance: 4, index: 2 }, true],
    ['an older token', { instance: 3, index: 2 }, false],
    ['a token of another index', { instance: 4, index: 1 }, false],
  ])('unlock by %s', (_, token, freed) => {
    const state = mapOf([['x', { token: { instance: 4, index: 2 }, uid: 'a@0' }]])
    const command = { action: 'unlock', name: 'x', ...(token && { token }) } as const
    const { state: after, ...answer } = lockService.execute(state, command, moment(9, 0, 'b@0'))
    expect(answer).toEqual({ kind: 'executed', result: { freed }, ...(freed && { freed: ['x'] }) })
    expect(has(after, 'x')).toBe(!freed)
    expect(has(state, 'x'), 'the state of before').toBe(true)
  })

  test('to unlock what is free does nothing', () => {
    const state = lockService.initial()
    expect(lockService.execute(state, { action: 'unlock', name: 'x' }, moment(0))).toEqual({
      kind: 'executed',
      state,
      result: { freed: false },
    })
  })

  test('a snapshot does not depend on the order in which locks were taken, and is restored', () => {
    const lock = (state: LockState, name: string, index: number) =>
      lockService.execute(state, { action: 'lock', name }, moment(0, index)).state
    const names = ['b', '__proto__', 'ä', '\ud800']
    const one = names.reduce(lock, lockService.initial())
    const other = names.reduceRight(lock, lockService.initial())
    expect(lockService.snapshot(other)).toEqual(lockService.snapshot(one))
    expect(heldLocks(lockService.restore(lockService.snapshot(one)))).toEqual(heldLocks(one))
  })
})

describe('its commands', () => {
  test.each([
    [{ action: 'lock', name: 'x' }],
    [{ action: 'unlock', name: 'x' }],
    [{ action: 'unlock', name: 'x'.repeat(256), token: { instance: 0, index: 12 } }],
  ])('%j is one', (body) => {
    expect(lockService.parse(body)).toEqual(body)
  })

  test.each([
    [null, 'a command of the lock service is null: it must be an object'],
    ['lock', 'a command of the lock service is "lock"'],
    [['lock'], 'is ["lock"]'],
    [{ action: 'lock' }, 'name is nothing: it must be a string of 1 to 256 characters'],
    [{ action: 'lock', name: '' }, 'name is ""'],
    [{ action: 'lock', name: 7 }, 'name is 7'],
    [{ action: 'lock', name: 'x'.repeat(257) }, '… (259 characters): it must be a string'],
    [{ action: 'LOCK', name: 'x' }, 'action is "LOCK": it must be "lock" or "unlock"'],
    [{ name: 'x' }, 'action is nothing'],
    [{ action: 'unlock', name: 'x', token: null }, 'token is null: it must be an object'],
    [{ action: 'unlock', name: 'x', token: { instance: 1 } }, 'index is nothing: it must be a whole number'],
    [{ action: 'unlock', name: 'x', token: { instance: -1, index: 0 } }, 'instance is -1'],
    [{ action: 'unlock', name: 'x', token: { instance: 0.5, index: 0 } }, 'instance is 0.5'],
  ])('%j is none', (body, error) => {
    expect(() => lockService.parse(body)).toThrow(error)
  })
})
