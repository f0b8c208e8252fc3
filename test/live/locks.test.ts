/** The calls of `client.locks`, with clients at different servers of a cluster of three in this process. */
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import {
  type Client,
  type ConnectOptions,
  connect,
  lockService,
  type RunningNode,
  startNode,
} from '../../src/index.ts'
import { BuiltPaxos } from '../support/built-paxos.ts'
import { bundled } from '../support/bundled.ts'
import { until } from '../support/datagrams.ts'
import { freePorts } from '../support/free-ports.ts'

const ttlMs = 1_500
const leewayMs = 2_000

let nodes: RunningNode[] = []
let addresses: string[] = []
let observer: Client
const clients: Client[] = []

async function startServers(): Promise<{ nodes: RunningNode[]; addresses: string[] }> {
  const port = await freePorts(3)
  const members = [0, 1, 2].map((id) => ({ id, address: `127.0.0.1:${port + id}` }))
  const started = members.map(({ id, address }) =>
    startNode({ id, listen: address, dataDir: null, bootstrap: { members } }),
  )
  return { nodes: await Promise.all(started), addresses: members.map(({ address }) => address) }
}

beforeAll(async () => {
  const started = await startServers()
  nodes = started.nodes
  addresses = started.addresses
  observer = connect({ servers: addresses })
})

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()))
})

afterAll(async () => {
  await observer?.close()
  await Promise.all(nodes.map((node) => node.stop()))
})

/** A client that asks that server first. */
function clientAt(server: number, options: ConnectOptions = {}, servers = addresses): Client {
  const client = connect({ ...options, servers: [...servers.slice(server), ...servers.slice(0, server)] })
  clients.push(client)
  return client
}

async function usersOf(name: string): Promise<{ readonly held: number; readonly waiting: number }> {
  const { locks } = await observer.locks.query({ name })
  const [lock = { held: 0, waiting: 0 }] = locks
  return { held: lock.held, waiting: lock.waiting }
}

async function waiting(name: string, waiters: number): Promise<void> {
  const count = async () => (await usersOf(name)).waiting
  await until(
    async () => (await count()) === waiters,
    20_000,
    async () => `${await count()} requests wait for ${name}, and not ${waiters}`,
  )
}

const nobody = { held: 0, waiting: 0 }

test('clients at different servers are granted a lock in the order in which they came, one at a time', async () => {
  const first = await clientAt(0).locks.acquire('order')
  const order: number[] = []
  let holders = 0
  const waiters: Promise<void>[] = []
  for (const place of [1, 2, 3, 4, 5, 6]) {
    const holding = clientAt(place % 3).locks.request('order', async (lock) => {
      holders += 1
      expect(holders).toBe(1)
      expect(lock.signal.aborted).toBe(false)
      order.push(place)
      await delay(10)
      holders -= 1
    })
    waiters.push(holding)
    await waiting('order', place)
  }
  await first.release()
  await Promise.all(waiters)
  expect(order).toEqual([1, 2, 3, 4, 5, 6])
  expect(await usersOf('order')).toEqual(nobody)
})

test('a request that must not wait receives the holders, and one with a limit gives up', async () => {
  const lock = await clientAt(0).locks.acquire('held')
  const other = clientAt(1)
  expect(await other.locks.request('held', { ifAvailable: true }, (none) => none)).toBeNull()
  const { token } = lock
  await expect(other.locks.acquire('held', { ifAvailable: true })).rejects.toMatchObject({
    name: 'LockBusy',
    holders: [{ name: 'held', token }],
  })
  await expect(other.locks.acquire('held', { wait: 200 })).rejects.toMatchObject({ name: 'LockTimeout' })
  expect(await usersOf('held')).toEqual({ held: 1, waiting: 0 })
})

test('a request that is aborted while it waits holds nothing and waits no more', async () => {
  const lock = await clientAt(0).locks.acquire('aborted')
  const [giving, reason] = [new AbortController(), new Error('enough')]
  const other = clientAt(2).locks.acquire('aborted', { signal: giving.signal })
  const refused = expect(other).rejects.toBe(reason)
  await waiting('aborted', 1)
  giving.abort(reason)
  await refused
  await lock.release()
  expect(await usersOf('aborted')).toEqual(nobody)
})

