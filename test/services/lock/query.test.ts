import { describe, expect, test } from 'vitest'
import { serviceLimits } from '../../../machines/limits.ts'
import { lockLimits, lockService } from '../../../src/services/lock.ts'
import type { QueryCommand, QueryResult } from '../../../src/services/lock-commands.ts'
import { LockDriver } from './lock-driver.ts'

function queried(locks: LockDriver, query: Omit<QueryCommand, 'action'> = {}, clockMs = 100): QueryResult {
  return locks.run('q@9', 1, { action: 'query', ...query }, { clockMs }).result as QueryResult
}

/** The locks a, b, ba, c and é are held; two requests wait for b. */
function some(): LockDriver {
  const locks = new LockDriver()
  for (const [at, name] of ['c', 'a', 'ba', 'é', 'b'].entries()) {
    locks.run(`secret@${at}`, 1, { action: 'lock', name }, { clockMs: 10 * at })
  }
  locks.run('secret@5', 1, { action: 'lock', names: ['a', 'b'], mode: 'shared' }, { clockMs: 50 })
  locks.run('udp:h:1/x', 1, { action: 'lock', name: 'b' }, { clockMs: 60, ttlMs: null })
  return locks
}

const namesOf = ({ locks }: QueryResult) => locks.map(({ name }) => name)

describe('query', () => {
  test('shows holders and waiters, without the secret part of a session', () => {
    const locks = some()
    const answer = queried(locks, { name: 'b' })
    expect(answer).toEqual({
      locks: [
        {
          ...{ name: 'b', permits: null, held: 1, waiting: 2 },
          holders: [{ session: '4', token: 5, mode: 'exclusive', ageMs: 60, ttlMs: 30_000 }],
          waiters: [
            { session: '5', mode: 'shared', names: ['a', 'b'], ageMs: 50 },
            { session: 'udp:h:1/x', mode: 'exclusive', ageMs: 40 },
          ],
        },
      ],
      more: false,
    })
    expect(JSON.stringify(queried(locks))).not.toContain('secret')
  })

  test('lists in order of name, by prefix, and page after page', () => {
    const locks = some()
    expect(namesOf(queried(locks))).toEqual(['a', 'b', 'ba', 'c', 'é'])
    expect(namesOf(queried(locks, { prefix: 'b' }))).toEqual(['b', 'ba'])
    const first = queried(locks, { limit: 2 })
    expect(first).toMatchObject({ locks: [{ name: 'a' }, { name: 'b' }], more: true })
    expect(namesOf(queried(locks, { limit: 2, after: 'b' }))).toEqual(['ba', 'c'])
    expect(queried(locks, { limit: 2, after: 'c' })).toMatchObject({ locks: [{ name: 'é' }], more: false })
    expect(queried(locks, { prefix: 'b', after: 'b' })).toMatchObject({
      locks: [{ name: 'ba' }],
      more: false,
    })
    expect(queried(locks, { name: 'none' })).toEqual({ locks: [], more: false })
  })

  test('changes nothing', () => {
    const locks = some()
    const before = locks.snapshot()
    queried(locks)
    expect(locks.snapshot()).toBe(before)
  })

  test('fits into a result, however long names and lines are', () => {
    const locks = new LockDriver({ isLarge: true })
    // Each such character needs six bytes of JSON.
    const long = '\u0001'.repeat(255)
    for (let at = 0; at < 60; at += 1) {
      const names = [`${at}${long}`.slice(0, 256), `${at}b${long}`.slice(0, 256)]
      for (let session = 0; session < 40; session += 1) {
        locks.run(`s@${session}.${'0'.repeat(100)}`, at, {
          action: 'lock',
          names,
          mode: session % 3 === 0 ? 'exclusive' : 'shared',
        })
      }
    }
    const pages: string[] = []
    for (let after: string | undefined; ; after = pages.at(-1)) {
      const page = queried(locks, after === undefined ? {} : { after })
      expect(Buffer.byteLength(JSON.stringify(page))).toBeLessThan(serviceLimits.result.bytes)
      pages.push(...namesOf(page))
      if (!page.more) break
    }
    expect(pages).toHaveLength(120)
  })
})

