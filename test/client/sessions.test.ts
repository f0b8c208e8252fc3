/** Sessions that the cluster has forgotten: which requests move to a new one, and which must not. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Command, NamedRequest } from '../../machines/batch.ts'
import type { Outcome } from '../../machines/outcome.ts'
import { Aborted, type Client, connect, RequestRefused } from '../../src/client/index.ts'
import { lockService } from '../../src/services/lock.ts'
import { Replica } from '../../src/services/replica.ts'
import type { Service } from '../../src/services/service.ts'
import { type Asked, echo, FakeServer, response, type Script } from './fake-server.ts'

const hourMs = 60 * 60 * 1_000

const open: (() => Promise<void>)[] = []

/** Time stands until a test lets it pass; datagrams and timers go on. */
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance', 'Date'] })
})

afterEach(async () => {
  await Promise.all(open.splice(0).map((close) => close()))
  vi.useRealTimers()
})

async function startServers(count: number, script: Script = echo): Promise<FakeServer[]> {
  const servers = await Promise.all(Array.from({ length: count }, (_, id) => FakeServer.start(id)))
  for (const server of servers) {
    server.script = script
    open.push(() => server.stop())
  }
  return servers
}

function connectTo(servers: readonly FakeServer[], timing = {}): Client {
  const client = connect({ servers: servers.map(({ address }) => address), timing })
  open.push(() => client.close())
  return client
}

const expired: Outcome = { kind: 'refused', reason: 'expired' }

const uidsOf = (requests: readonly Asked[]) => [...new Set(requests.map(({ uid }) => uid))]

/** Refuses the first `count` requests as expired, and then answers. */
function refusing(count: number): Script {
  let refusals = 0
  return (message) =>
    message.type === 'request' && refusals++ < count ? [response(message, expired)] : echo(message)
}

describe('a request that is refused as expired', () => {
  it('moves to a new session, unseen, when it was sent a moment ago', async () => {
    const [server] = await startServers(1, refusing(1))
    const client = connectTo([server!])
    expect((await client.request('x')).result).toBe('x')
    const [first, second] = server!.requests
    expect(second!.uid).not.toBe(first!.uid)
    expect(second).toMatchObject({ seq: 1, ackedBelow: 1, command: first!.command })
  })

  it('moves with all that were refused with it, to one session', async () => {
    const [server] = await startServers(1, refusing(20))
    const client = connectTo([server!])
    const results = await Promise.all(Array.from({ length: 20 }, (_, number) => client.request(number)))
    expect(results.map(({ result }) => result)).toEqual(Array.from({ length: 20 }, (_, number) => number))
    expect(uidsOf(server!.requests)).toHaveLength(2)
  })

  it('moves although it was sent again, for it was not executed in so short a time', async () => {
    let asked = 0
    const [server] = await startServers(1, (message) => {
      asked += 1
      return asked < 3 ? [] : asked === 3 ? refusing(1)(message) : echo(message)
    })
    const client = connectTo([server!], { askIntervalMs: 10, failoverTimeoutMs: 20 })
    expect((await client.request('x')).result).toBe('x')
    expect(uidsOf(server!.requests)).toHaveLength(2)
  })

  it.each([
    ['by the monotonic clock', () => vi.advanceTimersByTime(hourMs)],
    ['by the wall clock, after the machine has slept', () => vi.setSystemTime(Date.now() + hourMs)],
  ])('rejects, and says that it may have been executed, when it was sent an hour before %s', async (_, pass) => {
    let asked = 0
    const [server] = await startServers(1, (message) => {
      if (message.type !== 'request') return []
      asked += 1
      // The first copy may have been executed, and its answer lost.
      if (asked === 1) pass()
      return asked === 1 ? [] : [response(message, expired)]
    })
    const client = connectTo([server!], { askIntervalMs: 10 })
    const refusal = await client.request('x').catch((error: unknown) => error)
    expect(refusal).toBeInstanceOf(RequestRefused)
    expect(refusal).toMatchObject({
      reason: 'expired',
      message: expect.stringContaining('not known whether'),
    })
    expect(uidsOf(server!.requests)).toHaveLength(1)
    server!.script = echo
    expect((await client.request('y')).result).toBe('y')
    expect(uidsOf(server!.requests)).toHaveLength(2)
  })

  it('is not asked for ever when every session is refused', async () => {
    const [server] = await startServers(1, refusing(Number.POSITIVE_INFINITY))
    const client = connectTo([server!])
    await expect(client.request('x')).rejects.toMatchObject({ reason: 'expired' })
    expect(uidsOf(server!.requests).length).toBeLessThan(20)
  })

  it('can be given up while it waits for a new session, and was never executed', async () => {
    const controller = new AbortController()
    const [server] = await startServers(1, (message) => {
      server!.welcome = null
      return refusing(1)(message)
    })
    const client = connectTo([server!], { askIntervalMs: 10 })
    const request = client.request('x', { signal: controller.signal })
    await vi.waitFor(() => expect(server!.messages.at(-1)?.type).toBe('hello'), { timeout: 10_000 })
    await vi.waitFor(() => expect(server!.messages.length).toBeGreaterThan(3), { timeout: 10_000 })
    const reason = new Error('enough')
    controller.abort(reason)
    await expect(request).rejects.toBe(reason)
    // The client asked again before the refusal arrived, perhaps, but under no other name.
    expect(uidsOf(server!.requests)).toHaveLength(1)
  })

  it('opens the new session at the server that refused it, since that one knows which are too old', async () => {
    const [behind, ahead] = await startServers(2)
    behind!.script = () => []
    ahead!.welcome = { ...ahead!.welcome!, instance: 900 }
    ahead!.script = (message) =>
      message.type === 'request' && !message.uid.endsWith('@900')
        ? [response(message, expired)]
        : echo(message)
    const client = connectTo([behind!, ahead!], { askIntervalMs: 10, failoverTimeoutMs: 50 })
    expect((await client.request('x')).result).toBe('x')
    expect(uidsOf(ahead!.requests)).toHaveLength(2)
  })
})

