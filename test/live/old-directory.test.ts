/**
 * The directory of a server that was removed, brought back under its id and address: it has lost nothing, and does not know that
 * another one was admitted in its place. Its votes count no more.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Address, NodeId } from '../../machines/batch.ts'
import { type Client, connect } from '../../src/client/index.ts'
import { type NodeOptions, type RunningNode, startNode } from '../../src/node/node.ts'
import { freePorts } from '../cli/paxos.ts'
import { dropAll } from '../support/fault-rule.ts'

let directory: string
let port: number
let nodes: Map<NodeId, RunningNode>
let clients: Client[]

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'paxos-old-directory-'))
  port = await freePorts(3)
  nodes = new Map()
  clients = []
})

afterEach(async () => {
  await Promise.all(clients.map((client) => client.close()))
  await Promise.all([...nodes.values()].map((node) => node.stop()))
  await rm(directory, { recursive: true, force: true })
})

const addressOf = (id: NodeId): Address => `127.0.0.1:${port + id}`

async function start(id: NodeId, data = `${id}`, more: Partial<NodeOptions> = {}): Promise<void> {
  nodes.set(id, await startNode({ id, listen: addressOf(id), dataDir: join(directory, data), ...more }))
}

async function stop(...ids: readonly NodeId[]): Promise<void> {
  await Promise.all(ids.map((id) => nodes.get(id)?.stop()))
  for (const id of ids) nodes.delete(id)
}

function clientOf(...ids: readonly NodeId[]): Client {
  const client = connect({ servers: ids.map(addressOf) })
  clients.push(client)
  return client
}

test('a lock is not granted twice by the votes of a directory that was replaced', async () => {
  const members = [0, 1, 2].map((id) => ({ id, address: addressOf(id) }))
  await Promise.all([0, 1, 2].map((id) => start(id, `${id}`, { bootstrap: { members } })))
  const all = clientOf(0, 1, 2)
  await (await all.locks.acquire('before')).release()

  await stop(2)
  await all.changeMembers({ action: 'remove', id: 2 })
  await start(2, '2-anew', { join: addressOf(0) })

  // Without server 0 a lock is granted.
  await stop(0)
  const held = await clientOf(1, 2).locks.acquire('a')

  // Now server 0 is there, and the old directory of server 2.
  await stop(1, 2)
  await start(0, '0', { allowFaults: true })
  // What would tell the old directory of its removal is lost.
  nodes.get(0)?.control({ type: 'rules', rules: [{ ...dropAll, from: 0, to: 2, message: 'chosen' }] })
  await start(2, '2')
  const late = clientOf(0, 2)
  await expect(late.locks.acquire('a', { signal: AbortSignal.timeout(6_000) })).rejects.toThrow()
  expect(nodes.get(2)?.status()).toMatchObject({ state: 'running' })
  nodes.get(0)?.control({ type: 'rules', rules: [] })

  // Everybody who counts is back: the lock has its one holder still.
  await stop(2)
  await Promise.all([start(1), start(2, '2-anew')])
  const waiting = clientOf(0, 1, 2).locks.acquire('a')
  await held.release()
  const next = await waiting
  expect(next.token).toBeGreaterThan(held.token)
})
