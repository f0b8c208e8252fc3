/** Each rule of the lock service by an example. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { heldLocks, lockLimits } from '../../../src/services/lock.ts'
import type { LockCommand, TakeCommand } from '../../../src/services/lock-commands.ts'
import { type At, LockDriver, type Reply } from './lock-driver.ts'

const endless = { ttlMs: null }

/** Requests by session and seq: `a1` is the request 1 of the session a. */
class Locks extends LockDriver {
  lock(request: string, rest: Omit<TakeCommand, 'action'>, at?: At): Reply {
    return this.run(uidOf(request), seqOf(request), { action: 'lock', ...rest } as LockCommand, at)
  }

  /** Frees by token. */
  unlock(token: number): Reply {
    return this.run('anybody@9', 1, { action: 'unlock', token })
  }
}

const uidOf = (request: string) => `secret@${request.charAt(0)}`
const seqOf = (request: string) => Number(request.slice(1))
const woken = (...requests: string[]) => requests.map((request) => `${uidOf(request)}#${seqOf(request)}`)
const x = { name: 'x' }
const shared = { name: 'x', mode: 'shared' } as const

/** The session a holds x with the token 1. */
function held(): Locks {
  const locks = new Locks()
  expect(locks.lock('a1', x)).toEqual({ result: { token: 1 }, freed: [], revoked: [] })
  return locks
}

describe('a grant', () => {
  test('is made at the release, to the longest waiter, which collects it', () => {
    const locks = held()
    expect(locks.lock('b1', x).result).toBe('waits')
    expect(locks.lock('c1', x).result).toBe('waits')
    expect(locks.unlock(1)).toEqual({ result: { freed: true }, freed: woken('b1'), revoked: [] })
    expect(heldLocks(locks.state)).toEqual([{ name: 'x', token: 2, uid: 'secret@b' }])
    expect(locks.lock('c1', x).result, 'it is asked again too early').toBe('waits')
    expect(locks.lock('d1', x).result, 'one that comes now').toBe('waits')
    expect(locks.lock('b1', x).result).toEqual({ token: 2 })
  })

  test('has a token of its own, above all before, also for two shared ones in one execution', () => {
    const locks = held()
    locks.lock('b1', shared)
    locks.lock('c1', shared)
    locks.lock('d1', { name: 'other' })
    expect(locks.unlock(1).freed).toEqual(woken('b1', 'c1'))
    expect([locks.lock('c1', shared), locks.lock('b1', shared)].map(({ result }) => result)).toEqual([
      { token: 4 },
      { token: 3 },
    ])
  })

  test('that nobody collected goes on when its request ends', () => {
    const locks = held()
    locks.lock('b1', x)
    locks.lock('c1', x)
    locks.unlock(1)
    expect(locks.requestEnded('secret@b', 1).freed).toEqual(woken('c1'))
    expect(locks.lock('c1', x).result).toEqual({ token: 3 })
  })

  test('that nobody collected is freed by no token, and not in plain text', () => {
    const locks = new Locks()
    locks.lock('a1', x, endless)
    locks.lock('b1', x, endless)
    expect(locks.run('t', 1, { action: 'unlock', name: 'x' }).freed).toEqual(woken('b1'))
    expect(locks.run('t', 2, { action: 'unlock', name: 'x' }).result).toEqual({ freed: false })
    expect(locks.unlock(2).result).toEqual({ freed: false })
    expect(locks.lock('b1', x, endless).result).toEqual({ token: 2 })
  })
})

describe('a shared lock', () => {
  test('is held together, and no shared request passes an exclusive one', () => {
    const locks = new Locks()
    expect(locks.lock('a1', shared).result).toEqual({ token: 1 })
    expect(locks.lock('b1', shared).result).toEqual({ token: 2 })
    expect(locks.lock('c1', x).result).toBe('waits')
    expect(locks.lock('d1', shared).result).toBe('waits')
    expect(locks.unlock(1).freed).toEqual([])
    expect(locks.unlock(2).freed).toEqual(woken('c1'))
    expect(locks.lock('c1', x).result).toEqual({ token: 3 })
    expect(locks.unlock(3).freed).toEqual(woken('d1'))
  })

  test('goes on when the exclusive request before it is cancelled', () => {
    const locks = new Locks()
    locks.lock('a1', shared)
    locks.lock('b1', x)
    locks.lock('c1', shared)
    expect(locks.requestEnded('secret@b', 1).freed).toEqual(woken('c1'))
  })

  test('has a limit of holders; more wait', () => {
    const locks = new Locks({ isLarge: true })
    for (let seq = 1; seq <= lockLimits.holders; seq += 1)
      locks.run(`s@${seq}`, 1, { action: 'lock', ...shared })
    expect(locks.run('s@last', 1, { action: 'lock', ...shared }).result).toBe('waits')
    expect(locks.unlock(7).freed).toEqual(['s@last#1'])
  })
})

