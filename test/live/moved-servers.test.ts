import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Client, connect } from '../../src/client/index.ts'
import { type NodeOptions, startNode } from '../../src/node/node.ts'
import { NodeRoom } from '../support/node-room.ts'

const ids = [0, 1, 2]
let room: NodeRoom

beforeEach(async () => {
  room = await NodeRoom.open('moved', 6)
})

afterEach(() => room.close())

const before = (id: number) => `127.0.0.1:${room.port + id}`
const after = (id: number) => `127.0.0.1:${room.port + 3 + id}`
const placed = (at: (id: number) => string) => ids.map((id) => ({ id, address: at(id) }))

async function start(id: number, listen: string, more: Partial<NodeOptions> = {}): Promise<void> {
  room.nodes.set(id, await startNode({ id, listen, dataDir: join(room.directory, String(id)), ...more }))
}

async function stop(...servers: readonly number[]): Promise<void> {
  await Promise.all(servers.map((id) => room.nodes.get(id)?.stop()))
  for (const id of servers) room.nodes.delete(id)
}

function client(...servers: readonly string[]): Client {
  const connected = connect({ servers })
  room.clients.push(connected)
  return connected
}

const tokens = async (asking: Client) =>
  (await asking.locks.query()).locks.map(({ holders }) => holders.map(({ token }) => token))

const found = () =>
  Promise.all(ids.map((id) => start(id, before(id), { bootstrap: { members: placed(before) } })))

test('a server moves while a quorum runs, and votes at its new address', async () => {
  await found()
  const asking = client(before(0), before(1))
  await asking.locks.acquire('x')
  await stop(2)
  await asking.changeMembers({ action: 'move', servers: [{ id: 2, address: after(2) }] })
  await start(2, after(2))
  // Now server 0 needs the vote of server 2.
  await stop(1)
  expect((await client(before(0)).locks.acquire('y')).token).toBeGreaterThan(1)
}, 30_000)

test('all servers move at once: they reach each other at the given addresses, until they have agreed', async () => {
  await found()
  const held = await client(before(0)).locks.acquire('x', { ttl: 60_000 })
  await stop(...ids)
  await Promise.all(ids.map((id) => start(id, after(id), { addresses: placed(after) })))
  const asking = client(after(0))
  expect(await tokens(asking)).toEqual([[held.token]])
  await asking.changeMembers({ action: 'move', servers: placed(after) })
  await Promise.all(ids.map((id) => tokens(client(after(id)))))
  // They have agreed, and need no option any more.
  await stop(...ids)
  await Promise.all(ids.map((id) => start(id, after(id))))
  expect(await tokens(client(after(2)))).toEqual([[held.token]])
}, 30_000)

test('a wrong address loses messages, and nothing else', async () => {
  await found()
  await stop(...ids)
  // Server 0 believes that the others have exchanged their addresses.
  const wrong = [1, 2].map((id) => ({ id, address: before(3 - id) }))
  await start(0, before(0), { addresses: wrong })
  await Promise.all([1, 2].map((id) => start(id, before(id))))
  const { token } = await client(before(1), before(2)).locks.acquire('x')
  expect(await tokens(client(before(2), before(1)))).toEqual([[token]])
}, 30_000)
