/** A server and the hub that it tells of itself: one that is there, that is not, that never reads, that talks nonsense. */
import { once } from 'node:events'
import { createServer } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import type { Address } from '../../../machines/batch.ts'
import { type Client, connect } from '../../../src/client/index.ts'
import { protocolVersion } from '../../../src/inspect/records/protocol.ts'
import type { ServerRecord } from '../../../src/inspect/records/record.ts'
import { Allowance } from '../../../src/inspect/report/allowance.ts'
import {
  Reporter,
  type ReporterCounters,
  type ReporterOptions,
} from '../../../src/inspect/report/reporter.ts'
import { type RunningNode, startNode } from '../../../src/node/node.ts'
import { FakeHub } from '../../support/fake-hub.ts'
import { freePorts } from '../../support/free-ports.ts'

/** A machine that has much else to do takes its time. */
const patiently = { timeout: 20_000 }

const endings: (() => Promise<unknown>)[] = []

/** In the order in which they are to be done. */
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end()
})

async function hubAt(options: Parameters<typeof FakeHub.start>[0] = {}): Promise<FakeHub> {
  const hub = await FakeHub.start(options)
  endings.push(() => hub.close())
  return hub
}

/** One server that stores in memory, and a client of it. */
async function serverFor(inspect?: Address): Promise<[node: RunningNode, client: Client]> {
  const address = `127.0.0.1:${await freePorts(1)}`
  const bootstrap = { members: [{ id: 0, address }] }
  const node = await startNode({
    id: 0,
    listen: address,
    dataDir: null,
    bootstrap,
    ...(inspect !== undefined && { inspect }),
  })
  const client = connect({ servers: [address] })
  endings.push(async () => {
    await client.close()
    await node.stop()
  })
  return [node, client]
}

function countersOf(node: RunningNode): ReporterCounters {
  return (node.status() as unknown as { readonly inspector: ReporterCounters }).inspector
}

/** As many programs at once, each of which takes a lock of its own and frees it, one time after another. */
async function load(client: Client, programs: number, pairs: number): Promise<void> {
  const run = async (name: string) => {
    for (let count = 0; count < pairs; count += 1) await (await client.locks.acquire(name)).release()
  }
  await Promise.all(Array.from({ length: programs }, (_, program) => run(`lock-${program}`)))
}

const clocksOf = (records: readonly ServerRecord[]) =>
  records.flatMap((record) => (record.kind === 'step' ? [record.clock] : []))

test('a server whose hub is not there serves, and tells from its start on once it is', async () => {
  const port = await freePorts(1)
  const [, client] = await serverFor(`127.0.0.1:${port}`)
  const lock = await client.locks.acquire('a')
  const hub = await hubAt({ port })
  await hub.once(() => hub.recordsOf(0).length > 0)
  await lock.release()
  await hub.once(() => hub.recordsOf(0).some(({ kind }) => kind === 'service'))
  const records = hub.recordsOf(0)
  expect(records.slice(0, 2)).toMatchObject([
    { kind: 'keyframe' },
    { kind: 'step', cause: { type: 'start' } },
  ])
  const clocks = clocksOf(records)
  expect(clocks).toEqual(clocks.map((_, place) => place + 1))
  expect(hub.told[0]?.gaps).toEqual([])
})

test('a hub that went and came back is told by the same run where the server stands', async () => {
  const first = await hubAt()
  const [node, client] = await serverFor(first.address)
  await client.locks.acquire('a')
  await first.once(() => first.recordsOf(0).some(({ kind }) => kind === 'service'))
  const { run } = first.told[0]!.hello
  await first.close()
  endings.shift()
  await client.locks.acquire('b')
  const second = await hubAt({ port: Number(first.address.split(':')[1]) })
  const [keyframe] = await second.once(() => second.recordsOf(0).length > 0 && second.recordsOf(0))
  expect(second.told[0]?.hello.run).toBe(run)
  expect(keyframe).toMatchObject({ kind: 'keyframe', roles: { proposer: { state: 'leading' } } })
  await second.once(
    ({ told }) => told[0]?.records.findLast(({ kind }) => kind === 'service') && countersOf(node).isConnected,
  )
  const service = second.recordsOf(0).findLast(({ kind }) => kind === 'service')
  expect(service).toMatchObject({
    view: { tables: [{ rows: [['a'], ['b']].map((row) => expect.arrayContaining(row)) }, {}] },
  })
})

