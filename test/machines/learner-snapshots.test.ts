/** What a learner does with snapshots: it has its own taken, offers them, and fetches and installs those of other servers. */
import { describe, expect, test } from 'vitest'
import { chunksAtOnce } from '../../machines/fetching.ts'
import type { Heard, LearnerEvent } from '../../machines/inbox.ts'
import { type LearnerContext, type LearnerInput, learnerMachine } from '../../machines/learner.ts'
import { foundingIncarnation } from '../../machines/members.ts'
import type { Chunk, Compacted } from '../../machines/messages.ts'
import type { SnapshotName } from '../../machines/snapshot-name.ts'
import { defaultTiming } from '../../machines/timing.ts'
import { batch, informant, members, persist, Role, said, send, sentBy, tell } from '../support/role.ts'

function learner(changes: Partial<LearnerInput> = {}): Role<LearnerContext> {
  return new Role(learnerMachine, {
    self: 0,
    members: members(3),
    timing: { ...defaultTiming, patientTries: 8, newsTries: 2 },
    limits: { snapshotEvery: 3 },
    firstUnchosen: 10,
    snapshot: null,
    requestsSince: 0,
    highestHeard: 9,
    ...changes,
  } satisfies LearnerInput)
}

function named(instance: number, { lengthBytes = 6, letter = 'a' } = {}): SnapshotName {
  return { instance, lengthBytes, digest: letter.repeat(64) }
}

const chosenHere = (instance: number) => ({ type: 'batch.chosen', instance, batch: batch('x') }) as const
const held = (snapshot: SnapshotName) => ({ type: 'snapshot.held', snapshot }) as const
const drawn = (snapshot: SnapshotName | null) => ({ type: 'snapshot.drawn', snapshot }) as const
/** Storage has nothing of the snapshot, or a part from before a restart. */
const resumed = (snapshot: SnapshotName, keptBytes = 0) =>
  ({ type: 'snapshot.resumed', snapshot, keptBytes }) as const
const resume = (snapshot: SnapshotName) => ({ type: 'resumeSnapshot', snapshot }) as const
const kept = (snapshot: SnapshotName, endBytes: number) =>
  ({ type: 'chunk.kept', snapshot, endBytes }) as const
const stored = (snapshot: SnapshotName, floor: number) => persist({ by: 'snapshot', snapshot, floor })

function take(role: Role<LearnerContext>, ...instances: readonly number[]) {
  return said(role.hear(...instances.map(chosenHere))).filter(({ type }) => type === 'takeSnapshot')
}

describe('its own snapshots', () => {
  test('are taken after so many requests, one at a time', () => {
    const role = learner()
    expect(take(role, 10, 11)).toHaveLength(0)
    expect(take(role, 12)).toEqual([{ type: 'takeSnapshot' }])
    expect(take(role, 13, 14, 15, 16)).toHaveLength(0)
    role.hear(drawn(named(13)), held(named(13)))
    // Those that were chosen while it was drawn count for the next one.
    expect(take(role, 17)).toHaveLength(1)
  })

  test('are taken in turn: a server that holds none begins later than those before it', () => {
    const begins = [0, 1, 2].map((self) => {
      const role = learner({ self, highestHeard: -1, firstUnchosen: 0, limits: { snapshotEvery: 30 } })
      return [...Array(100).keys()].find((instance) => take(role, instance).length > 0)
    })
    expect(begins).toEqual([29, 39, 49])
  })

  test('are taken at once for a backup, unless one is under way or holds the present state', () => {
    const wanted = { type: 'snapshot.wanted' } as const
    const role = learner()
    expect(role.hear(wanted)).toEqual([{ type: 'takeSnapshot' }])
    expect(role.hear(wanted), 'while it is drawn').toEqual([])
    role.hear(drawn(named(10)))
    expect(role.hear(wanted), 'while it is stored').toEqual([])
    role.hear(held(named(10)))
    expect(role.hear(wanted), 'nothing was chosen since').toEqual([])
    take(role, 10)
    expect(role.hear(wanted)).toEqual([{ type: 'takeSnapshot' }])
    expect(learner({ firstUnchosen: 0, highestHeard: -1 }).hear(wanted), 'nothing was chosen').toEqual([])
  })

  test('are rarer when they are large', () => {
    const large = named(10, { lengthBytes: 65_536 + 256 * 10 })
    const role = learner({ snapshot: large })
    expect(take(role, ...[...Array(9).keys()].map((place) => 10 + place))).toHaveLength(0)
    expect(take(role, 19)).toHaveLength(1)
  })

  test('an empty batch counts too: it occupies a place in storage', () => {
    const role = learner()
    const empty = { node: 0, elapsedMs: 1, groups: [] }
    const wants = [10, 11, 12].flatMap((instance) =>
      said(role.hear({ type: 'batch.chosen', instance, batch: empty })),
    )
    expect(wants.filter(({ type }) => type === 'takeSnapshot')).toHaveLength(1)
  })

  test('are stored, and the batches below the one before may be deleted', () => {
    const role = learner()
    take(role, 10, 11, 12)
    expect(role.hear(drawn(named(13)))).toEqual([stored(named(13), 0)])
    role.hear(held(named(13)))
    expect(role.context.snapshot).toEqual(named(13))
    take(role, 13, 14, 15)
    expect(role.hear(drawn(named(16)))).toEqual([stored(named(16), 13)])
  })

  test('a service that fails to give its state is asked again later', () => {
    const role = learner()
    take(role, 10, 11, 12)
    expect(role.hear(drawn(null))).toEqual([])
    expect(take(role, 13, 14)).toHaveLength(0)
    expect(take(role, 15)).toHaveLength(1)
  })
})