describe('a semaphore', () => {
  test('has so many holders, and grants in order', () => {
    const locks = new Locks()
    const one = { name: 'x', permits: 2 }
    const results = ['a1', 'b1', 'c1', 'd1'].map((request) => locks.lock(request, one).result)
    expect(results).toEqual([{ token: 1 }, { token: 2 }, 'waits', 'waits'])
    expect(locks.unlock(2).freed).toEqual(woken('c1'))
    expect(locks.unlock(1).freed).toEqual(woken('d1'))
  })

  test('refuses another number, and a request without permits, while it is in use', () => {
    const locks = new Locks()
    locks.lock('a1', { name: 'x', permits: 2 })
    for (const other of [{ name: 'x', permits: 3 }, x, shared]) {
      expect(locks.lock('b1', other).result).toEqual({ refused: 'permitsDiffer', name: 'x', permits: 2 })
    }
    locks.unlock(1)
    expect(locks.lock('b1', x).result).toEqual({ token: 2 })
    expect(locks.lock('c1', { name: 'x', permits: 2 }).result).toEqual({
      refused: 'permitsDiffer',
      name: 'x',
      permits: null,
    })
  })
})

describe('several names', () => {
  const both = { names: ['x', 'y'] }

  test('are granted with one token when all are free, and freed together', () => {
    const locks = held()
    expect(locks.lock('b1', both).result).toBe('waits')
    expect(locks.unlock(1).freed).toEqual(woken('b1'))
    expect(locks.lock('b1', both).result).toEqual({ token: 2 })
    expect(locks.lock('c1', { name: 'y' }).result).toBe('waits')
    expect(locks.unlock(2).freed).toEqual(woken('c1'))
  })

  test('are not passed in any of them by one that came later', () => {
    const locks = held()
    locks.lock('b1', both)
    expect(locks.lock('c1', { name: 'y' }).result).toBe('waits')
    expect(locks.lock('d1', { name: 'z' }).result).toEqual({ token: 2 })
  })

  test('a token with a name that is not of its grant frees nothing', () => {
    const locks = new Locks()
    locks.lock('a1', both)
    for (const names of [['z'], ['x', 'z']]) {
      expect(locks.run('b', 1, { action: 'unlock', token: 1, names }).result).toEqual({ freed: false })
    }
    expect(locks.run('b', 1, { action: 'unlock', token: 1, name: 'y' }).result).toEqual({ freed: true })
  })
})

describe('a session that asks for what it has', () => {
  test('is refused, whether it holds the lock or waits for it', () => {
    const locks = held()
    expect(locks.lock('a2', x).result).toEqual({ refused: 'alreadyHeld', name: 'x', held: 1 })
    locks.lock('b1', x)
    expect(locks.lock('b2', { names: ['w', 'x'] }).result).toEqual({
      refused: 'alreadyHeld',
      name: 'x',
      held: null,
    })
  })

  test('without a ttl it waits for itself, as in the seed', () => {
    const locks = new Locks()
    locks.lock('a1', x, endless)
    expect(locks.lock('a2', x, endless).result).toBe('waits')
  })

  test('enters again on request, and each entry is freed', () => {
    const locks = held()
    const again = { name: 'x', reentrant: true } as const
    expect(locks.lock('a2', again).result).toEqual({ token: 1 })
    locks.lock('b1', x)
    expect(locks.unlock(1)).toMatchObject({ result: { freed: true }, freed: [] })
    expect(locks.unlock(1)).toMatchObject({ result: { freed: true }, freed: woken('b1') })
    expect(locks.unlock(1).result).toEqual({ freed: false })
  })

  test('enters while it waits, too: all its requests are granted together', () => {
    const locks = held()
    const again = { name: 'x', reentrant: true } as const
    locks.lock('b1', again)
    expect(locks.lock('b2', again).result).toBe('waits')
    expect(locks.lock('b3', again).result).toBe('waits')
    expect(locks.requestEnded('secret@b', 1).freed).toEqual([])
    expect(locks.unlock(1).freed).toEqual(woken('b2', 'b3'))
    expect(locks.lock('b3', again).result).toEqual({ token: 2 })
    expect(locks.requestEnded('secret@b', 2).freed).toEqual([])
    locks.lock('c1', x)
    expect(locks.unlock(2).freed).toEqual(woken('c1'))
  })

  test('cannot enter more strictly than it holds, or wider', () => {
    const locks = new Locks()
    locks.lock('a1', shared)
    for (const more of [x, { names: ['x', 'y'], mode: 'shared' as const }]) {
      expect(locks.lock('a2', { ...more, reentrant: true }).result).toMatchObject({ refused: 'alreadyHeld' })
    }
    expect(locks.lock('a2', { ...shared, reentrant: true }).result).toEqual({ token: 1 })
  })

  test('cannot enter without end', () => {
    const locks = held()
    const again = { name: 'x', reentrant: true } as const
    for (let seq = 2; seq <= lockLimits.entries; seq += 1) locks.lock(`a${seq}`, again)
    expect(() => locks.lock('a999', again)).toThrow('has entered 100 times')
  })
})

