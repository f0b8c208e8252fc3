import { describe, expect, test } from 'vitest'
import {
  emptyPicture,
  leads,
  type Picture,
  pictureAfter,
  serverIn,
} from '../../src/inspect/records/picture.ts'
import type { ClientRecord, InspectorRecord } from '../../src/inspect/records/record.ts'
import { ballot, batch, durable, executed, keyframe, process, stands, step } from '../inspector/build.ts'

function pictureOf(...records: readonly InspectorRecord[]): Picture {
  return records.reduce(pictureAfter, emptyPicture)
}

const at = (state: string) => ({ state, context: {} })
const ended: InspectorRecord = {
  kind: 'server',
  node: 0,
  incarnation: 'founder',
  run: 'r1',
  record: { kind: 'ended', clock: 9, timeMs: 9_000, reason: 'stopped' },
}

describe('a server', () => {
  test('is silent until it is heard of', () => {
    const founders = [{ id: 1, address: 'there:1', incarnation: 'founder' }]
    const cluster: InspectorRecord = {
      kind: 'cluster',
      cluster: 'c',
      service: 'lock',
      founders,
      allowsFaults: false,
    }
    const [server] = pictureOf(cluster).servers
    expect(server).toMatchObject({ node: 1, state: 'silent', address: 'there:1', roles: null })
    expect(server?.heads).toMatchObject({ promised: null, firstUnchosen: null })
    expect(pictureOf(cluster, keyframe({}, 1)).servers[0]).toMatchObject({ state: 'up', pid: 41 })
  })

  test.each([
    ['ends', ended],
    ['is gone', process('gone')],
  ])('leaves no token, no move and no write when it %s', (_, end) => {
    const moves = [{ role: 'acceptor', event: 'accept', edges: [], state: 'idle' }] as const
    const picture = pictureOf(keyframe(), step({ writes: 2, moves }), end)
    expect(picture.servers[0]).toMatchObject({ state: 'gone', roles: null, writes: 0, moves: [], pid: null })
    expect(picture.last).toBeNull()
  })

  test('that runs and tells nothing is silent, not gone, and comes back when it tells', () => {
    const silent = process('silent', 'it tells nothing')
    const picture = pictureOf(keyframe(), process('gone'), silent)
    expect(picture.servers[0]).toMatchObject({ state: 'silent', reason: 'it tells nothing', roles: null })
    expect(pictureAfter(picture, keyframe({}, 0)).servers[0]).toMatchObject({ state: 'up', reason: null })
  })

  test('gets no token from what comes late of a run that has ended', () => {
    const late = step({ roles: stands() })
    expect(pictureOf(keyframe(), process('gone'), late).servers[0]?.roles).toBeNull()
  })

  test('comes back', () => {
    const start = step({ cause: { type: 'start' }, roles: stands({ learner: at('behind') }) }, 0, 'r2')
    expect(pictureOf(keyframe(), ended, start).servers[0]?.roles?.learner.state).toBe('behind')
    const again = keyframe({ roles: stands({ learner: at('current') }) }, 0, { run: 'r2' })
    const { servers } = pictureOf(keyframe(), process('gone'), process('up'), again)
    expect(servers[0]?.roles?.learner.state).toBe('current')
  })

  test('begins a run with nothing of the one before', () => {
    const before = keyframe({ roles: stands({ learner: at('behind') }) })
    const start = step({ cause: { type: 'start' }, roles: { acceptor: at('listening') } }, 0, 'r2')
    expect(pictureOf(before, start).servers[0]?.roles).toBeNull()
  })

  test('stays paused while it is, and is not raised by being resumed when it is gone', () => {
    expect(pictureOf(keyframe(), process('paused'), step(), keyframe()).servers[0]?.state).toBe('paused')
    expect(pictureOf(keyframe(), process('paused'), process('resumed')).servers[0]?.state).toBe('up')
    expect(pictureOf(keyframe(), process('gone'), process('resumed')).servers[0]?.state).toBe('gone')
  })

  test('leads while its proposer has the promises of a quorum', () => {
    const proposing = (state: string) =>
      serverIn(pictureOf(keyframe({ roles: stands({ proposer: at(state) }) })), 0)!
    expect(['leading', 'accepting.helping', 'accepting.own'].map((state) => leads(proposing(state)))).toEqual(
      [true, true, true],
    )
    expect(['idle', 'preparing', 'backingOff'].map((state) => leads(proposing(state)))).toEqual([
      false,
      false,
      false,
    ])
    expect(
      leads(
        serverIn(pictureOf(keyframe({ roles: stands({ proposer: at('leading') }) }), process('gone')), 0)!,
      ),
    ).toBe(false)
  })

  test('shows which members rule once it has executed a change of them', () => {
    const change = executed(0, batch('x'))
    if (change.type !== 'executed') throw new Error('it is an execution')
    const members = [{ id: 3, address: 'there:3', incarnation: null }]
    const fact = { ...change, execution: { ...change.execution, members } }
    const picture = pictureOf(keyframe(), step({ facts: [fact, executed(1, batch('y'))] }))
    expect(picture.servers[0]).toMatchObject({ members, firstUnexecuted: 2 })
  })

  test('that has records left out says how many, and shows no move that may not have been the last', () => {
    const gap: InspectorRecord = { kind: 'gap', node: 0, incarnation: 'founder', run: 'r1', count: 340 }
    const picture = pictureOf(keyframe(), step(), gap, gap)
    expect(picture.servers[0]).toMatchObject({ leftOut: 680, moves: [], cause: null })
    expect(picture.last).toBeNull()
  })

  test('has promised what is in its memory, and on its disk only what was synced', () => {
    const promised = { state: 'persisting', context: { promised: ballot(3, 1) } }
    const onDisk = durable({ promised: ballot(2, 0), firstUnchosen: 4 })
    const running = serverIn(
      pictureOf(keyframe({ durable: onDisk, roles: stands({ acceptor: promised }) })),
      0,
    )!
    expect(running.heads).toMatchObject({
      promised: ballot(3, 1),
      isPromisedSynced: false,
      firstUnchosen: 4,
    })
    const gone = serverIn(
      pictureOf(keyframe({ durable: onDisk, roles: stands({ acceptor: promised }) }), ended),
      0,
    )!
    expect(gone.heads).toMatchObject({ promised: ballot(2, 0), isPromisedSynced: true, firstUnchosen: 4 })
    const synced = step({
      facts: [{ type: 'synced', node: 0, durable: durable({ promised: ballot(3, 1) }) }],
    })
    const after = serverIn(pictureOf(keyframe({ roles: stands({ acceptor: promised }) }), synced), 0)!
    expect(after.heads).toMatchObject({ promised: ballot(3, 1), isPromisedSynced: true })
  })
})