describe('the view', () => {
  test('shows who holds which locks, and the line with the keys for which requests wait', () => {
    const tables = lockService.view?.(some().state).tables
    expect(tables?.[0]?.rows).toContainEqual(['b', 'secret@4', 5, 'exclusive'])
    expect(tables?.[1]).toMatchObject({
      name: 'line',
      keyColumn: 1,
      rows: [
        ['a, b', 'secret@5#1', 'shared'],
        ['b', 'udp:h:1/x#1', 'exclusive'],
      ],
    })
  })
})

describe('commands', () => {
  test.each([
    [{ action: 'lock', name: 'x' }],
    [{ action: 'lock', names: ['x', 'y'], mode: 'shared', reentrant: true, try: true }],
    [{ action: 'lock', name: 'x', permits: 1 }],
    [{ action: 'lock', name: 'x', mode: 'exclusive', steal: true }],
    [{ action: 'unlock', name: 'x' }],
    [{ action: 'unlock', name: 'x'.repeat(256), token: 12 }],
    [{ action: 'unlock', token: 12 }],
    [{ action: 'unlock', token: 12, names: ['x', 'y'] }],
    [{ action: 'force', name: 'x', now: true }],
    [{ action: 'query' }],
    [{ action: 'query', prefix: 'a', after: 'ab', limit: 1 }],
    [{ action: 'query', name: 'x' }],
  ])('%j is one', (body) => {
    expect(lockService.parse(body)).toEqual(body)
  })

  test('a flag that is false is left out', () => {
    const body = { action: 'lock', name: 'x', try: false, steal: false, reentrant: false }
    expect(lockService.parse(body)).toEqual({ action: 'lock', name: 'x' })
  })

  test.each([
    [null, 'a command of the lock service is null: it must be an object'],
    [['lock'], 'is ["lock"]'],
    [{ name: 'x' }, 'action is nothing'],
    [{ action: 'LOCK', name: 'x' }, 'action is "LOCK": it must be "lock", "unlock", "force" or "query"'],
    [{ action: 'lock' }, 'name is nothing: it must be a string of 1 to 256 characters'],
    [{ action: 'lock', name: '' }, 'name is ""'],
    [{ action: 'lock', name: 'x'.repeat(257) }, '… (259 characters): it must be a string'],
    [{ action: 'lock', names: [] }, 'names is []: it must be a list of 1 to 16 names'],
    [{ action: 'lock', names: Array(17).fill('x') }, 'it must be a list of 1 to 16 names'],
    [{ action: 'lock', names: ['x', 7] }, 'names[1] is 7'],
    [{ action: 'lock', names: ['x', 'y', 'x'] }, 'names has "x" twice'],
    [{ action: 'lock', names: ['x'], name: 'x' }, 'name is "x" beside names'],
    [{ action: 'lock', name: 'x', mode: 'write' }, 'mode is "write": it must be "exclusive" or "shared"'],
    [{ action: 'lock', name: 'x', permits: 0 }, 'permits is 0: it must be a whole number from 1 to 1000'],
    [{ action: 'lock', name: 'x', permits: 1.5 }, 'permits is 1.5'],
    [{ action: 'lock', name: 'x', permits: 2, mode: 'shared' }, 'mode is "shared" beside permits'],
    [{ action: 'lock', name: 'x', try: 1 }, 'try is 1: it must be true or false'],
    [{ action: 'lock', name: 'x', steal: true, try: true }, 'steal is true beside try'],
    [{ action: 'lock', names: ['x'], steal: true }, 'steal is true beside names'],
    [{ action: 'lock', name: 'x', steal: true, mode: 'shared' }, 'steal is true beside the mode "shared"'],
    [{ action: 'unlock' }, 'name is nothing'],
    [{ action: 'unlock', name: 'x', token: null }, 'token is null'],
    [{ action: 'unlock', name: 'x', token: 0 }, 'token is 0'],
    [{ action: 'unlock', name: 'x', token: { instance: 0, index: 0 } }, 'token is {"index":0,"instance":0}'],
    [{ action: 'force' }, 'name is nothing'],
    [{ action: 'query', limit: lockLimits.queried + 1 }, 'limit is 1001'],
  ])('%j is none', (body, error) => {
    expect(() => lockService.parse(body)).toThrow(error)
  })
})