describe('a deadlock', () => {
  test('is refused with the cycle', () => {
    const locks = held()
    locks.lock('b1', { name: 'y' })
    locks.lock('c1', { name: 'z' })
    expect(locks.lock('a2', { name: 'y' }).result).toBe('waits')
    expect(locks.lock('b2', { name: 'z' }).result).toBe('waits')
    expect(locks.lock('c2', x).result).toEqual({
      refused: 'deadlock',
      cycle: [
        { session: 'c', name: 'x' },
        { session: 'a', name: 'y' },
        { session: 'b', name: 'z' },
      ],
      more: 0,
    })
    expect(locks.unlock(3).freed, 'its request does not wait').toEqual(woken('b2'))
  })

  test('is found through a waiter that is before others in the line', () => {
    const locks = held()
    locks.lock('b1', { name: 'y' })
    expect(locks.lock('c1', { names: ['x', 'y'] }).result).toBe('waits')
    expect(locks.lock('b2', { names: ['x'] }).result).toMatchObject({
      cycle: [
        { session: 'b', name: 'x' },
        { session: 'c', name: 'y' },
      ],
    })
  })

  test('is none when another permit may come free, or when a revoked session is in it', () => {
    const locks = new Locks()
    const one = { name: 's', permits: 2 }
    locks.lock('a1', one)
    locks.lock('b1', one)
    locks.lock('c1', x)
    expect(locks.lock('c2', one).result).toBe('waits')
    expect(locks.lock('a2', x).result).toBe('waits')

    const stolen = held()
    stolen.lock('b1', { name: 'y' })
    stolen.lock('a2', { name: 'y' })
    stolen.run('operator', 1, { action: 'force', name: 'x' })
    expect(stolen.lock('b2', x).result).toBe('waits')
  })

  test('is searched for in a bounded number of steps', () => {
    const locks = new Locks({ isLarge: true })
    const length = lockLimits.deadlockSteps + 10
    for (let at = 0; at < length; at += 1) locks.run(`s@${at}`, 1, { action: 'lock', name: `n${at}` })
    for (let at = 1; at < length; at += 1) locks.run(`s@${at}`, 2, { action: 'lock', name: `n${at - 1}` })
    expect(
      locks.run('s@0', 2, { action: 'lock', name: `n${length - 1}` }).result,
      'too long to be found',
    ).toBe('waits')
    expect(locks.run('s@0', 3, { action: 'lock', name: 'n20' }).result).toMatchObject({
      cycle: expect.arrayContaining([{ session: '20', name: 'n19' }]),
      more: 0,
    })
    const { result } = locks.run('s@0', 3, { action: 'lock', name: 'n100' })
    expect(result).toMatchObject({ refused: 'deadlock', more: 101 - lockLimits.shown })
  })
})

describe('try', () => {
  test('takes a free lock, and names the holders of a held one', () => {
    const locks = new Locks()
    expect(locks.lock('a1', { name: 'x', try: true }).result).toEqual({ token: 1 })
    expect(locks.lock('b1', { name: 'x', try: true }, { clockMs: 70 }).result).toEqual({
      refused: 'busy',
      holders: [{ name: 'x', session: 'a', token: 1, mode: 'exclusive', ageMs: 70, ttlMs: 30_000 }],
      more: 0,
    })
    expect(locks.unlock(1).freed, 'it does not wait').toEqual([])
  })

  test('does not pass those that wait', () => {
    const locks = new Locks()
    locks.lock('a1', shared)
    locks.lock('b1', x)
    expect(locks.lock('c1', { ...shared, try: true }).result).toMatchObject({ refused: 'busy', more: 0 })
  })
})

