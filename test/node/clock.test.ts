/** Live servers measure time by a monotonic clock; what the wall clock shows decides nothing. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type Client, connect } from '../../src/client/index.ts'
import { type RunningNode, startNode } from '../../src/node/node.ts'
import { freePorts } from '../cli/paxos.ts'

const hourMs = 3_600_000

let nodes: readonly RunningNode[] = []
const clients: Client[] = []
let servers: readonly string[] = []

beforeEach(async () => {
  const port = await freePorts(3)
  const members = [0, 1, 2].map((id) => ({ id, address: `127.0.0.1:${port + id}` }))
  servers = members.map(({ address }) => address)
  nodes = await Promise.all(
    members.map(({ id, address }) =>
      startNode({ id, listen: address, dataDir: null, bootstrap: { members } }),
    ),
  )
})

afterEach(async () => {
  vi.restoreAllMocks()
  for (const client of clients.splice(0)) await client.close()
  await Promise.all(nodes.map((node) => node.stop()))
})

function newClient(): Client {
  const client = connect({ servers })
  clients.push(client)
  return client
}

/** Of server 0, which leads. */
function status() {
  return nodes[0]!.status() as { readonly clockMs: number; readonly sessions: number }
}

/** From now on that clock is two hours ahead. */
function setAhead(clock: { now(): number }): void {
  const now = clock.now.bind(clock)
  vi.spyOn(clock, 'now').mockImplementation(() => now() + 2 * hourMs)
}

test('with wall clocks two hours ahead no session ends, and no new client is refused', async () => {
  const [holder, other] = [newClient(), newClient()]
  const lock = await holder.lock('a')
  await (await other.lock('b')).unlock()
  setAhead(Date)
  await (await other.lock('b')).unlock()
  await (await newClient().lock('c')).unlock()
  expect(await lock.unlock()).toBe(true)
  expect(status().sessions).toBe(3)
  expect(status().clockMs).toBeLessThan(hourMs)
})

test('a lock that is held for two hours, in which nobody asks for anything, is unlocked', async () => {
  const lock = await newClient().lock('a')
  setAhead(performance)
  expect(await lock.unlock()).toBe(true)
  expect(status().sessions, 'from the session that locked it').toBe(1)
  expect(status().clockMs).toBeGreaterThanOrEqual(2 * hourMs)
  expect(status().clockMs).toBeLessThan(2 * hourMs + 60_000)
})

test('a lock that is held for two hours, in which others ask, is unlocked from a new session', async () => {
  const [holder, other] = [newClient(), newClient()]
  const lock = await holder.lock('a')
  setAhead(performance)
  await (await other.lock('b')).unlock()
  expect(status().sessions, 'that of the holder is forgotten').toBe(1)
  expect(await lock.unlock()).toBe(true)
  expect(status().sessions).toBe(2)
})