test('under load a server leaves out what it has no time for, and says where it stands after each gap', async () => {
  const hub = await hubAt()
  const [node, client] = await serverFor(hub.address)
  // The server reports once for all requests of a datagram, so the load is many datagrams.
  await load(client, 50, 40)
  const told = await hub.once(({ told: [only] }) => {
    const { sent, leftOut } = countersOf(node)
    const known = only?.gaps.reduce((sum, gap) => sum + gap.leftOut, 0)
    const isShown = only?.records.some(({ kind }) => kind === 'service')
    return leftOut > 0 && known === leftOut && only?.records.length === sent && isShown && only
  })
  const beginnings = [0, ...told.gaps.map(({ place }) => place)]
  for (const [number, begin] of beginnings.entries()) {
    const stretch = told.records.slice(begin, beginnings[number + 1])
    expect(stretch[0]?.kind).toBe('keyframe')
    const clocks = clocksOf(stretch)
    expect(clocks).toEqual(clocks.map((_, place) => clocks[0]! + place))
  }
  const service = told.records.filter(({ kind }) => kind === 'service')
  expect(service.length).toBeGreaterThan(0)
  const tookMs = told.records.at(-1)!.timeMs - told.records[0]!.timeMs
  expect(service.length).toBeLessThanOrEqual(1 + tookMs / 250)
})

const hello: ReporterOptions['hello'] = {
  type: 'server.hello',
  version: protocolVersion,
  node: 0,
  incarnation: 'founder-0',
  run: 'r',
  cluster: 'c',
  service: 'lock',
  founders: [],
  address: '127.0.0.1:1',
  allowsFaults: false,
}

function reporterTo(options: Omit<ReporterOptions, 'hello'>): Reporter {
  const reporter = new Reporter({ hello, ...options })
  endings.push(() => reporter.close())
  return reporter
}

const ended: ServerRecord = { kind: 'ended', clock: 1, timeMs: 1, reason: 'x'.repeat(10_000) }

test('what waits for a hub that never reads is bounded; the rest is counted', async () => {
  const hub = await hubAt({ reads: false })
  const plenty = new Allowance({ windowMs: 1_000_000, weight: 1e12 })
  const reporter = reporterTo({ hub: hub.address, allowance: plenty })
  let resumed = 0
  reporter.start({
    resume: () => {
      resumed += 1
    },
    heads: () => null,
  })
  await expect.poll(() => reporter.counters.isConnected, patiently).toBe(true)
  let made = 0
  let mostWaiting = 0
  await expect
    .poll(
      () => {
        for (let count = 0; count < 100; count += 1) {
          made += 1
          if (reporter.admits()) reporter.add(ended)
          else reporter.leaveOut()
        }
        mostWaiting = Math.max(mostWaiting, reporter.counters.waiting)
        return reporter.counters.leftOut
      },
      { ...patiently, interval: 5 },
    )
    .toBeGreaterThan(5_000)
  // What waits here, what was on the wire, and what went there at once when that was below its bound.
  expect(mostWaiting).toBeLessThan(5_100_000)
  const { sent, leftOut } = reporter.counters
  expect(made - sent - leftOut).toBeLessThanOrEqual(200)
  expect(made).toBeGreaterThan(1_000)
  expect(resumed).toBeGreaterThan(0)
})

test('after a gap it is told where the server stands though nothing happens, as soon as there is allowance again', async () => {
  const hub = await hubAt()
  const little = new Allowance({ windowMs: 20, weight: 3_000 })
  const reporter = reporterTo({ hub: hub.address, allowance: little })
  reporter.start({
    resume: () => {
      if (reporter.admits()) reporter.add({ ...ended, clock: 2, reason: null })
    },
    heads: () => null,
  })
  reporter.add(ended)
  await expect.poll(() => reporter.counters.isConnected, { ...patiently, interval: 1 }).toBe(true)
  reporter.add(ended)
  reporter.leaveOut()
  await hub.once(() => hub.recordsOf(0).at(-1)?.clock === 2)
  expect(hub.told[0]?.gaps).toEqual([{ place: 2, leftOut: 1 }])
})