describe('a cancel that is refused as expired', () => {
  const isCancel = (command: Command) => command.kind === 'cancel'

  /** Says nothing to requests, and aborts when the first has come; refuses cancels as expired. */
  async function giveUp(passing: () => void): Promise<unknown> {
    const controller = new AbortController()
    const [server] = await startServers(1, (message) => {
      if (message.type !== 'request') return []
      if (isCancel(message.command)) return [response(message, expired)]
      passing()
      controller.abort(new Error('enough'))
      return []
    })
    return connectTo([server!])
      .request('x', { signal: controller.signal })
      .catch((error: unknown) => error)
  }

  it('shows that a request of a moment ago was never executed', async () => {
    expect(await giveUp(() => undefined)).toEqual(new Error('enough'))
  })

  it('shows nothing of a request of an hour ago', async () => {
    const error = await giveUp(() => vi.advanceTimersByTime(hourMs))
    expect(error).toBeInstanceOf(Aborted)
    expect(error).toMatchObject({ outcome: null })
  })
})

/** A cluster of one: a replica that executes each request when it comes, at a time that the test lets pass. */
class ReplicaServer {
  readonly replica = new Replica({
    service: lockService as Service,
    members: [{ id: 0, address: '127.0.0.1:1', incarnation: 'x' }],
  })
  /** Since the last batch. */
  #elapsedMs = 0
  readonly #server: FakeServer

  constructor(server: FakeServer) {
    this.#server = server
    server.welcome = { ...server.welcome!, instance: 0 }
    server.script = (message) =>
      message.type === 'request' ? [response(message, this.execute(message))] : []
  }

  pass(ms: number): void {
    this.#elapsedMs += ms
    vi.advanceTimersByTime(ms)
  }

  /** Has the request chosen, alone, and executed; nothing may be delayed. */
  execute({ uid, seq, ackedBelow, command }: NamedRequest): Outcome {
    const instance = this.replica.firstUnexecuted
    this.#server.welcome = { ...this.#server.welcome!, instance: instance + 1 }
    const group = { uid, ackedBelow, heldBy: 0, requests: [{ seq, command }] }
    const batch = { node: 0, elapsedMs: this.#elapsedMs, groups: [group] }
    this.#elapsedMs = 0
    const { outcomes } = this.replica.execute(instance, batch)
    const outcome = outcomes.find((ended) => ended.uid === uid && ended.seq === seq)?.outcome
    if (outcome === undefined || outcome.kind === 'delayed' || outcome.kind === 'full')
      throw new Error(`${uid} ${seq} did not end`)
    return outcome
  }

  /** A client that nobody else knows of asks for something, which moves the replicated clock. */
  tick(): void {
    const uid = `other@${this.replica.firstUnexecuted}`
    const body = { action: 'unlock', name: 'nothing' }
    this.execute({ uid, seq: 1, ackedBelow: 1, command: { kind: 'service', body } })
  }
}

describe('a lock that is held for two hours', () => {
  it.each([
    ['from its session, where it is the next to ask', () => undefined, 1],
    ['from a new session, where others asked', (cluster: ReplicaServer) => cluster.tick(), 2],
  ])('is unlocked by its holder, %s', async (_, meanwhile, sessions) => {
    const [server] = await startServers(1)
    const cluster = new ReplicaServer(server!)
    const client = connectTo([server!])
    const lock = await client.lock('a')
    cluster.pass(2 * hourMs)
    meanwhile(cluster)
    expect(await lock.unlock()).toBe(true)
    expect(cluster.replica.view()).toMatchObject({ tables: [{ rows: [] }, {}] })
    expect(uidsOf(server!.requests)).toHaveLength(sessions)
  })

  it('is not unlocked by one who held it before', async () => {
    const [server] = await startServers(1)
    const cluster = new ReplicaServer(server!)
    const [early, late] = [connectTo([server!]), connectTo([server!])]
    const lost = await early.lock('a')
    await late.unlock('a')
    await late.lock('a')
    cluster.pass(2 * hourMs)
    expect(await lost.unlock()).toBe(false)
    expect(cluster.replica.view()).toMatchObject({
      tables: [{ rows: [['a', expect.any(String), 2, 'exclusive', 1, 0]] }, {}],
    })
  })
})