describe('steal', () => {
  const steal = { name: 'x', steal: true } as const

  test('revokes the holder, and goes before all that wait when that session ends', () => {
    const locks = held()
    locks.lock('b1', x)
    expect(locks.lock('c1', steal)).toEqual({ result: 'waits', freed: [], revoked: ['secret@a'] })
    expect(locks.sessionEnded('secret@a').freed).toEqual(woken('c1'))
    expect(locks.lock('c1', steal).result).toEqual({ token: 2 })
  })

  test('by the holder replaces its own grant at once', () => {
    const locks = held()
    locks.lock('b1', x)
    expect(locks.lock('a2', steal)).toEqual({ result: { token: 2 }, freed: [], revoked: [] })
    expect(locks.unlock(1).result).toEqual({ freed: false })
    expect(locks.unlock(2).freed).toEqual(woken('b1'))
  })

  test('takes at once what was locked without a ttl', () => {
    const locks = new Locks()
    locks.lock('a1', x, endless)
    expect(locks.lock('b1', steal)).toEqual({ result: { token: 2 }, freed: [], revoked: [] })
  })

  test('that would wait for those that it passes is refused with the cycle, and takes nothing', () => {
    const locks = held()
    locks.lock('b1', { name: 'y' })
    expect(locks.lock('b2', x).result).toBe('waits')
    expect(locks.lock('c1', { name: 'y' }).result).toBe('waits')
    expect(locks.lock('c2', steal)).toEqual({
      result: {
        refused: 'deadlock',
        cycle: [
          { session: 'c', name: 'y' },
          { session: 'b', name: 'x' },
        ],
        more: 0,
      },
      freed: [],
      revoked: [],
    })
    expect(locks.sessionEnded('secret@a').freed, 'its request does not wait').toEqual(woken('b2'))
  })

  test('of a lock without a ttl is refused too when those that wait for it would wait for its session', () => {
    const locks = new Locks()
    locks.lock('a1', x, endless)
    locks.lock('b1', { name: 'y' })
    locks.lock('b2', x)
    locks.lock('c1', { name: 'y' })
    expect(locks.lock('c2', steal).result).toMatchObject({ refused: 'deadlock' })
    const { freed } = locks.run('anybody@9', 1, { action: 'unlock', name: 'x' })
    expect(freed, 'its request does not wait').toEqual(woken('b2'))
  })

  test('behind another that steals and waits for its session is refused', () => {
    const locks = held()
    locks.lock('b1', { name: 'y' })
    locks.lock('c1', steal)
    expect(locks.lock('c2', { name: 'y' }).result).toBe('waits')
    expect(locks.lock('b2', steal).result).toMatchObject({
      cycle: [
        { session: 'b', name: 'x' },
        { session: 'c', name: 'y' },
      ],
    })
  })

  test('of a lock that its session waits for is refused', () => {
    const locks = held()
    locks.lock('b1', x)
    expect(locks.lock('b2', steal).result).toEqual({ refused: 'alreadyHeld', name: 'x', held: null })
  })

  test('that waits leaves what it freed to the timer', () => {
    const locks = new Locks()
    locks.lock('a1', shared)
    locks.lock('b1', { names: ['x', 'y'], mode: 'shared' })
    locks.lock('c1', { name: 'y' })
    expect(locks.lock('b2', steal)).toMatchObject({ result: 'waits', revoked: ['secret@a'] })
    expect(locks.isTimed).toBe(true)
    expect(locks.fireTimer().freed).toEqual(woken('c1'))
    expect(locks.isTimed).toBe(false)
  })
})

describe('force', () => {
  const force = (locks: Locks, now?: true) =>
    locks.run('operator', 1, { action: 'force', name: 'x', ...(now && { now }) }, { clockMs: 5 })
  const holder = { session: 'a', token: 1, mode: 'exclusive', ageMs: 5, ttlMs: 30_000 }

  test('revokes the holder, which keeps the lock until its session ends', () => {
    const locks = held()
    locks.lock('b1', x)
    const reply = force(locks)
    expect(reply).toEqual({
      result: { holders: [holder], more: 0, freed: false },
      freed: [],
      revoked: ['secret@a'],
    })
    expect(locks.lock('c1', { name: 'x', try: true }).result).toMatchObject({ holders: [{ revoked: true }] })
    expect(locks.sessionEnded('secret@a').freed).toEqual(woken('b1'))
  })

  test('now grants it on at once', () => {
    const locks = held()
    locks.lock('b1', x)
    expect(force(locks, true)).toEqual({
      result: { holders: [holder], more: 0, freed: true },
      freed: woken('b1'),
      revoked: ['secret@a'],
    })
  })

  test('frees at once what was locked without a ttl', () => {
    const locks = new Locks()
    locks.lock('a1', x, endless)
    expect(force(locks)).toMatchObject({ result: { freed: true }, revoked: [] })
  })

  test('of a lock that nobody holds does nothing', () => {
    expect(force(new Locks(), true).result).toEqual({ holders: [], more: 0, freed: false })
  })

  test('of a grant that was not collected lets its request wait again', () => {
    const locks = held()
    locks.lock('b1', x)
    locks.lock('c1', x)
    locks.unlock(1)
    expect(force(locks, true).freed).toEqual(woken('c1'))
    expect(locks.lock('b1', x).result).toBe('waits')
  })
})

