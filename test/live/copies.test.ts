/** Copies of a directory whose server an operator starts all the same, with the check of the marker overridden. */
import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Address, NodeId } from '../../machines/batch.ts'
import { type Client, connect } from '../../src/client/index.ts'
import { type NodeOptions, startNode } from '../../src/node/node.ts'
import { recoverCluster } from '../../src/node/recover-cluster.ts'
import { lockService } from '../../src/services/lock.ts'
import { NodeRoom } from '../support/node-room.ts'

let room: NodeRoom<NodeId | 'copy'>
let lines: { readonly server: NodeId; readonly msg: string }[]

beforeEach(async () => {
  room = await NodeRoom.open('copies', 4)
  lines = []
  const members = [0, 1, 2].map((id) => ({ id, address: addressOf(id) }))
  await Promise.all([0, 1, 2].map((id) => start(id, { bootstrap: { members } })))
  await (await clientOf(0).locks.acquire('first')).release()
})

afterEach(() => room.close())

const addressOf = (id: NodeId): Address => `127.0.0.1:${room.port + id}`
const dataOf = (name: NodeId | string) => join(room.directory, `${name}`)

async function start(id: NodeId, more: Partial<NodeOptions> = {}, as: NodeId | 'copy' = id): Promise<void> {
  const logger = pino({ level: 'info' }, { write: (line: string) => lines.push(JSON.parse(line)) })
  room.nodes.set(as, await startNode({ id, listen: addressOf(id), dataDir: dataOf(id), logger, ...more }))
}

async function stop(id: NodeId): Promise<void> {
  await room.nodes.get(id)?.stop()
  room.nodes.delete(id)
}

function clientOf(...ids: readonly NodeId[]): Client {
  const client = connect({ servers: ids.map(addressOf) })
  room.clients.push(client)
  return client
}

const statusOf = (id: NodeId) => room.nodes.get(id)?.status()
const hasExposed = (id: NodeId, exposed: NodeId) =>
  vi.waitFor(() => expect(statusOf(id)).toMatchObject({ distrusted: [{ id: exposed }] }), 20_000)
const withoutAnswer = (client: Client, name: string) =>
  expect(client.locks.acquire(name, { signal: AbortSignal.timeout(4_000) })).rejects.toThrow()

test('of a directory that is copied to two servers at once, a server that hears both counts neither', async () => {
  await stop(1)
  await cp(dataOf(1), dataOf('copy'), { recursive: true })
  await start(1)
  await (await clientOf(0).locks.acquire('second')).release()
  await expect(start(1, { listen: addressOf(3), dataDir: dataOf('copy') }, 'copy')).rejects.toThrow(
    /is not the directory in which server 1 stored last/,
  )
  await start(1, { listen: addressOf(3), dataDir: dataOf('copy'), moved: true }, 'copy')
  // The copy hands the request over to server 0, which drops it. The client then asks another server.
  await (await clientOf(3).locks.acquire('third')).release()
  await hasExposed(0, 1)
  expect(lines).toContainEqual(
    expect.objectContaining({ server: 0, msg: expect.stringContaining('directory was copied or put back') }),
  )
  // The others go on without it, and not with it.
  const held = await clientOf(0, 2).locks.acquire('fourth')
  await stop(2)
  await withoutAnswer(clientOf(0), 'fifth')
  await start(2)
  expect(await held.release()).toBe(true)
})

test('a backup that is put back is found by one who heard the server in between, and it may join anew', async () => {
  await stop(1)
  await cp(dataOf(1), dataOf('backup'), { recursive: true })
  await start(1)
  await stop(2)
  const held = await clientOf(0).locks.acquire('a')
  await stop(1)
  await rm(dataOf(1), { recursive: true })
  await cp(dataOf('backup'), dataOf(1), { recursive: true })
  await expect(start(1)).rejects.toThrow(/is not the directory in which server 1 stored last/)
  await start(1, { moved: true })
  await withoutAnswer(clientOf(0, 1), 'b')
  await hasExposed(0, 1)
  expect(statusOf(1)).toMatchObject({
    state: 'withdrawn',
    withdrawn: expect.stringMatching(/the servers 0 have proof/),
  })
  // Who alone has proof goes away: the copy stays silent when it starts again.
  await Promise.all([0, 1].map(stop))
  await Promise.all([1, 2].map((id) => start(id)))
  expect(statusOf(1)).toMatchObject({ state: 'withdrawn' })
  await withoutAnswer(clientOf(1, 2), 'a')
  // Server 2 knows no better, and hears of it from server 0. Then a quorum has proof, and the copy halts.
  await start(0)
  const client = clientOf(1, 2, 0)
  await expect(client.locks.acquire('a', { signal: AbortSignal.timeout(2_000) })).rejects.toThrow()
  expect(await room.nodes.get(1)?.ended).toMatch(
    /the servers 0, 2 have proof that this directory was copied or put back/,
  )
  await stop(1)
  await expect(start(1, { moved: true }), 'also after all others have forgotten it').rejects.toThrow(
    /must not be used any more, because server 1 has halted: the servers 0, 2 have proof/,
  )
  await client.changeMembers({ action: 'remove', id: 1 })
  await rm(dataOf(1), { recursive: true })
  await start(1, { join: addressOf(0) })
  expect(statusOf(0)).toMatchObject({ members: [{ id: 0 }, { id: 1, counted: true }, { id: 2 }] })
  expect(await held.release()).toBe(true)
  expect((await client.locks.acquire('a')).token).toBeGreaterThan(held.token)
})

test('two histories that a copy caused: who started again and knows better exposes the copy, and nobody else halts', async () => {
  await stop(1)
  await cp(dataOf(1), dataOf('backup'), { recursive: true })
  await start(1)
  await stop(2)
  const { token } = await clientOf(0).locks.acquire('a')
  await Promise.all([0, 1].map(stop))
  await rm(dataOf(1), { recursive: true })
  await cp(dataOf('backup'), dataOf(1), { recursive: true })
  await start(1, { moved: true })
  await start(2)
  expect((await clientOf(1, 2).locks.acquire('a')).token, 'nobody here knows better').toBe(token)
  await start(0)
  expect(await room.nodes.get(1)?.ended).toMatch(/the servers 0, 2 have proof .* older copy/)
  await Promise.all([0, 2].map((id) => hasExposed(id, 1)))
  for (const id of [0, 2]) {
    await expect(clientOf(id).locks.acquire('b')).rejects.toThrow(/the servers disagree about the outcomes/)
    expect(statusOf(id)).toMatchObject({ state: 'running', dispute: { isFirst: true } })
  }
})

test('the directory of a server that has halted for ever can be recovered when it is the last one', async () => {
  await stop(1)
  await cp(dataOf(1), dataOf('backup'), { recursive: true })
  await start(1)
  await (await clientOf(0).locks.acquire('a')).release()
  await stop(1)
  await rm(dataOf(1), { recursive: true })
  await cp(dataOf('backup'), dataOf(1), { recursive: true })
  await start(1, { moved: true })
  await clientOf(0, 2).locks.acquire('b')
  expect(await room.nodes.get(1)?.ended).toMatch(/have proof that this directory was copied or put back/)
  await Promise.all([0, 1, 2].map(stop))
  const { kept } = await recoverCluster({ dataDir: dataOf(1), service: lockService })
  await start(1)
  expect((await clientOf(1).locks.acquire('a')).token).toBeGreaterThan(2 ** 32)
  await expect(start(2, { dataDir: kept }), 'nobody starts with the old one').rejects.toThrow()
})