const to1 = { to: 1, incarnation: foundingIncarnation(1) }

describe('another server that needs what was deleted', () => {
  const role = learner({ snapshot: named(8) })

  test('is offered the snapshot', () => {
    expect(role.hear({ type: 'chosen.read', ...to1, from: 3, batches: null })).toEqual([
      send(1, { type: 'compacted', snapshot: named(8), firstUnchosen: 10 }),
    ])
  })

  /** A page of so many batches from 3 on, each of one request. */
  const page = (count: number) => ({ from: 3, batches: Array.from({ length: count }, () => batch('x')) })
  const costs = (requests: number) => 65_536 + 256 * requests

  test.each<[title: string, snapshot: SnapshotName, count: number, isOffered: boolean]>([
    ['far below it', named(103), 10, true],
    ['one request too near', named(102), 10, false],
    [
      'with so many requests that the snapshot costs as much',
      named(103, { lengthBytes: costs(100) }),
      10,
      true,
    ],
    ['with too few requests for its size', named(103, { lengthBytes: costs(101) }), 10, false],
    ['a little below it: the page reaches it', named(103), 100, false],
    ['above it', named(3), 10, false],
  ])('is offered the snapshot in place of a page when that costs less: %s', (_, snapshot, count, isOffered) => {
    const role = learner({ snapshot, firstUnchosen: 200, limits: { snapshotEvery: 200 } })
    const types = said(role.hear({ type: 'chosen.read', ...to1, ...page(count) })).map(
      (want) => want.type === 'send' && want.message.type,
    )
    expect(types).toEqual([isOffered ? 'compacted' : 'chosen'])
  })

  test('an empty batch counts as a request, and an empty page costs nothing', () => {
    const snapshot = named(103)
    const role = learner({ snapshot, firstUnchosen: 200, limits: { snapshotEvery: 200 } })
    const empty = { node: 0, elapsedMs: 1, groups: [] }
    const [offer] = role.hear({ type: 'chosen.read', ...to1, from: 3, batches: [empty] })
    expect(offer).toEqual(send(1, { type: 'compacted', snapshot, firstUnchosen: 200 }))
    const [answer] = said(role.hear({ type: 'chosen.read', ...to1, from: 3, batches: [] }))
    expect(answer).toMatchObject({ message: { type: 'chosen' } })
  })

  test('receives the chunks that it asks for', () => {
    const read = { type: 'readChunks', snapshot: named(8), offsetBytes: 0, ...to1 } as const
    expect(role.hear({ type: 'fetch', snapshot: named(8), offsetBytes: 0, ...sentBy(1) })).toEqual([read])
    const chunks = ['AAAA', 'AAA=']
    expect(role.hear({ type: 'chunks.read', ...to1, snapshot: named(8), offsetBytes: 1, chunks })).toEqual([
      send(1, { type: 'chunk', snapshot: named(8), offsetBytes: 1, bytes: 'AAAA' }),
      send(1, { type: 'chunk', snapshot: named(8), offsetBytes: 4, bytes: 'AAA=' }),
    ])
  })

  test('is offered the present snapshot when the one that it fetches is gone', () => {
    const gone = { snapshot: named(5, { letter: 'b' }), offsetBytes: 0, chunks: null }
    expect(role.hear({ type: 'chunks.read', ...to1, ...gone })).toEqual([
      send(1, { type: 'compacted', snapshot: named(8), firstUnchosen: 10 }),
    ])
  })

  test('hears nothing from a server that holds none yet', () => {
    expect(learner().hear({ type: 'chosen.read', ...to1, from: 3, batches: null })).toEqual([])
  })
})

