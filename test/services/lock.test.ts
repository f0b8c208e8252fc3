import { describe, expect, test } from 'vitest'
import { heldLocks, lockService } from '../../src/services/lock.ts'

const moment = (instance: number, index = 0, uid = 'a@0') => ({ instance, index, timeMs: 0, uid })

describe('the lock service', () => {
  test('a free lock is taken; its token is where that was', () => {
    const state = lockService.initial()
    expect(lockService.execute(state, { action: 'lock', name: 'x' }, moment(3, 1))).toEqual({
      kind: 'executed',
      state,
      result: { token: { instance: 3, index: 1 } },
    })
    expect(heldLocks(state)).toEqual([{ name: 'x', token: { instance: 3, index: 1 }, uid: 'a@0' }])
  })

  test('a held lock is waited for, by its holder too', () => {
    const state = new Map([['x', { token: { instance: 0, index: 0 }, uid: 'a@0' }]])
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
    const state = new Map([['x', { token: { instance: 4, index: 2 }, uid: 'a@0' }]])
    const command = { action: 'unlock', name: 'x', ...(token && { token }) } as const
    expect(lockService.execute(state, command, moment(9, 0, 'b@0'))).toEqual({
      kind: 'executed',
      state,
      result: { freed },
      ...(freed && { freed: ['x'] }),
    })
    expect(state.has('x')).toBe(!freed)
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
    const [one, other] = [lockService.initial(), lockService.initial()]
    const names = ['b', '__proto__', 'ä', '\ud800']
    names.forEach((name, i) => {
      lockService.execute(one, { action: 'lock', name }, moment(0, i))
    })
    names.toReversed().forEach((name, i) => {
      lockService.execute(other, { action: 'lock', name }, moment(0, names.length - 1 - i))
    })
    expect(lockService.snapshot(other)).toEqual(lockService.snapshot(one))
    expect(lockService.restore(lockService.snapshot(one))).toEqual(one)
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
