/** Clients that vanish, as processes: what they hold and wait for is freed in time, and an honest holder never loses its lock. */
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { NodeId } from '../../machines/batch.ts'
import type { Client, Lock } from '../../src/client/index.ts'
import { BuiltPaxos } from '../support/built-paxos.ts'
import { bundled } from '../support/bundled.ts'
import { Datagrams, until } from '../support/datagrams.ts'
import { LiveCluster } from '../support/live-cluster.ts'

/**
 * The ttl of the clients that vanish, in milliseconds: no living process is kept from touching its session for so long, also on a busy
 * machine. What such a client had is free after its ttl and the leeway, and after what a request takes meanwhile.
 */
const ttlMs = 3_000
const leewayMs = 2_000

/** The ttl of the clients that stay: a restart of all servers takes less, also on a busy machine. */
const honestTtlMs = 30_000

const patienceMs = 20_000
const servers: readonly NodeId[] = [0, 1, 2]

const program = bundled(fileURLToPath(new URL('../support/lock-client.ts', import.meta.url)))

let cluster: LiveCluster
let looker: Datagrams
let processes: BuiltPaxos[] = []
/** It holds a lock through all tests. */
let honest: Lock
let honestSinceMs = 0
/** The clients that stay: each asks its server first. */
let clients: readonly Client[] = []

beforeAll(async () => {
  cluster = await LiveCluster.start(servers.length)
  looker = await Datagrams.open()
  clients = servers.map((server) => cluster.connect(server, { ttlMs: honestTtlMs }))
  honest = await cluster.connect(0, { ttlMs: honestTtlMs }).locks.acquire('honest')
  honestSinceMs = performance.now()
})

afterEach(async () => {
  for (const child of processes) child.signal('SIGKILL')
  await Promise.all(processes.map(({ ended }) => ended))
  processes = []
  expect(honest.signal.aborted).toBe(false)
})

afterAll(async () => {
  await looker?.close()
  await cluster?.close()
})

/** A process that takes the lock, and holds it until it is lost. */
function vanishing(name: string): BuiltPaxos {
  const child = new BuiltPaxos([cluster.addresses.join(','), name, `${ttlMs}`], { program: [program] })
  processes.push(child)
  return child
}

async function holding(name: string): Promise<BuiltPaxos> {
  const child = vanishing(name)
  await child.said(/^granted \d+$/m, patienceMs)
  return child
}

/** The number of requests that wait for the lock. */
async function waitersFor(name: string): Promise<number> {
  const { result } = await clientAt(1).request({ action: 'query', name })
  const { locks } = result as { readonly locks: readonly { readonly waiting: number }[] }
  return locks[0]?.waiting ?? 0
}

async function waiting(name: string, waiters: number): Promise<void> {
  await until(
    async () => (await waitersFor(name)) === waiters,
    patienceMs,
    async () => `${await waitersFor(name)} requests wait for ${name}, and not ${waiters}`,
  )
}

function clientAt(server: NodeId): Client {
  const client = clients[server]
  if (client === undefined) throw new Error(`no client asks server ${server}`)
  return client
}

/** The lock, which must be granted by the time at which everything of a vanished client is free. */
async function inTime(lock: Promise<Lock>, vanishedAtMs: number): Promise<Lock> {
  const slowest = slowestRequestWhile(lock)
  const granted = await lock
  const tookMs = performance.now() - vanishedAtMs
  expect(tookMs).toBeLessThan(ttlMs + leewayMs + (await slowest))
  return granted
}

/** How long the slowest of the requests took that were sent until `work` ended, one after the other, in milliseconds. */
async function slowestRequestWhile(work: Promise<unknown>): Promise<number> {
  let isOver = false
  const over = () => {
    isOver = true
  }
  work.then(over, over)
  let slowestMs = 0
  while (!isOver) {
    const sentAtMs = performance.now()
    await clientAt(0).request({ action: 'unlock', name: 'nobody holds this' })
    slowestMs = Math.max(slowestMs, performance.now() - sentAtMs)
    await cluster.pass(50)
  }
  return slowestMs
}

/** A server whose proposer leads, and the others. */
async function leader(): Promise<{ readonly leading: NodeId; readonly others: readonly [NodeId, NodeId] }> {
  const statuses = await Promise.all(servers.map((id) => looker.inquire(cluster.listening(id))))
  const leading = statuses.findIndex(({ roles }) => /leading|accepting/.test(JSON.stringify(roles)))
  if (leading === -1)
    throw new Error(`no server leads: ${JSON.stringify(statuses.map(({ roles }) => roles))}`)
  return { leading, others: [(leading + 1) % servers.length, (leading + 2) % servers.length] }
}

/** Ends processes and servers at once; resolves to the time. */
async function kill(children: readonly BuiltPaxos[], ids: readonly NodeId[] = []): Promise<number> {
  const atMs = performance.now()
  for (const child of children) child.signal('SIGKILL')
  await Promise.all([...ids.map((id) => cluster.crash(id)), ...children.map(({ ended }) => ended)])
  return atMs
}

