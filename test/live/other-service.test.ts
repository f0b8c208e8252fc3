/** Servers that are started with another service than their cluster runs: they would execute its batches differently. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { NodeId } from '../../machines/batch.ts'
import { compose, kvService, lockService, type Service } from '../../src/index.ts'
import { DataDirectory } from '../../src/node/home.ts'
import { type NodeOptions, type RunningNode, startNode } from '../../src/node/node.ts'
import { encodeStanding } from '../../src/node/standing-file.ts'
import { freePorts } from '../support/free-ports.ts'

let directory: string
let port: number
let nodes: Map<NodeId, RunningNode>

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'paxos-other-service-'))
  port = await freePorts(3)
  nodes = new Map()
})

afterEach(async () => {
  await Promise.all([...nodes.values()].map((node) => node.stop()))
  await rm(directory, { recursive: true, force: true })
})

const addressOf = (id: NodeId) => `127.0.0.1:${port + id}`
const dataOf = (id: NodeId) => join(directory, String(id))
const members = () => [0, 1].map((id) => ({ id, address: addressOf(id) }))

async function start(
  id: NodeId,
  service: Service = lockService,
  more: Partial<NodeOptions> = {},
): Promise<void> {
  nodes.set(id, await startNode({ id, listen: addressOf(id), dataDir: dataOf(id), service, ...more }))
}

async function stop(id: NodeId): Promise<void> {
  await nodes.get(id)?.stop()
  nodes.delete(id)
}

async function found(service: Service = lockService): Promise<void> {
  const bootstrap = { members: members() }
  await Promise.all([0, 1].map((id) => start(id, service, { bootstrap })))
}

/** Takes the service out of the directory of server `id`, as an earlier version left it. */
async function forgetService(id: NodeId): Promise<void> {
  const standing = new DataDirectory(dataOf(id)).read()
  if (standing?.kind !== 'member') throw new Error(`server ${id} is no member`)
  const { service: _, ...old } = standing
  await writeFile(join(dataOf(id), 'identity.json'), encodeStanding({ standing: old, origin: null }))
}

test('a server is refused when it is started again with another service, and serves with its own', async () => {
  await found()
  await stop(1)
  await expect(start(1, kvService)).rejects.toThrow(
    `dataDir ${dataOf(1)} belongs to a cluster that runs the service lock, and service is kv: start the server with service lock`,
  )
  await start(1)
})

test('the order in which services are composed does not matter', async () => {
  await found(compose({ lock: lockService, kv: kvService }))
  await stop(1)
  await start(1, compose({ kv: kvService, lock: lockService }))
})

test('a server that joins with another service is refused before the cluster adds it', async () => {
  await found()
  const join = { join: addressOf(0) }
  await expect(start(2, kvService, join)).rejects.toThrow(
    `the cluster of the server at ${addressOf(0)} runs the service lock, and service is kv: start this server with service lock`,
  )
  expect(nodes.get(0)?.status()).toMatchObject({ members: [{ id: 0 }, { id: 1 }] })
  await start(2, lockService, join)
})

test('a directory that names no service takes the given one, unless another server runs another', async () => {
  await found()
  await stop(1)
  await forgetService(1)
  const before = new DataDirectory(dataOf(1)).read()
  await expect(start(1, kvService)).rejects.toThrow(
    `the cluster of the server at ${addressOf(0)} runs the service lock, and service is kv`,
  )
  expect(new DataDirectory(dataOf(1)).read()).toEqual(before)
  await start(1)
  expect(new DataDirectory(dataOf(1)).read()).toMatchObject({ kind: 'member', service: 'lock' })
})
