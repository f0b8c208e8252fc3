/** What a server knew whose cluster is lost: all that was chosen, and what it had accepted, as it may have been chosen. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { foundingMembers } from '../../machines/members.ts'
import { DataDirectory } from '../../src/node/home.ts'
import { foundFrom } from '../../src/node/new-cluster.ts'
import { survivorOf } from '../../src/node/survivor.ts'
import { lockService } from '../../src/services/lock.ts'
import { Replica } from '../../src/services/replica.ts'
import type { Service } from '../../src/services/service.ts'
import { LogStorage } from '../../src/storage/log-storage.ts'
import { batchOf } from '../support/batches.ts'

const service = lockService as Service
const members = foundingMembers([0, 1, 2].map((id) => ({ id, address: `h:${id + 1}` })))
const identity = { cluster: 'c', node: 1, incarnation: 'founder-1', members }
let directory: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'paxos-survivor-'))
})

afterEach(() => rm(directory, { recursive: true, force: true }))

const open = (name: string) =>
  batchOf(0, [{ uid: name, seq: 1, ackedBelow: 0, command: { kind: 'open', ttlMs: 9_000 } }])
const accepted = (instance: number, name: string, round: number) => ({
  instance,
  ballot: { round, node: 0 },
  batch: open(name),
})

/** A data directory in which this was stored. */
async function stored(chosen: readonly string[], records: readonly ReturnType<typeof accepted>[]) {
  const home = new DataDirectory(join(directory, '1'))
  await mkdir(home.path)
  home.write({ kind: 'member', identity, service: 'lock' })
  const storage = new LogStorage(home.path)
  await storage.open()
  await storage.initialise(identity)
  await storage.persist({
    by: 'learner',
    chosen: chosen.map((name, instance) => ({ instance, batch: open(name) })),
  })
  await storage.persist({ by: 'acceptor', promised: { round: 9, node: 0 }, accepted: records })
  await storage.close()
  return home
}

/** The names under which sessions were opened, in order. */
const namesIn = (replica: Replica) =>
  Buffer.from(replica.snapshot())
    .toString()
    .split('\n')
    .flatMap((line) => /^\["session","(\w+)@/.exec(line)?.[1] ?? [])

test('what was chosen and then what was accepted is executed, in order', async () => {
  const home = await stored(['a', 'b'], [accepted(2, 'c', 1), accepted(3, 'd', 2)])
  const { replica, firstUnchosen, aboveGap } = await survivorOf(home, identity, service)
  expect({ firstUnchosen, aboveGap, names: namesIn(replica) }).toEqual({
    firstUnchosen: 2,
    aboveGap: [],
    names: ['a', 'b', 'c', 'd'],
  })
  expect(replica.firstUnexecuted).toBe(4)
})

test('what was accepted above a missing batch is of no use: the state below it is not known', async () => {
  const home = await stored(['a'], [accepted(2, 'c', 1), accepted(3, 'd', 1)])
  const { replica, firstUnchosen, aboveGap } = await survivorOf(home, identity, service)
  expect({ firstUnchosen, aboveGap, names: namesIn(replica) }).toEqual({
    firstUnchosen: 1,
    aboveGap: [2, 3],
    names: ['a'],
  })
})

test('a snapshot that it held counts, with what was chosen after it', async () => {
  const home = await stored(['a', 'b', 'c'], [])
  const storage = new LogStorage(home.path)
  await storage.open()
  const running = new Replica({ service, members })
  for (const [instance, name] of ['a', 'b'].entries()) running.execute(instance, open(name))
  const draft = storage.draft()
  await draft.append(running.snapshot())
  await storage.persist({ by: 'snapshot', snapshot: { instance: 2, ...(await draft.seal()) }, floor: 2 })
  await storage.close()
  const { replica } = await survivorOf(home, identity, service)
  expect(namesIn(replica)).toEqual(['a', 'b', 'c'])
})

test('a damaged store, or that of another server, is refused', async () => {
  const home = await stored(['a', 'b'], [])
  const other = { ...identity, incarnation: 'another' }
  await expect(survivorOf(home, other, service)).rejects.toThrow('parts of two directories were put together')
  const log = join(home.path, 'log', '00000001.log')
  const bytes = await readFile(log)
  bytes[8_200] = (bytes[8_200] ?? 0) ^ 1
  await writeFile(log, bytes)
  await expect(survivorOf(home, identity, service)).rejects.toThrow('is damaged')
})

test('the new directory is whole, has other names, and keeps what was stored from being used twice', async () => {
  const home = await stored(['a'], [])
  const { replica } = await survivorOf(home, identity, service)
  const place = join(directory, 'new', '1')
  const plan = { members: [{ id: 1, address: 'h:9' }], directoryOf: () => place }
  const { cluster } = await foundFrom(replica, plan)
  const standing = new DataDirectory(place).read()
  expect(standing).toMatchObject({ kind: 'member', service: 'lock', identity: { cluster, node: 1 } })
  if (standing?.kind !== 'member') throw new Error('it is no member')
  expect(standing.identity.cluster).not.toBe(identity.cluster)
  expect(standing.identity.incarnation).not.toBe(identity.incarnation)
  expect(standing.identity.members).toEqual([
    { id: 1, address: 'h:9', incarnation: standing.identity.incarnation },
  ])
  expect(await readdir(join(directory, 'new')), 'nothing temporary').toEqual(['1'])
  await expect(foundFrom(replica, plan)).rejects.toThrow('is not empty')
  // It starts as a server does: with the state, without a vote.
  const storage = new LogStorage(place)
  const durable = await storage.open()
  expect(durable).toMatchObject({ promised: null, accepted: [], firstUnchosen: 1, floor: 1 })
  await storage.close()
})

test('when one directory cannot be made, none is', async () => {
  const home = await stored(['a'], [])
  const { replica } = await survivorOf(home, identity, service)
  const file = join(directory, 'file')
  await writeFile(file, '')
  const places = [join(directory, 'new', '0'), join(file, '1')]
  const plan = {
    members: [0, 1].map((id) => ({ id, address: `h:${id + 1}` })),
    directoryOf: (id: number) => places[id] ?? '',
  }
  await expect(foundFrom(replica, plan)).rejects.toThrow(`the directory ${places[1]} cannot be made`)
  expect(await readdir(join(directory, 'new'))).toEqual([])
  await foundFrom(replica, { ...plan, directoryOf: (id) => join(directory, 'new', String(id)) })
  expect((await readdir(join(directory, 'new'))).sort()).toEqual(['0', '1'])
})

test('nothing is founded on nothing', async () => {
  const replica = new Replica({ service, members })
  const plan = { members: [{ id: 1, address: 'h:9' }], directoryOf: () => join(directory, 'x') }
  await expect(foundFrom(replica, plan)).rejects.toThrow('nothing was chosen yet')
  expect(await readdir(directory)).toEqual([])
})