function offer(sender: number, snapshot: SnapshotName): Heard<Compacted> {
  return { type: 'compacted', snapshot, firstUnchosen: snapshot.instance + 1, ...sentBy(sender) }
}

function chunk(sender: number, snapshot: SnapshotName, offsetBytes: number, bytes = 'AAAA'): Heard<Chunk> {
  return { type: 'chunk', snapshot, offsetBytes, bytes, ...sentBy(sender) }
}

const fetched = (to: number, snapshot: SnapshotName, offsetBytes: number) =>
  send(to, { type: 'fetch', snapshot, offsetBytes })
const keep = (snapshot: SnapshotName, offsetBytes: number) =>
  ({ type: 'keepChunk', snapshot, offsetBytes, bytes: 'AAAA' }) as const

/** A learner that has asked server 1 for what was chosen below 21. */
function behind(): Role<LearnerContext> {
  const role = learner()
  const noticed: LearnerEvent = {
    type: 'behind.noticed',
    firstUnchosen: 21,
    informant: informant(1),
    atMs: 0,
  }
  role.hear(noticed)
  expect(role.state).toBe('catchingUp')
  return role
}

describe('a snapshot of another server', () => {
  const snapshot = named(20)

  test('is fetched, checked and installed', () => {
    const role = behind()
    expect(said(role.hear(offer(1, snapshot)))).toEqual([resume(snapshot)])
    expect(role.state).toBe('installingSnapshot.resuming')
    expect(said(role.hear(resumed(snapshot)))).toEqual([fetched(1, snapshot, 0)])
    expect(role.state).toBe('installingSnapshot.fetching')
    expect(said(role.hear(chunk(1, snapshot, 0)))).toEqual([keep(snapshot, 0)])
    expect(said(role.hear(kept(snapshot, 3), chunk(1, snapshot, 3)))).toEqual([keep(snapshot, 3)])
    expect(said(role.hear(kept(snapshot, 6)))).toEqual([{ type: 'checkSnapshot', snapshot }])
    expect(role.state).toBe('installingSnapshot.checking')
    expect(said(role.hear({ type: 'snapshot.checked', snapshot, isSound: true }))).toEqual([
      stored(snapshot, 20),
      tell('acceptor', { type: 'firstUnchosen.advanced', firstUnchosen: 20 }),
      { type: 'installSnapshot', snapshot },
      send(1, { type: 'learn', from: 20 }),
    ])
    expect(role.context).toMatchObject({ firstUnchosen: 20, writing: snapshot, fetching: null })
    role.hear(held(snapshot))
    expect(role.context).toMatchObject({ snapshot, writing: null })
  })

  test.each<[string, LearnerEvent]>([
    ['that nobody asked for', offer(2, snapshot)],
    ['of another directory', { ...offer(1, snapshot), incarnation: 'another' }],
    ['that is not newer than what is known', offer(1, named(10))],
    ['of an instance far above every known one', offer(1, named(2 ** 40))],
  ])('%s is not fetched', (_, event) => {
    const role = behind()
    expect(role.hear(event)).toEqual([])
    expect(role.state).toBe('catchingUp')
  })

  test('is fetched in windows: the next chunks are asked for when those before are kept', () => {
    const long = named(20, { lengthBytes: 3 * chunksAtOnce + 3 })
    const role = behind()
    role.hear(offer(1, long), resumed(long))
    const wants = Array.from({ length: chunksAtOnce }, (_, place) => place * 3).flatMap((atBytes) => [
      ...said(role.hear(chunk(1, long, atBytes))),
      ...said(role.hear(kept(long, atBytes + 3))),
    ])
    expect(wants.filter(({ type }) => type === 'send')).toEqual([fetched(1, long, 3 * chunksAtOnce)])
  })

  test('a chunk that is lost is asked for again, and one that comes out of order is not kept', () => {
    const role = behind()
    role.hear(offer(1, snapshot), resumed(snapshot), chunk(1, snapshot, 0))
    expect(role.hear(chunk(1, snapshot, 0))).toEqual([])
    expect(role.hear(chunk(2, snapshot, 3))).toEqual([])
    expect(role.hear(chunk(1, named(20, { letter: 'b' }), 3))).toEqual([])
    expect(role.hear(chunk(1, snapshot, 3, 'AAAAAAAA'))).toEqual([])
    expect(said(role.pass('askInterval'))).toEqual([fetched(1, snapshot, 3)])
  })

  test('goes on with another server that has it, when the first one is silent', () => {
    const role = behind()
    role.hear(offer(1, snapshot), resumed(snapshot), chunk(1, snapshot, 0))
    role.pass('askInterval')
    expect(said(role.pass('askInterval'))).toEqual([send(2, { type: 'learn', from: 10 })])
    // Storage ends late.
    role.hear(kept(snapshot, 3))
    expect(said(role.hear(offer(2, snapshot)))).toEqual([fetched(2, snapshot, 3)])
    role.hear(chunk(2, snapshot, 3))
    expect(said(role.hear(kept(snapshot, 6)))).toEqual([{ type: 'checkSnapshot', snapshot }])
  })

  test('begins again when the server has another one now', () => {
    const later = named(25, { letter: 'b' })
    const role = behind()
    role.hear(offer(1, snapshot), resumed(snapshot), chunk(1, snapshot, 0))
    expect(said(role.hear(offer(1, later), resumed(later)))).toEqual([resume(later), fetched(1, later, 0)])
    // What storage says of the first one is about nothing any more.
    expect(role.hear(kept(snapshot, 3))).toEqual([])
    expect(role.context.fetching).toMatchObject({ snapshot: later, receivedBytes: 0, keptBytes: 0 })
  })

  test('that is not sound is refused and reported, and the next server is asked', () => {
    const role = behind()
    role.hear(offer(1, snapshot), resumed(snapshot), chunk(1, snapshot, 0), kept(snapshot, 3))
    role.hear(chunk(1, snapshot, 3), kept(snapshot, 6))
    expect(said(role.hear({ type: 'snapshot.checked', snapshot, isSound: false }))).toEqual([
      { type: 'flag', oddity: 'snapshot', sender: 1 },
      send(2, { type: 'learn', from: 10 }),
    ])
    expect(role.context.firstUnchosen).toBe(10)
  })

  test('is given up when no server answers', () => {
    const role = behind()
    role.hear(offer(1, snapshot), resumed(snapshot))
    for (let tries = 0; tries < 20 && role.timers.includes('askInterval'); tries += 1) {
      role.pass('askInterval')
    }
    expect(role.state).toBe('following')
    expect(role.timers).toEqual([])
  })

  test('is not installed when the missing batches have arrived meanwhile', () => {
    const role = behind()
    const short = named(11, { lengthBytes: 3 })
    role.hear(offer(1, short), resumed(short), chunk(1, short, 0), kept(short, 3))
    expect(role.state).toBe('installingSnapshot.checking')
    role.hear(chosenHere(10))
    expect(role.state).toBe('catchingUp')
    const late = { type: 'snapshot.checked', snapshot: short, isSound: true } as const
    expect(said(role.hear(late))).toEqual([])
  })

  test('that is drawn here while a later one is installed is not stored', () => {
    const role = learner()
    take(role, 10, 11, 12)
    role.hear({ type: 'behind.noticed', firstUnchosen: 21, informant: informant(1), atMs: 0 })
    role.hear(offer(1, snapshot), resumed(snapshot), chunk(1, snapshot, 0), kept(snapshot, 3))
    role.hear(chunk(1, snapshot, 3), kept(snapshot, 6))
    role.hear({ type: 'snapshot.checked', snapshot, isSound: true })
    expect(role.hear(drawn(named(13)))).toEqual([])
    role.hear(held(snapshot))
    expect(role.context.snapshot).toEqual(snapshot)
  })
})

