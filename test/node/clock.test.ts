/** Live servers measure time by a monotonic clock; what the wall clock shows decides nothing. */
import { setTimeout } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type Client, type ConnectOptions, connect } from '../../src/client/index.ts'
import { type RunningNode, startNode } from '../../src/node/node.ts'
import { asksOnce } from '../support/asks-once.ts'
import { freePorts } from '../support/free-ports.ts'

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

const nothing = { action: 'unlock', name: 'nothing' }

function newClient(options: ConnectOptions = {}): Client {
  const client = connect({ servers, ...asksOnce, ...options })
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

test('with wall clocks two hours ahead no session ends before its time, and no new client is refused', async () => {
  const [holder, other] = [newClient(), newClient()]
  await holder.request(nothing)
  await other.request(nothing)
  setAhead(Date)
  await other.request(nothing)
  await newClient().request(nothing)
  // A client whose session may have lapsed while its machine slept opens another one.
  expect(status().sessions).toBe(4)
  expect(status().clockMs).toBeLessThan(hourMs)
})

test('a session ends when the monotonic clocks of the servers say so: the next batch ends it', async () => {
  const [silent, other] = [newClient(), newClient()]
  await silent.request(nothing)
  setAhead(performance)
  await other.request(nothing)
  expect(status().sessions, 'that of the silent client has ended').toBe(1)
  await silent.request(nothing)
  expect(status().sessions).toBe(2)
  expect(status().clockMs).toBeGreaterThanOrEqual(2 * hourMs)
  expect(status().clockMs).toBeLessThan(2 * hourMs + 60_000)
})

test('a lock that is held lives on without a request: its session is touched', async () => {
  const client = newClient({ ttlMs: 1_000 })
  const lock = await client.locks.acquire('a')
  await setTimeout(2_500)
  expect(lock.signal.aborted).toBe(false)
  expect(status().sessions).toBe(1)
  expect(await lock.release()).toBe(true)
})
