/** What a server does at its start: every standing of its directory, with every option that it may be given. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { beginFounding, hearAnswer, newFounding } from '../../machines/founding.ts'
import type { Standing } from '../../src/node/home.ts'
import {
  type Bootstrap,
  beginningOf,
  foundedIdentity,
  joiningIdentity,
  newIncarnation,
  recordOf,
  type StartOptions,
} from '../../src/node/identity.ts'
import { commandWords, programWords } from '../../src/node/option-words.ts'
import type { Identity } from '../../src/storage/storage.ts'

const members = [
  { id: 0, address: 'a:1' },
  { id: 1, address: 'b:1' },
]
const elsewhere = [
  { id: 0, address: 'a:1' },
  { id: 1, address: 'b:2' },
]
const plan = { members, cluster: null, service: 'lock' }
const founding = newFounding(0, 'own', plan)
const begun = beginFounding(founding)
const other = { type: 'founder', to: 'own', incarnation: 'other', isFounded: false } as const
const held = hearAnswer(begun, 1, { ...other, founders: null }).record
const founded = hearAnswer(beginFounding(held), 1, { ...other, founders: held.founders }).record
const identity = foundedIdentity(founded)
const joined: Identity = { ...identity, node: 0, incarnation: 'joined' }

const options = (more: Partial<StartOptions> = {}): StartOptions => ({
  id: 0,
  dataDir: 'D',
  service: 'lock',
  words: commandWords,
  ...more,
})
const start = (standing: Standing | null, more: Partial<StartOptions> = {}) =>
  beginningOf(standing, options(more), () => 'new')
const bootstrap: Bootstrap = { members }
const join = 'c:1'

test('what the tests below begin with', () => {
  expect(held).toMatchObject({
    founders: [{ incarnation: 'own' }, { incarnation: 'other' }],
    isFounded: false,
  })
  expect(founded.isFounded).toBe(true)
  expect(identity.members.map(({ incarnation }) => incarnation)).toEqual(['own', 'other'])
})

describe('an empty directory', () => {
  test('is refused when it is said neither to found nor to join', () => {
    expect(() => start(null)).toThrow(
      '--data D is empty, and a server with nothing stored must not vote: it may have lost what it promised. Give --bootstrap to found a new cluster, or --join HOST:PORT to join a running one',
    )
  })

  test('is refused in the words of a program where one starts the server', () => {
    expect(() => start(null, { words: programWords })).toThrow(
      /^dataDir D is empty, .* Give bootstrap to found a new cluster, or join HOST:PORT to join a running one$/,
    )
  })

  test('founds under a new incarnation, or joins', () => {
    expect(start(null, { bootstrap })).toEqual({
      kind: 'found',
      record: { ...founding, incarnation: 'new' },
      isNew: true,
    })
    expect(start(null, { join })).toEqual({ kind: 'join', seed: join })
  })

  test('does not found a cluster of which it is no member', () => {
    expect(() => start(null, { id: 7, bootstrap })).toThrow('--id 7 is not among --members (0, 1)')
  })
})

describe('a founding that was interrupted', () => {
  test.each([
    ['before all were known', founding],
    ['when all were known', held],
  ])('%s goes on, with --bootstrap and without', (_, record) => {
    for (const more of [{}, { bootstrap }]) {
      expect(start({ kind: 'founding', record }, more)).toEqual({ kind: 'found', record, isNew: false })
    }
  })

  test('is given up for another cluster, since it never voted', () => {
    for (const record of [founding, held]) {
      expect(start({ kind: 'founding', record }, { join })).toEqual({ kind: 'join', seed: join })
    }
  })

  test('with other members begins anew, as long as nobody can count on the old one', () => {
    const more = { bootstrap: { members: elsewhere } }
    expect(start({ kind: 'founding', record: founding }, more)).toMatchObject({
      kind: 'found',
      isNew: true,
      record: { incarnation: 'new', members: elsewhere },
    })
    expect(() => start({ kind: 'founding', record: held }, more)).toThrow(
      'server 1 is at b:1 here, and at b:2 there',
    )
  })

  test('with another service begins anew, as long as nobody can count on the old one', () => {
    const more = { bootstrap, service: 'kv' }
    expect(start({ kind: 'founding', record: founding }, more)).toMatchObject({
      kind: 'found',
      isNew: true,
      record: { incarnation: 'new', service: 'kv' },
    })
    expect(() => start({ kind: 'founding', record: held }, more)).toThrow(
      'the service is lock here, and kv there',
    )
    expect(() => start({ kind: 'founding', record: founding }, { service: 'kv' })).toThrow(
      'a cluster that runs the service lock, and --service is kv',
    )
  })

  test('goes on with the given service if an earlier version stored none', () => {
    const { service: _, ...record } = founding
    const stored = { kind: 'founding', record } as unknown as Standing
    expect(start(stored, { service: 'kv' })).toMatchObject({ kind: 'found', record: { service: 'kv' } })
  })
})

describe.each(['new', 'member'] as const)('a directory whose server is settled: %s', (kind) => {
  const standing: Standing = { kind, identity, service: 'lock' }

  test('goes on as who it is, with any of the options', () => {
    const isMember = kind === 'member'
    for (const more of [{}, { bootstrap }, { join }]) {
      expect(start(standing, more)).toEqual({
        kind: 'goOn',
        identity,
        isMember,
        withdrawn: null,
        namesService: true,
      })
    }
    // One that joined was not founded with these; its unit file may still say so.
    const anew = start({ kind, identity: joined, service: 'lock' }, { bootstrap: { members: elsewhere } })
    expect(anew).toEqual({ kind: 'goOn', identity: joined, isMember, withdrawn: null, namesService: true })
  })

  test('knows why its server sends nothing, if it had voted', () => {
    const withdrawn = 'a copy'
    const known = kind === 'member' ? withdrawn : null
    expect(start({ kind, identity, service: 'lock', withdrawn })).toMatchObject({ withdrawn: known })
  })

  test('is not taken for a founder of another cluster', () => {
    expect(() => start(standing, { bootstrap: { members: elsewhere } })).toThrow(
      /was founded differently than --bootstrap says: server 1 is at b:1 here, and at b:2 there. Leave --bootstrap out/,
    )
    expect(() => start(standing, { bootstrap: { members, cluster: 'c' } })).toThrow('named c there')
  })

  test('is refused with another service, whatever else it is told', () => {
    for (const more of [{}, { bootstrap }, { join }]) {
      expect(() => start(standing, { ...more, service: 'kv' })).toThrow(
        '--data D belongs to a cluster that runs the service lock, and --service is kv: start the server with --service lock. A cluster keeps its service',
      )
    }
  })

  test('goes on with the given service if an earlier version stored none, and has to store it', () => {
    expect(start({ kind, identity }, { service: 'kv' })).toEqual({
      kind: 'goOn',
      identity,
      isMember: kind === 'member',
      withdrawn: null,
      namesService: false,
    })
  })

  test('is not taken for another server', () => {
    expect(() => start(standing, { id: 1 })).toThrow('--data D belongs to server 0, not to --id 1')
  })
})

test('the name of a cluster follows from the incarnations of its founders, unless it is given one', () => {
  expect(identity.cluster).toMatch(/^[0-9a-f]{16}$/)
  const others = {
    ...founded,
    founders: [
      { id: 0, incarnation: 'own' },
      { id: 1, incarnation: 'x' },
    ],
  }
  expect(foundedIdentity(others).cluster).not.toBe(identity.cluster)
  expect(foundedIdentity({ ...founded, cluster: 'c' }).cluster).toBe('c')
})

test('a server of a founded cluster tells founders of it what it held when it founded it', () => {
  expect(recordOf(identity, 'lock')).toEqual(founded)
  expect(recordOf(foundedIdentity({ ...founded, cluster: 'c' }), 'lock')).toEqual({
    ...founded,
    cluster: 'c',
  })
})

test('a server that joins has an incarnation that no other has, and executes from the founders on', () => {
  const names = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 20 }), { minLength: 1, maxLength: 5 })
  fc.assert(
    fc.property(names, fc.nat({ max: 9 }), (incarnations, node) => {
      const founders = incarnations.map((incarnation, id) => ({ id, address: `h:${id + 1}`, incarnation }))
      const own = newIncarnation()
      const joining = joiningIdentity(node, own, { cluster: 'c', founders })
      expect(joining).toEqual({ cluster: 'c', node, incarnation: own, members: founders })
      expect(incarnations).not.toContain(joining.incarnation)
    }),
  )
  expect(newIncarnation()).not.toBe(newIncarnation())
})