test('while records are left out, heads are sent at fixed moments, and a keyframe comes all the same', async () => {
  const hub = await hubAt()
  const none = new Allowance({ windowMs: 1_000_000, weight: 1 })
  const reporter = reporterTo({ hub: hub.address, allowance: none })
  let firstUnexecuted = 0
  const madeMs: number[] = []
  reporter.start({
    resume: () => undefined,
    heads: () => {
      firstUnexecuted += 1
      madeMs.push(Date.now())
      const at = { promised: null, isPromisedSynced: true, firstUnchosen: firstUnexecuted, firstUnexecuted }
      return { kind: 'heads', clock: firstUnexecuted, timeMs: Date.now(), ...at }
    },
  })
  await expect.poll(() => reporter.counters.isConnected, patiently).toBe(true)
  reporter.add(ended)
  // As under load: there is no allowance, and much happens.
  const busy = setInterval(() => reporter.leaveOut(), 5)
  try {
    await hub.once(() => hub.recordsOf(0).filter(({ kind }) => kind === 'heads').length >= 3)
  } finally {
    clearInterval(busy)
  }
  const heads = hub.recordsOf(0).flatMap((record) => (record.kind === 'heads' ? [record] : []))
  expect(heads.slice(0, 3).map((record) => record.firstUnexecuted)).toEqual([1, 2, 3])
  expect(heads[0]?.leftOut).toBeGreaterThan(0)
  expect(heads[2]?.leftOut).toBeGreaterThan(heads[0]?.leftOut ?? 0)
  // Timers come late on a busy machine, and early by a millisecond: each is of another moment all the same.
  const momentOf = (ms: number) => Math.floor((ms + 2) / 200)
  for (const [place, ms] of madeMs.slice(1).entries()) {
    expect(momentOf(ms)).toBeGreaterThan(momentOf(madeMs[place] ?? 0))
  }
  expect(reporter.needsKeyframe).toBe(true)
  expect(hub.told[0]?.gaps).toEqual([])
  // Nothing more is sent when nothing more is left out.
  const made = madeMs.length
  await new Promise((resolve) => setTimeout(resolve, 600))
  expect(madeMs.length).toBeLessThanOrEqual(made + 1)
})

test('what a hub says is handed on when it is a command, and ignored when it is nonsense', async () => {
  const hub = await hubAt()
  const commands: unknown[] = []
  const reporter = reporterTo({
    hub: hub.address,
    onControl: (command) => {
      commands.push(command)
      if (commands.length === 1) throw new Error('nothing that a command does may end the connection')
      return { ok: true, text: 'done' }
    },
  })
  reporter.start({ resume: () => reporter.add(ended), heads: () => null })
  await hub.once(() => hub.told[0]?.records.length === 1)
  for (const nonsense of ['', '{', 'null', '7', '{"type":"hub.control"}', '{"command":1}']) hub.say(nonsense)
  const timer = { type: 'timer', node: 0, role: 'learner', id: 'grace' } as const
  hub.say({ type: 'hub.control', id: 1, command: timer })
  hub.say({ type: 'hub.control', id: 2, command: { type: 'rules', rules: [] } })
  await expect.poll(() => commands, patiently).toEqual([timer, { type: 'rules', rules: [] }])
  await hub.once(() => hub.results.length === 1)
  expect(hub.results).toEqual([{ type: 'server.result', id: 2, result: { ok: true, text: 'done' } }])
  expect(reporter.counters.isConnected).toBe(true)
})

test('something else than a hub at the address does no harm', async () => {
  const other = createServer((socket) => socket.end('HTTP/1.1 200 OK\r\n\r\nhello')).listen(0, '127.0.0.1')
  await once(other, 'listening')
  endings.push(async () => {
    other.close()
  })
  let tries = 0
  other.on('connection', () => {
    tries += 1
  })
  const { port } = other.address() as { port: number }
  const [node, client] = await serverFor(`127.0.0.1:${port}`)
  await (await client.locks.acquire('a')).release()
  await expect.poll(() => tries, patiently).toBeGreaterThan(1)
  expect(countersOf(node)).toMatchObject({ isConnected: false, sent: 0 })
})