describe('a snapshot of which a part was kept before a restart', () => {
  const snapshot = named(20, { lengthBytes: 9 })

  test('is fetched from there on', () => {
    const role = behind()
    expect(said(role.hear(offer(1, snapshot), resumed(snapshot, 3)))).toEqual([
      resume(snapshot),
      fetched(1, snapshot, 3),
    ])
    expect(role.hear(chunk(1, snapshot, 0))).toEqual([])
    role.hear(chunk(1, snapshot, 3), kept(snapshot, 6), chunk(1, snapshot, 6))
    expect(said(role.hear(kept(snapshot, 9)))).toEqual([{ type: 'checkSnapshot', snapshot }])
  })

  test('is not fetched when storage has all of it: it is checked at once', () => {
    const role = behind()
    expect(said(role.hear(offer(1, snapshot), resumed(snapshot, 9)))).toEqual([
      resume(snapshot),
      { type: 'checkSnapshot', snapshot },
    ])
  })

  test('is asked of storage once: a fetch that goes on with another server goes on in memory', () => {
    const role = behind()
    role.hear(offer(1, snapshot), resumed(snapshot, 3))
    role.pass('askInterval')
    role.pass('askInterval')
    expect(said(role.hear(offer(2, snapshot)))).toEqual([fetched(2, snapshot, 3)])
  })

  test('takes up no other offer before storage has answered', () => {
    const other = named(25, { letter: 'b' })
    const role = behind()
    role.hear(offer(1, snapshot))
    expect(role.hear(offer(1, other))).toEqual([])
    // The missing batches have arrived, and it is behind again before storage answers.
    const ten = [...Array(10).keys()].map((place) => chosenHere(10 + place))
    role.hear(...ten)
    expect(role.state).toBe('catchingUp')
    expect(role.hear(offer(1, other))).toEqual([])
    role.hear(resumed(snapshot, 3))
    expect(said(role.hear(offer(1, other)))).toEqual([resume(other)])
  })

  test('goes on when storage answers after the fetch was given up', () => {
    const role = behind()
    role.hear(offer(1, snapshot))
    role.hear(chosenHere(10))
    expect(role.state).toBe('installingSnapshot.resuming')
    role.hear(resumed(named(20, { letter: 'b' }), 3))
    expect(role.state).toBe('installingSnapshot.resuming')
    expect(said(role.hear(resumed(snapshot, 6)))).toEqual([fetched(1, snapshot, 6)])
  })

  test('begins again at the same server when the whole is not sound: the disk may have damaged that part', () => {
    const role = behind()
    role.hear(offer(1, snapshot), resumed(snapshot, 6), chunk(1, snapshot, 6), kept(snapshot, 9))
    const unsound = { type: 'snapshot.checked', snapshot, isSound: false } as const
    expect(said(role.hear(unsound))).toEqual([resume(snapshot)])
    expect(said(role.hear(resumed(snapshot)))).toEqual([fetched(1, snapshot, 0)])
    // Nothing is left from before the restart, so the second time the server that sent it is to blame.
    for (const atBytes of [0, 3, 6]) role.hear(chunk(1, snapshot, atBytes), kept(snapshot, atBytes + 3))
    expect(said(role.hear(unsound))).toContainEqual({ type: 'flag', oddity: 'snapshot', sender: 1 })
  })
})

test('a snapshot whose last chunk is kept while another server is asked is checked when it is offered again', () => {
  const snapshot = named(20)
  const role = behind()
  role.hear(offer(1, snapshot), resumed(snapshot), chunk(1, snapshot, 0), chunk(1, snapshot, 3))
  role.pass('askInterval')
  role.pass('askInterval')
  role.hear(kept(snapshot, 3), kept(snapshot, 6))
  expect(said(role.hear(offer(2, snapshot)))).toEqual([{ type: 'checkSnapshot', snapshot }])
})