test('a lock that is stolen aborts its signal before the thief is granted it', async () => {
  const lock = await clientAt(0, { ttlMs }).locks.acquire('stolen')
  let abortedAtMs = Number.POSITIVE_INFINITY
  lock.signal.addEventListener('abort', () => {
    abortedAtMs = performance.now()
  })
  const stolen = await clientAt(1).locks.acquire('stolen', { steal: true })
  expect(performance.now()).toBeGreaterThan(abortedAtMs)
  expect(lock.signal.reason).toMatchObject({ name: 'LockLost', reason: 'revoked', token: lock.token })
  expect(stolen.token).toBeGreaterThan(lock.token)
  expect(await lock.release()).toBe(false)
})

test('shared requests hold a lock together, with tokens of their own, and an exclusive one alone', async () => {
  const shared = await Promise.all(
    [0, 1].map((server) => clientAt(server).locks.acquire('shared', { mode: 'shared' })),
  )
  expect(shared[0]?.token).not.toBe(shared[1]?.token)
  const exclusive = clientAt(2).locks.acquire('shared')
  await waiting('shared', 1)
  await Promise.all(shared.map((lock) => lock.release()))
  expect((await exclusive).mode).toBe('exclusive')
})

test('as many requests as permits hold a semaphore', async () => {
  const permits = 2
  await Promise.all([0, 1].map((server) => clientAt(server).locks.acquire('pool', { permits })))
  const third = clientAt(2).locks.acquire('pool', { permits, wait: 200 })
  await expect(third).rejects.toMatchObject({ name: 'LockTimeout' })
  expect(await usersOf('pool')).toEqual({ held: 2, waiting: 0 })
})

test('of two clients that would wait for each other, one receives the cycle', async () => {
  const [one, two] = [clientAt(0), clientAt(1)]
  await Promise.all([one.locks.acquire('x'), two.locks.acquire('y')])
  const waits = one.locks.acquire('y').catch((error: Error) => error.name)
  await waiting('y', 1)
  await expect(two.locks.acquire('x')).rejects.toMatchObject({
    name: 'DeadlockDetected',
    cycle: [{ name: 'x' }, { name: 'y' }],
  })
  await one.close()
  expect(await waits).toBe('ClientClosed')
})

test('a client that is closed leaves nothing held', async () => {
  const client = clientAt(1)
  await client.locks.acquire(['left', 'right'])
  await client.close()
  expect([await usersOf('left'), await usersOf('right')]).toEqual([nobody, nobody])
})

test('a detached lock outlives its client for its ttl', async () => {
  const client = clientAt(1)
  const token = await client.locks.acquireDetached('detached', { ttl: 60_000 })
  await client.close()
  expect(await usersOf('detached')).toEqual({ held: 1, waiting: 0 })
  expect(await observer.locks.release('detached', token)).toBe(true)
})

test('a client with a service of its own takes locks too', async () => {
  const client = connect({ servers: addresses, service: lockService })
  clients.push(client as unknown as Client)
  const lock = await client.locks.acquire('typed')
  const { result } = await client.request({ action: 'unlock', name: 'typed', token: lock.token })
  expect(result).toEqual({ freed: true })
})

test('a program that ends without close is not kept alive by the lock that it holds', async () => {
  const program = bundled(fileURLToPath(new URL('../support/ends-holding.ts', import.meta.url)))
  const child = new BuiltPaxos([addresses.join(','), 'ended'], { program: [program] })
  await child.said(/^granted \d+$/m)
  expect(await child.endedWithin(5_000)).toMatchObject({ code: 0 })
  expect(await usersOf('ended')).toEqual({ held: 1, waiting: 0 })
})

test('a holder whose servers are unreachable stops believing in its lock, and no call of it hangs', async () => {
  const cut = await startServers()
  const client = clientAt(0, { ttlMs, timing: { cancelTimeoutMs: 200 } }, cut.addresses)
  const lock = await client.locks.acquire('cut')
  await Promise.all(cut.nodes.map((node) => node.stop()))
  const stoppedAtMs = performance.now()
  await new Promise((resolve) => lock.signal.addEventListener('abort', resolve, { once: true }))
  expect(performance.now() - stoppedAtMs).toBeLessThan(ttlMs + leewayMs)
  expect(lock.signal.reason).toMatchObject({ name: 'LockLost', reason: 'unproved' })
  expect(await lock.release()).toBe(false)
  await expect(client.locks.acquire('cut', { wait: 200 })).rejects.toMatchObject({
    name: 'Unreachable',
    answered: [],
    silent: cut.addresses,
  })
})