describe('the end of a session', () => {
  test('frees what it holds, and grants on', () => {
    const locks = held()
    locks.lock('a2', { names: ['y', 'z'] })
    locks.lock('b1', { name: 'z' })
    locks.lock('c1', x)
    expect(locks.holds('secret@a')).toBe(true)
    expect(locks.sessionEnded('secret@a').freed).toEqual(woken('b1', 'c1'))
    expect(locks.holds('secret@a')).toBe(false)
    expect(locks.holds('secret@c'), 'granted, not collected').toBe(true)
  })

  test('that waits leaves the line', () => {
    const locks = held()
    locks.lock('b1', x)
    locks.lock('c1', x)
    expect(locks.holds('secret@b')).toBe(true)
    locks.requestEnded('secret@b', 1)
    locks.sessionEnded('secret@b')
    expect(locks.holds('secret@b')).toBe(false)
    expect(locks.unlock(1).freed).toEqual(woken('c1'))
  })

  test('frees any number of locks: a timer fires for the rest', () => {
    const locks = new Locks({ isLarge: true })
    const count = 2 * lockLimits.freesAtOnce + 10
    for (let seq = 1; seq <= count; seq += 1) locks.run('s@1', seq, { action: 'lock', name: `n${seq}` })
    for (let seq = 1; seq <= count; seq += 1) locks.run('s@2', seq, { action: 'lock', name: `n${seq}` })
    const freed = [...locks.sessionEnded('s@1').freed]
    expect(freed).toHaveLength(lockLimits.freesAtOnce)
    while (locks.isTimed) {
      locks.restore()
      freed.push(...locks.fireTimer().freed)
    }
    expect(new Set(freed).size).toBe(count)
  })
})

test('any number of shared requests are granted in order: a timer fires for the rest, and nobody passes them', () => {
  const locks = new Locks({ isLarge: true })
  const names = ['n0', 'n1', 'n2']
  locks.lock('a1', { names })
  const asked: string[] = []
  for (const name of names) {
    for (let at = 0; at < 600; at += 1) {
      locks.run(`${name}@${at}`, 1, { action: 'lock', name, mode: 'shared' })
      asked.push(`${name}@${at}#1`)
    }
  }
  const first = locks.unlock(1).freed
  expect(first).toEqual(asked.slice(0, lockLimits.grantsAtOnce))
  expect(locks.isTimed).toBe(true)
  locks.restore()
  expect(locks.run('late@1', 1, { action: 'lock', name: 'n2', mode: 'shared' }).result).toBe('waits')
  const rest: string[] = []
  while (locks.isTimed) rest.push(...locks.fireTimer().freed)
  expect(rest).toEqual([...asked.slice(lockLimits.grantsAtOnce), 'late@1#1'])
})

describe('when the limit of names is reached', () => {
  const usual = lockLimits.locks
  beforeEach(() => void Object.assign(lockLimits, { locks: 3 }))
  afterEach(() => void Object.assign(lockLimits, { locks: usual }))

  test('a request for another name fails; known names go on, and a freed one makes room', () => {
    const locks = new LockDriver()
    locks.run('a', 1, { action: 'lock', names: ['x', 'y'] })
    locks.run('a', 2, { action: 'lock', name: 'z' })
    const more = { action: 'lock', names: ['one more', 'x'] } as const
    expect(() => locks.run('b', 1, more)).toThrow('3 locks are held or waited for, and the limit is 3: free')
    expect(locks.run('b', 2, { action: 'lock', names: ['x', 'y'] }).result).toBe('waits')
    locks.run('b', 3, { action: 'unlock', token: 2 })
    expect(locks.run('b', 4, { action: 'lock', name: 'one more' }).result).toHaveProperty('token')
  })
})
