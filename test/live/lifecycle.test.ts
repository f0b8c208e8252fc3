import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Json, NodeId } from '../../machines/batch.ts'
import { isRunning } from '../cli/paxos.ts'
import { BuiltPaxos, builtPaxos } from '../support/built-paxos.ts'
import { Datagrams, until } from '../support/datagrams.ts'
import { executedTwice } from '../support/executed-orders.ts'
import { freePorts } from '../support/free-ports.ts'
import { LiveCluster } from '../support/live-cluster.ts'

describe('paxos cluster', () => {
  let port: number
  let data: string
  let running: BuiltPaxos[] = []

  beforeEach(async () => {
    port = await freePorts(3)
    data = await mkdtemp(join(tmpdir(), 'paxos-live-'))
    running = []
  })

  afterEach(async () => {
    for (const cluster of running) cluster.signal('SIGTERM')
    await Promise.all(running.map((cluster) => cluster.endedWithin(15_000)))
    await rm(data, { recursive: true, force: true })
  })

  async function start(): Promise<BuiltPaxos> {
    const cluster = new BuiltPaxos(['cluster', '--port', `${port}`, '--data', data])
    running.push(cluster)
    await cluster.said(/^cluster ready$/m)
    return cluster
  }

  test('Ctrl-C stops all of it within seconds, and started again it goes on with what was stored', async () => {
    const servers = ['--servers', [0, 1, 2].map((id) => `127.0.0.1:${port + id}`).join(',')]
    const first = await start()
    const { stdout } = await builtPaxos('status', '--json', ...servers)
    const pids: number[] = JSON.parse(stdout).servers.map(
      ({ status }: { readonly status: { readonly pid: number } }) => status.pid,
    )
    expect(pids).toHaveLength(3)
    const locked = await builtPaxos('lock', 'kept', '--detach', '--ttl', '1h', ...servers)
    const token = locked.stdout.trim().split(' ').at(-1) ?? ''
    expect(token).toMatch(/^\d+$/)

    first.signal('SIGINT')
    const { code, stderr } = await first.endedWithin(8_000)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(pids.filter(isRunning)).toEqual([])

    await start()
    expect((await builtPaxos('lock', 'kept', '--timeout', '1', ...servers)).code).toBe(3)
    expect((await builtPaxos('unlock', 'kept', '--token', token, ...servers)).code).toBe(0)
  })
})

