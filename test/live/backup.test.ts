/** A backup of a running cluster, and a new cluster from it. */
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Offer } from '../../machines/messages.ts'
import { NoBackupSent, receiveBackup } from '../../src/client/backup-source.ts'
import { type Client, connect, ReadFailed } from '../../src/client/index.ts'
import { defineService, recoverCluster, restoreBackup } from '../../src/index.ts'
import { foundFrom } from '../../src/node/new-cluster.ts'
import { type NodeOptions, startNode } from '../../src/node/node.ts'
import { stateIn } from '../../src/node/restored-state.ts'
import { knownService } from '../../src/services/known.ts'
import { lostNumbers, type Service } from '../../src/services/service.ts'
import { BackupReader, BackupWriter } from '../../src/storage/backup-file.ts'
import { Datagrams } from '../support/datagrams.ts'
import { NodeRoom } from '../support/node-room.ts'

const service = knownService('kv+lock') as Service
const ids = [0, 1, 2]
let room: NodeRoom

beforeEach(async () => {
  room = await NodeRoom.open('backup', 6)
})

afterEach(() => room.close())

const at = (id: number) => `127.0.0.1:${room.port + id}`
const placed = () => ids.map((id) => ({ id, address: at(id) }))

async function start(id: number, folder: string, more: Partial<NodeOptions> = {}): Promise<void> {
  const dataDir = join(room.directory, folder, String(id))
  room.nodes.set(id, await startNode({ id, listen: at(id), dataDir, service, ...more }))
}

const found = (more: Partial<NodeOptions> = {}) =>
  Promise.all(ids.map((id) => start(id, 'old', { bootstrap: { members: placed() }, ...more })))

async function stopAll(): Promise<void> {
  await Promise.all([...room.nodes.values()].map((node) => node.stop()))
  room.nodes.clear()
}

function client(...servers: readonly number[]): Client {
  const connected = connect({ servers: servers.map(at) })
  room.clients.push(connected)
  return connected
}

async function answeredBelow(asking: Client): Promise<number> {
  const failed = await asking.read(null).catch((error: unknown) => error)
  if (failed instanceof ReadFailed) return failed.instance
  throw failed
}

/** Takes a backup into a file, which it returns. */
async function backup(name: string, least: number): Promise<string> {
  const path = join(room.directory, name)
  const writer = new BackupWriter(path)
  const offer = await receiveBackup(
    placed().map(({ address }) => address),
    least,
    {
      begin: async () => writer.begin(),
      write: async (bytes) => writer.write(bytes),
    },
  )
  writer.finish(headerOf(offer))
  return path
}

function headerOf({ snapshot, type: _, nonce: __, ...offer }: Offer) {
  return { ...offer, instance: snapshot.instance, takenAt: new Date().toISOString() }
}

const directoryOf = (folder: string) => (id: number) => join(room.directory, folder, String(id))

test('it has all that was answered before, under load; the new cluster goes on from it, and takes no old server', async () => {
  await found({ snapshotEvery: 20 })
  const asking = client(0, 1, 2)
  const held = await asking.locks.acquire('printer', { ttl: 3_600_000 })
  const keys = Array.from({ length: 60 }, (_, place) => `key-${place}`)
  await Promise.all(keys.map((key) => asking.kv.put(key, 'v'.repeat(5_000))))
  let isOver = false
  const load = (async () => {
    for (let value = 0; !isOver; value += 1) await asking.kv.put('load', value)
  })()
  const least = await answeredBelow(client(1))
  const [path, other] = [await backup('one', least), await backup('other', least)]
  isOver = true
  await load
  const { header } = new BackupReader(path)
  expect(header.instance).toBeGreaterThanOrEqual(least)
  expect(header.lengthBytes, 'more than one question').toBeGreaterThan(250_000)
  expect(new BackupReader(other).header.instance).toBeGreaterThanOrEqual(header.instance)
  const late = await asking.locks.acquire('granted after the backup')
  const text = Buffer.concat([...new BackupReader(path).parts()]).toString()
  for (const { incarnation } of await incarnations()) expect(text).not.toContain(incarnation)

  // All is lost. The servers of the new cluster have the addresses of the old ones.
  await stopAll()
  const replica = stateIn(new BackupReader(path), service)
  const founded = await foundFrom(replica, { members: placed(), directoryOf: directoryOf('new') })
  expect(founded).toMatchObject({ instance: header.instance })
  expect(founded.cluster).not.toBe(header.cluster)
  await Promise.all([0, 1].map((id) => start(id, 'new')))
  const anew = client(0, 1)
  const locks = await anew.locks.query()
  expect(locks.locks).toMatchObject([{ name: 'printer', holders: [{ token: held.token }] }])
  expect(await anew.kv.get('key-59')).toMatchObject({ value: 'v'.repeat(5_000) })
  const { token } = await anew.locks.acquire('granted after the restoration')
  expect(token).toBeGreaterThan(2 ** 32)
  expect(token).toBeGreaterThan(late.token)

  // An old server at the address of a member counts for nothing: with it alone there is no quorum.
  await room.nodes.get(1)?.stop()
  await start(1, 'old')
  await expect(anew.kv.put('k', 1, { signal: AbortSignal.timeout(700) })).rejects.toThrow()
  expect(room.nodes.get(0)?.status()).toMatchObject({ cluster: founded.cluster })
  await room.nodes.get(1)?.stop()
  await start(1, 'new')
  await start(2, 'new')
  expect(await client(2, 1).kv.get('key-0')).toMatchObject({ value: 'v'.repeat(5_000) })
}, 60_000)