test('what a killed client held is granted to another', async () => {
  const child = await holding('a')
  const next = clientAt(1).locks.acquire('a')
  await waiting('a', 1)
  await (await inTime(next, await kill([child]))).release()
})

test('a killed client that waited is not waited for', async () => {
  const held = await clientAt(0).locks.acquire('b')
  const child = vanishing('b')
  await waiting('b', 1)
  const next = clientAt(2).locks.acquire('b')
  await waiting('b', 2)
  await kill([child])
  await cluster.pass(ttlMs + leewayMs)
  expect(await waitersFor('b')).toBe(1)
  await held.release()
  await (await next).release()
})

test('a lock that is granted to a killed client goes on', async () => {
  const held = await clientAt(0).locks.acquire('c')
  const child = vanishing('c')
  await waiting('c', 1)
  const next = clientAt(2).locks.acquire('c')
  await waiting('c', 2)
  const vanishedAtMs = await kill([child])
  await held.release()
  await (await inTime(next, vanishedAtMs)).release()
})

test('a holder and a waiter are killed together with the leader', async () => {
  const { leading, others } = await leader()
  const held = await clientAt(others[0]).locks.acquire('e')
  const children = [await holding('d'), vanishing('e')]
  await waiting('e', 1)
  const next = ['d', 'e'].map((name) => clientAt(others[1]).locks.acquire(name))
  await waiting('d', 1)
  await waiting('e', 2)
  const vanishedAtMs = await kill(children, [leading])
  await held.release()
  for (const lock of next) await (await inTime(lock, vanishedAtMs)).release()
  await cluster.restart(leading)
})

test('a holder and a waiter are killed, and all servers are killed and restarted', async () => {
  const held = await clientAt(0).locks.acquire('g')
  const children = [await holding('f'), vanishing('g')]
  await waiting('g', 1)
  const next = ['f', 'g'].map((name) => clientAt(1).locks.acquire(name))
  await waiting('f', 1)
  await waiting('g', 2)
  await kill(children, servers)
  await Promise.all(servers.map((id) => cluster.restart(id)))
  const restartedAtMs = performance.now()
  await held.release()
  for (const lock of next) await (await inTime(lock, restartedAtMs)).release()
})

/** Suspends the process, and has it go on when `done` has resolved and more than its ttl has passed. */
async function suspendWhile<Result>(
  child: BuiltPaxos,
  done: (sinceMs: number) => Promise<Result>,
): Promise<Result> {
  child.signal('SIGSTOP')
  const result = await done(performance.now())
  await cluster.pass(ttlMs)
  child.signal('SIGCONT')
  return result
}

test('a holder that was suspended for longer than its ttl knows of its loss at once', async () => {
  const child = await holding('h')
  const lock = clientAt(1).locks.acquire('h')
  await waiting('h', 1)
  const next = await suspendWhile(child, (sinceMs) => inTime(lock, sinceMs))
  expect((await child.said(/^suspended, .*$/m))[0]).toBe('suspended, signal.aborted is true')
  expect((await child.said(/^lost, .*$/m))[0]).toBe('lost, freed is false')
  expect(await next.release()).toBe(true)
})

test('a lock that is granted to a suspended client goes on, and the client waits for it anew', async () => {
  const held = await clientAt(0).locks.acquire('i')
  const child = vanishing('i')
  await waiting('i', 1)
  const lock = clientAt(1).locks.acquire('i')
  await waiting('i', 2)
  const next = await suspendWhile(child, async (sinceMs) => {
    await held.release()
    return inTime(lock, sinceMs)
  })
  await waiting('i', 1)
  expect(await next.release()).toBe(true)
  const [, token] = await child.said(/^granted (\d+)$/m)
  expect(Number(token)).toBeGreaterThan(next.token)
})

test('a suspended client that waits is not waited for, and waits again when it goes on', async () => {
  const held = await clientAt(0).locks.acquire('j')
  const child = vanishing('j')
  await waiting('j', 1)
  const lock = clientAt(1).locks.acquire('j')
  await waiting('j', 2)
  await suspendWhile(child, async () => {
    await cluster.pass(ttlMs + leewayMs)
    expect(await waitersFor('j')).toBe(1)
  })
  await waiting('j', 2)
  await held.release()
  const next = await lock
  await next.release()
  const [, token] = await child.said(/^granted (\d+)$/m)
  expect(Number(token)).toBeGreaterThan(next.token)
})

test('a holder that touches its session keeps its lock through all of this', async () => {
  const untilMs = honestSinceMs + 1.2 * honestTtlMs
  await cluster.pass(Math.max(0, untilMs - performance.now()))
  expect(honest.signal.aborted).toBe(false)
  expect(await honest.release()).toBe(true)
})

test('once every session has lapsed, no server sends a datagram', async () => {
  await kill([await holding('idle')])
  await cluster.pass(ttlMs + leewayMs)
  const silence = { received: 0, sent: 0, dropped: {} }
  expect(await cluster.trafficDuring(3_000, looker)).toEqual(servers.map(() => silence))
  const free = await clientAt(0).locks.acquire('idle')
  expect(await free.release()).toBe(true)
})
