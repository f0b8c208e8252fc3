import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Address, NodeId } from '../../machines/batch.ts'
import { type Client, connect } from '../../src/client/index.ts'
import { type NodeOptions, startNode } from '../../src/node/node.ts'
import { dropAll } from '../support/fault-rule.ts'
import { NodeRoom } from '../support/node-room.ts'

let room: NodeRoom

beforeEach(async () => {
  room = await NodeRoom.open('old-directory', 3)
})

afterEach(() => room.close())

const addressOf = (id: NodeId): Address => `127.0.0.1:${room.port + id}`

async function start(id: NodeId, data = `${id}`, more: Partial<NodeOptions> = {}): Promise<void> {
  room.nodes.set(
    id,
    await startNode({ id, listen: addressOf(id), dataDir: join(room.directory, data), ...more }),
  )
}

async function stop(...ids: readonly NodeId[]): Promise<void> {
  await Promise.all(ids.map((id) => room.nodes.get(id)?.stop()))
  for (const id of ids) room.nodes.delete(id)
}

function clientOf(...ids: readonly NodeId[]): Client {
  const client = connect({ servers: ids.map(addressOf) })
  room.clients.push(client)
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
  room.nodes.get(0)?.control({ type: 'rules', rules: [{ ...dropAll, from: 0, to: 2, message: 'chosen' }] })
  await start(2, '2')
  const late = clientOf(0, 2)
  await expect(late.locks.acquire('a', { signal: AbortSignal.timeout(6_000) })).rejects.toThrow()
  expect(room.nodes.get(2)?.status()).toMatchObject({ state: 'running' })
  room.nodes.get(0)?.control({ type: 'rules', rules: [] })

  // Everybody who counts is back: the lock has its one holder still.
  await stop(2)
  await Promise.all([start(1), start(2, '2-anew')])
  const waiting = clientOf(0, 1, 2).locks.acquire('a')
  await held.release()
  const next = await waiting
  expect(next.token).toBeGreaterThan(held.token)
})