/** The incarnations of the servers, as they are stored. */
async function incarnations(): Promise<readonly { readonly incarnation: string }[]> {
  return Promise.all(
    ids.map(
      async (id) =>
        JSON.parse(await readFile(join(directoryOf('old')(id), 'identity.json'), 'utf8')).identity,
    ),
  )
}

test('a server that has not executed enough is not taken, nor one that has nothing', async () => {
  await found()
  await expect(backup('none', 0)).rejects.toThrow('nothing was chosen yet')
  await rm(join(room.directory, 'none'), { force: true })
  await client(0).kv.put('k', 1)
  const failed = await backup('late', 1_000).catch((error: unknown) => error)
  expect(failed).toBeInstanceOf(NoBackupSent)
  expect(String(failed)).toContain('it has not executed everything that was answered before')
}, 30_000)

test('another server is asked when one is silent', async () => {
  await found()
  const asking = client(1, 2)
  await asking.kv.put('k', 1)
  const least = await answeredBelow(asking)
  await room.nodes.get(0)?.stop()
  room.nodes.delete(0)
  const { header } = new BackupReader(await backup('one', least))
  expect(header).toMatchObject({ service: 'kv+lock', cluster: room.nodes.get(1)?.cluster })
}, 30_000)

test('a stranger that has echoed no cookie receives little of it', async () => {
  await found()
  await client(0).kv.put('k', 'v'.repeat(20_000))
  await backup('one', 1)
  const looker = await Datagrams.open()
  try {
    const question = (more: object) =>
      JSON.stringify({ v: 4, c: '', s: null, m: [{ type: 'backup', least: 1, ...more }] })
    const [offer] = JSON.parse(await looker.ask(at(0), question({}).padEnd(4_000))).m
    expect(offer).toMatchObject({
      type: 'offer',
      members: placed().map((member) => ({ ...member, counted: true })),
    })
    const asked = question({ part: { snapshot: offer.snapshot, offsetBytes: 0 } })
    const answer = await looker.ask(at(0), asked)
    expect(JSON.parse(answer).m).toMatchObject([{ type: 'challenge', withheld: 1 }])
    expect(answer.length).toBeLessThan(3 * asked.length)
  } finally {
    await looker.close()
  }
}, 30_000)

/** It gives out numbers. */
const numbers = defineService<number, null, number>({
  name: 'numbers',
  initial: () => 0,
  parse: () => null,
  execute: (last) => ({ kind: 'executed', state: last + 1, result: last + 1 }),
  snapshot: (last) => [last],
  restore: ([last]) => last as number,
  afterLoss: (last) => last + lostNumbers,
})

test('a service of one’s own goes on from a backup, and from a survivor', async () => {
  const alone = { service: numbers as Service, bootstrap: { members: [{ id: 0, address: at(0) }] } }
  await start(0, 'old', alone)
  expect((await client(0).request(null)).result).toBe(1)
  const file = join(room.directory, 'one')
  const writer = new BackupWriter(file)
  const sink = { begin: async () => writer.begin(), write: async (bytes: Uint8Array) => writer.write(bytes) }
  writer.finish(headerOf(await receiveBackup([at(0)], 1, sink)))
  await stopAll()

  const members = [{ id: 0, address: at(3) }]
  const dataDirOf = directoryOf('new')
  await expect(restoreBackup({ file, service, members, dataDirOf })).rejects.toThrow(
    'the backup is of the service numbers',
  )
  await restoreBackup({ file, service: numbers as Service, members, dataDirOf })
  const dataDir = dataDirOf(0)
  room.nodes.set(0, await startNode({ id: 0, listen: at(3), dataDir, service: numbers as Service }))
  expect((await client(3).request(null)).result).toBe(lostNumbers + 2)

  await expect(recoverCluster({ dataDir, service: numbers as Service })).rejects.toThrow('in use')
  await stopAll()
  await expect(recoverCluster({ dataDir, service })).rejects.toThrow('runs the service numbers')
  await recoverCluster({ dataDir, service: numbers as Service, address: at(4) })
  room.nodes.set(0, await startNode({ id: 0, listen: at(4), dataDir, service: numbers as Service }))
  expect((await client(4).request(null)).result).toBe(2 * lostNumbers + 3)
}, 30_000)