describe('a cluster that goes on', () => {
  let cluster: LiveCluster
  let looker: Datagrams
  let closing: (() => Promise<void>)[] = []

  beforeEach(async () => {
    looker = await Datagrams.open()
    closing.push(() => looker.close())
    cluster = await LiveCluster.start(3)
    closing.push(() => cluster.close())
  })

  afterEach(async () => {
    const all = closing
    closing = []
    await Promise.all(all.map((close) => close()))
  })

  const paxos = (...args: string[]) => builtPaxos(...args, '--servers', cluster.addresses.join(','))
  const statusOf = (id: NodeId) => looker.inquire(cluster.listening(id))

  /** Locks and unlocks at `server` first, by several clients at once, for as long as `during` takes; nothing may fail. */
  async function underLoad(server: NodeId, during: () => Promise<void>): Promise<void> {
    let isOver = false
    let requests = 0
    const workers = [0, 1, 2].map(async (worker) => {
      const client = await cluster.client()
      const name = `lock-${worker}`
      while (!isOver) {
        const { result: granted } = await client.request({ action: 'lock', name }, server)
        const { token } = granted as { readonly token: number }
        const { result } = await client.request({ action: 'unlock', name, token }, server)
        expect(result, 'nobody else unlocks').toEqual({ freed: true })
        requests += 2
      }
    })
    const working = Promise.all(workers)
    const progress = async () => {
      const before = requests
      await until(
        () => requests > before + 6,
        20_000,
        () => 'no request was answered',
      )
    }
    const all = progress()
      .then(during)
      .then(progress)
      .finally(() => {
        isOver = true
      })
    await Promise.all([all, working])
  }

  /** The servers executed the same, in the same order, and nothing twice. */
  async function expectOneOrder(ids: readonly NodeId[]): Promise<void> {
    const client = await cluster.client()
    for (const id of ids) await client.request({ action: 'unlock', name: 'verify' }, id)
    const orders = await Promise.all(ids.map((id) => cluster.executed(id)))
    const shortest = Math.min(...orders.map((order) => order.length))
    for (const order of orders) {
      expect(order.slice(0, shortest)).toEqual(orders[0]?.slice(0, shortest))
    }
    expect(executedTwice(orders)).toEqual([])
  }

  /** The server whose proposer leads. */
  async function leader(): Promise<NodeId | undefined> {
    const states = await Promise.all([0, 1, 2].map(statusOf))
    return states.findIndex(({ roles }) => /leading|accepting/.test(JSON.stringify(roles)))
  }

  test('sends not one datagram while nobody asks anything', async () => {
    const client = await cluster.client()
    for (const server of [0, 1, 2]) await client.request({ action: 'lock', name: `lock-${server}` }, server)
    // Somebody waits for a lock: that is no reason to speak either.
    const waiter = await Datagrams.open()
    closing.push(() => waiter.close())
    await waiter.send(cluster.listening(1), "REQUEST:-1:-1:(1,'LOCK','lock-1')")
    await until(
      async () => JSON.stringify((await statusOf(1)).queue) === '{"length":1,"delayed":1}',
      10_000,
      async () => `it is not delayed: ${JSON.stringify(await statusOf(1))}`,
    )
    await cluster.pass(1_000)

    const silence = { received: 0, sent: 0, dropped: {} }
    expect(await cluster.trafficDuring(3_000, looker)).toEqual([silence, silence, silence])
  })

  test('every server in turn is stopped and started again, and no request fails', async () => {
    await underLoad(0, async () => {
      for (const id of [0, 1, 2]) {
        const { code, stderr } = await cluster.stop(id)
        expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
        await cluster.pass(100)
        await cluster.restart(id)
        await cluster.pass(100)
      }
    })
    await expectOneOrder([0, 1, 2])
  })

  test('told to stop once more, a server ends at once, though something is under way', async () => {
    for (const id of [1, 2]) await cluster.crash(id)
    const client = cluster.connect(0)
    const waiting = client.locks.acquire('b').catch(() => undefined)
    await cluster.pass(300)
    const server = cluster.process(0)
    server.signal('SIGTERM')
    // Signals that are closer together are one wish.
    await cluster.pass(700)
    server.signal('SIGTERM')
    expect((await server.endedWithin(1_000)).code).toBe(143)
    await client.close()
    await waiting
    for (const id of [0, 1, 2]) await cluster.restart(id)
  })

  test('a server is added and another one is removed', async () => {
    const listed = async () => JSON.parse((await paxos('members', 'list', '--json')).stdout).members
    const counted = (id: NodeId, address = cluster.addresses[id]) => ({ id, address, counted: true })
    expect(await listed()).toEqual([0, 1, 2].map((id) => counted(id)))

    await cluster.join(3)
    expect(await listed()).toEqual([0, 1, 2, 3].map((id) => counted(id)))
    expect((await statusOf(3)).counted).toBe(true)

    expect(await paxos('members', 'remove', '1')).toMatchObject({
      code: 0,
      stdout: 'removed server 1; it may be stopped\n',
    })
    expect(await listed()).toEqual([0, 2, 3].map((id) => counted(id)))

    const named = `5=127.0.0.1:${await freePorts(1)}`
    expect((await paxos('members', 'add', named)).code).toBe(0)
    expect(await listed()).toContainEqual({ id: 5, address: named.slice(2), counted: false })
    expect((await paxos('members', 'remove', '5')).code).toBe(0)

    const twice = await paxos('members', 'add', `3=127.0.0.1:${await freePorts(1)}`)
    expect(twice.code).toBe(1)
    expect(twice.stderr).toMatch(/^paxos: [^\n]*3[^\n]*\n$/)

    // Of three, one may be missing.
    await cluster.crash(0)
    expect((await paxos('lock', 'a', '--detach', '--ttl', '1h', '--timeout', '20')).code).toBe(0)
    await expectOneOrder([2, 3])
  })

  test('one that is removed is not to be stopped while too few of the others answer', async () => {
    await cluster.crash(2)
    expect(await paxos('members', 'remove', '1')).toMatchObject({
      code: 0,
      stdout: 'removed server 1; do not stop it before more of the others answer\n',
    })
    await cluster.restart(2)
    await expectOneOrder([0, 2])
  })

  test('a cluster is shrunk to one server, and each that was removed is stopped at once', async () => {
    const remove = async (id: NodeId) => {
      const { stdout } = await paxos('members', 'remove', String(id), '--json')
      expect(JSON.parse(stdout)).toEqual({ action: 'remove', id, mayStop: true })
      await cluster.crash(id)
    }
    await remove(0)
    await remove(1)
    expect((await paxos('lock', 'a', '--detach', '--ttl', '1h', '--timeout', '20')).code).toBe(0)
    await expectOneOrder([2])
  })

  test('the leader is removed under load, and its clients are turned away', async () => {
    await underLoad(0, async () => {
      await until(
        async () => (await leader()) === 0,
        10_000,
        async () => `server 0 does not lead: ${JSON.stringify(await statusOf(0))}`,
      )
      expect((await paxos('members', 'remove', '0')).code).toBe(0)
      await cluster.pass(500)
    })
    expect((await statusOf(1)).members).toEqual([1, 2].map((id) => expect.objectContaining({ id })))
    expect((await statusOf(0)).counted).toBe(false)

    const command = { kind: 'service', body: { action: 'lock', name: 'a' } }
    const request = { type: 'request', uid: 'somebody', ackedBelow: 0, requests: [{ seq: 1, command }] }
    const envelope = { v: 4, c: (await statusOf(0)).cluster as Json, s: null, m: [request] }
    const answer = JSON.parse(await looker.ask(cluster.listening(0), JSON.stringify(envelope)))
    expect(answer.m).toEqual([{ type: 'busy', uid: 'somebody', seqs: [1], reason: 'notMember' }])

    // A client that knows it alone learns from it who the members are.
    const told = await builtPaxos(
      'lock',
      'a',
      '--detach',
      '--ttl',
      '1h',
      '--timeout',
      '20',
      '--servers',
      cluster.addresses[0] ?? '',
    )
    expect(told.code).toBe(0)
    await expectOneOrder([1, 2])
  })
})