test('the service and the sessions are shown as the server has them that is furthest', () => {
  const replica = { clockMs: 5, deadlineMs: null, tables: [] }
  const shows = (node: number, firstUnexecuted: number): InspectorRecord => ({
    kind: 'server',
    node,
    incarnation: 'founder',
    run: 'r1',
    record: { kind: 'service', clock: 1, timeMs: 1, firstUnexecuted, view: { json: node }, replica },
  })
  expect(pictureOf(shows(0, 3), shows(1, 2)).service).toMatchObject({ node: 0, replica })
  expect(pictureOf(shows(0, 3), shows(1, 4)).service).toMatchObject({ node: 1 })
  // It lost its disk.
  expect(pictureOf(shows(0, 3), shows(0, 1)).service).toMatchObject({ firstUnexecuted: 1 })
})

test('of a client the latest sessions are kept, in order', () => {
  const moved = (session: number, state: string): ClientRecord => ({
    kind: 'client',
    client: 'a',
    uid: `a@${session}`,
    timeMs: 1,
    heard: null,
    event: 'begin',
    moves: [],
    said: [],
    machine: at(state),
  })
  const many = Array.from({ length: 100 }, (_, index) => moved(index + 1, 'asking'))
  const { clients, last } = pictureOf(...many, moved(99, 'done'))
  expect(clients).toHaveLength(1)
  expect(clients[0]?.sessions.length).toBeLessThan(50)
  expect(clients[0]?.sessions.slice(-2).map(({ uid, machine }) => [uid, machine.state])).toEqual([
    ['a@99', 'done'],
    ['a@100', 'asking'],
  ])
  expect(last).toMatchObject({ party: 'client', record: { uid: 'a@99' } })
})

test('what a record does not concern is the same object as before', () => {
  const before = pictureOf(keyframe(), keyframe({}, 1), step({ facts: [executed(0, batch('x'))] }))
  const after = pictureAfter(before, step({ clock: 7 }, 1))
  expect(after.servers[0]).toBe(before.servers[0])
  expect(after.servers[1]).not.toBe(before.servers[1])
  expect(after.servers[1]?.roles?.learner).toBe(before.servers[1]?.roles?.learner)
  expect(after.ledger).toBe(before.ledger)
  expect(after.clients).toBe(before.clients)
})
