/** Sessions that end: the requests that move to a new one, those that must not, and the loss of locks that the program holds. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Command } from '../../machines/batch.ts'
import type { Outcome } from '../../machines/outcome.ts'
import {
  Aborted,
  type Client,
  connect,
  LockLost,
  QuotaExceeded,
  SessionExpired,
} from '../../src/client/index.ts'
import { publicId } from '../../src/core/names.ts'
import { kvService } from '../../src/services/kv/kv.ts'
import type { Service } from '../../src/services/service.ts'
import { asksOnce } from '../support/asks-once.ts'
import { answersArrived, eventually as eventuallyWithin } from './eventually.ts'
import { type Asked, echo, executed, FakeServer, queued, response, type Script } from './fake-server.ts'
import { ReplicaServer } from './replica-server.ts'

const ttlMs = 1_000
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
  const client = connect({
    servers: servers.map(({ address }) => address),
    ttlMs,
    timing: { ...asksOnce.timing, ...timing },
  })
  open.push(() => client.close())
  return client
}

const expired: Outcome = { kind: 'refused', reason: 'expired' }

const uidsOf = (requests: readonly Asked[]) => [...new Set(requests.map(({ uid }) => uid))]

/** Refuses the first `count` requests as expired, and then answers. */
function refusing(count: number, then: Script = echo): Script {
  let refusals = 0
  return (message) =>
    message.type === 'request' && refusals++ < count ? [response(message, expired)] : then(message)
}

const isTouch = ({ command }: { readonly command: Command }) => command.kind === 'touch'
/** The touches that a server has heard, each once: a client may send one again. */
const touchesOf = ({ requests }: FakeServer) => [
  ...new Map(requests.filter(isTouch).map((touch) => [`${touch.uid} ${touch.seq}`, touch])).values(),
]
const token = 7

/** Gives every lock to who asks, and answers touches by `touched`; `null` for no answer. */
function granting(
  touched: () => Outcome | null = () => executed({ revoked: false }),
  granted = token,
): Script {
  return (message) => {
    if (message.type !== 'request') return []
    if (!isTouch(message)) return [response(message, executed({ token: granted, freed: true }))]
    const outcome = touched()
    return outcome === null ? [] : [response(message, outcome)]
  }
}

const eventually = (check: () => void) => eventuallyWithin(check, 500)

/** Lets time pass in small steps, in which the client may do what is due; returns after some real time. */
async function pass(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 100) {
    vi.advanceTimersByTime(100)
    await new Promise((resolve) => setTimeout(resolve, 40))
  }
}

describe('a request that is refused as expired', () => {
  it('rejects, since nobody knows whether it was executed; the next one has a session of its own', async () => {
    const [server] = await startServers(1, refusing(1))
    const client = connectTo([server!])
    const error = await client.request('x').catch((error: unknown) => error)
    expect(error).toBeInstanceOf(SessionExpired)
    expect(error).toMatchObject({
      executed: 'unknown',
      message: expect.stringContaining('not known whether'),
    })
    expect(server!.requests).toHaveLength(1)
    expect((await client.request('y')).result).toBe('y')
    expect(uidsOf(server!.requests)).toHaveLength(2)
  })

  it('is repeated in a new session, unseen, when it is idempotent', async () => {
    const [server] = await startServers(1, refusing(1, granting()))
    const client = connectTo([server!])
    expect(await client.locks.acquire('a')).toMatchObject({ name: 'a', token })
    const [first, second] = server!.requests
    expect(second!.uid).not.toBe(first!.uid)
    expect(second).toMatchObject({ seq: 1, ackedBelow: 1, command: first!.command })
  })

  it('moves with all that were refused with it, to one session', async () => {
    const [server] = await startServers(1, refusing(20, granting()))
    const client = connectTo([server!])
    await Promise.all(Array.from({ length: 20 }, (_, number) => client.locks.release(`l${number}`)))
    expect(server!.openings.length).toBe(2)
    expect(uidsOf(server!.requests)).toHaveLength(2)
  })

  it('is not asked for ever when every session is refused', async () => {
    const [server] = await startServers(1, refusing(Number.POSITIVE_INFINITY))
    const client = connectTo([server!])
    await expect(client.locks.release('a')).rejects.toBeInstanceOf(SessionExpired)
    expect(uidsOf(server!.requests)).toHaveLength(10)
  })

  it('can be given up while it waits for a new session, and was never executed', async () => {
    const controller = new AbortController()
    const [server] = await startServers(1, (message) => {
      server!.welcome = null
      return refusing(1)(message)
    })
    const client = connectTo([server!], { askIntervalMs: 10 })
    const lock = client.locks.acquire('a', { signal: controller.signal })
    await eventually(() => expect(server!.requests).toHaveLength(1))
    await eventually(() => expect(server!.messages.at(-1)?.type).toBe('hello'))
    const reason = new Error('enough')
    controller.abort(reason)
    await expect(lock).rejects.toBe(reason)
    expect(uidsOf(server!.requests)).toHaveLength(1)
  })
})

describe('a session that the cluster does not open', () => {
  it('rejects what waits for it with the outcome', async () => {
    const [server] = await startServers(1)
    server!.opening = (asked) => [
      response(asked, { kind: 'failed', error: 'no such command', instance: 1, index: 0 }),
    ]
    await expect(connectTo([server!]).request('x')).rejects.toMatchObject({ error: 'no such command' })
    expect(server!.requests).toEqual([])
  })

  it('for lack of room in the state rejects as a request does, and the next request opens one', async () => {
    const [server] = await startServers(1)
    const sizes = { sizeBytes: 95, growthBytes: 10, quotaBytes: 100 }
    const usual = server!.opening
    server!.opening = (asked) => [response(asked, { kind: 'overQuota', ...sizes, instance: 1, index: 0 })]
    const client = connectTo([server!])
    const error = await client.request('x').catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(QuotaExceeded)
    expect(error).toMatchObject({ ...sizes, instance: 1, index: 0 })
    expect((error as Error).message).toContain(
      'takes 95 bytes of its quota of 100, and the request would add 10',
    )
    server!.opening = usual
    expect((await client.request('x')).result).toBe('x')
  })

  it('is asked for until it is answered, under one name', async () => {
    const [silent, other] = await startServers(2)
    silent!.opening = () => []
    const client = connectTo([silent!, other!], { askIntervalMs: 10, failoverTimeoutMs: 50 })
    const failover = setInterval(() => vi.advanceTimersByTime(20), 10)
    expect((await client.request('x')).result).toBe('x')
    clearInterval(failover)
    expect(uidsOf([...silent!.openings, ...other!.openings])).toHaveLength(1)
    expect(other!.requests).toMatchObject([{ seq: 1 }])
  })
})

describe('a session that was idle', () => {
  it.each([
    ['by the monotonic clock', () => vi.advanceTimersByTime(ttlMs / 2)],
    ['by the wall clock, after the machine has slept', () => vi.setSystemTime(Date.now() + ttlMs / 2)],
  ])('for half its ttl %s is used no more: it may lapse unnoticed', async (_, idle) => {
    const [server] = await startServers(1)
    const client = connectTo([server!])
    await client.request('x')
    idle()
    expect((await client.request('y')).result).toBe('y')
    expect(uidsOf(server!.requests)).toHaveLength(2)
    expect(server!.requests.map(({ seq }) => seq)).toEqual([1, 1])
  })

  it('for less is used again, and nothing touches it meanwhile', async () => {
    const [server] = await startServers(1)
    const client = connectTo([server!])
    await client.request('x')
    await pass(ttlMs / 2 - 100)
    expect(touchesOf(server!)).toEqual([])
    await client.request('y')
    expect(uidsOf(server!.requests)).toHaveLength(1)
  })
})

describe('a session in which something is held', () => {
  it('is touched every third of its ttl, until that is released', async () => {
    const [server] = await startServers(1, granting())
    const client = connectTo([server!])
    const lock = await client.locks.acquire('a')
    for (let count = 1; count <= 6; count += 1) {
      vi.advanceTimersByTime(ttlMs / 3 + 1)
      await eventually(() => expect(touchesOf(server!)).toHaveLength(count))
      await answersArrived()
    }
    expect(lock.signal.aborted).toBe(false)
    expect(uidsOf(server!.requests)).toHaveLength(1)
    expect(await lock.release()).toBe(true)
    await pass(ttlMs)
    expect(touchesOf(server!).length).toBeLessThanOrEqual(7)
  })

  it('is touched while a request waits, too', async () => {
    const [server] = await startServers(1, (message) => {
      if (message.type !== 'request') return []
      return isTouch(message) ? granting()(message) : [queued(message)]
    })
    const client = connectTo([server!])
    client.request('x').catch(() => undefined)
    await eventually(() => expect(server!.requests).toHaveLength(1))
    for (let count = 1; count <= 4; count += 1) {
      vi.advanceTimersByTime(ttlMs / 3 + 1)
      await eventually(() => expect(touchesOf(server!)).toHaveLength(count))
      await answersArrived()
    }
  })

  it.each<[clock: string, sleep: (ms: number) => unknown]>([
    ['monotonic', (ms) => vi.advanceTimersByTime(ms)],
    ['wall', (ms) => vi.setSystemTime(Date.now() + ms)],
  ])('is lost when no touch is answered in time, by the %s clock', async (_, sleep) => {
    const [server] = await startServers(
      1,
      granting(() => null),
    )
    const client = connectTo([server!])
    const { signal } = await client.locks.acquire('a')
    sleep(ttlMs * 0.8)
    await eventually(() => expect(touchesOf(server!).length).toBeGreaterThan(0))
    expect(signal.aborted).toBe(false)
    sleep(ttlMs * 0.1)
    await eventually(() => expect(signal.aborted).toBe(true))
    expect(signal.reason).toBeInstanceOf(LockLost)
    expect(signal.reason).toMatchObject({ reason: 'unproved' })
    await client.locks.acquire('b')
    expect(uidsOf(server!.requests)).toHaveLength(2)
  })

  it('is lost when the machine sleeps longer than the ttl, also after its wall clock was set back', async () => {
    const [server] = await startServers(1, granting())
    const client = connectTo([server!])
    const { signal } = await client.locks.acquire('a')
    vi.setSystemTime(Date.now() - hourMs)
    vi.advanceTimersByTime(ttlMs / 3 + 1)
    await eventually(() => expect(touchesOf(server!)).toHaveLength(1))
    vi.setSystemTime(Date.now() + ttlMs)
    await eventually(() => expect(signal.aborted).toBe(true))
  })

  it('is lost in time when the wall clock was set forward and back', async () => {
    const touched = { isAnswered: true }
    const [server] = await startServers(
      1,
      granting(() => (touched.isAnswered ? executed({ revoked: false }) : null)),
    )
    const client = connectTo([server!])
    const { signal } = await client.locks.acquire('a')
    vi.setSystemTime(Date.now() + ttlMs / 2)
    await eventually(() => expect(touchesOf(server!)).toHaveLength(1))
    touched.isAnswered = false
    vi.setSystemTime(Date.now() - ttlMs / 2)
    vi.advanceTimersByTime(ttlMs * 0.9)
    await eventually(() => expect(signal.aborted).toBe(true))
  })

  it.each<[reason: string, outcome: Outcome]>([
    ['revoked', executed({ revoked: true })],
    ['ended', expired],
  ])('is lost when it was %s, with all that is held in it', async (reason, outcome) => {
    const [server] = await startServers(
      1,
      granting(() => outcome),
    )
    const client = connectTo([server!])
    const locks = await Promise.all([client.locks.acquire('a'), client.locks.acquire('b')])
    vi.advanceTimersByTime(ttlMs / 3 + 1)
    await eventually(() => expect(locks.map(({ signal }) => signal.aborted)).toEqual([true, true]))
    for (const { signal } of locks) expect(signal.reason).toMatchObject({ name: 'LockLost', reason })
  })

  it('is lost when another request of it is refused as expired', async () => {
    const [server] = await startServers(1, granting())
    const client = connectTo([server!])
    const { signal } = await client.locks.acquire('a')
    server!.script = refusing(Number.POSITIVE_INFINITY)
    await expect(client.request('x')).rejects.toBeInstanceOf(SessionExpired)
    expect(signal.reason).toMatchObject({ reason: 'ended' })
  })

  it('holds nothing that was granted after it was lost: the client frees that, and asks anew', async () => {
    let asked: Asked | null = null
    const [server] = await startServers(1, (message) => {
      if (message.type === 'request' && !isTouch(message)) asked = message
      return []
    })
    const client = connectTo([server!])
    const locking = client.locks.acquire('a')
    await eventually(() => expect(asked).not.toBeNull())
    await pass(ttlMs * 1.2)
    // The lease reads its clock once a second at least.
    await new Promise((resolve) => setTimeout(resolve, 1_100))
    const lost: Asked = asked!
    server!.script = granting(undefined, token + 1)
    server!.say([response(lost, executed({ token }))])
    expect(await locking).toMatchObject({ token: token + 1, signal: { aborted: false } })
    const later = server!.requests.filter(({ uid }) => uid !== lost.uid)
    expect(later.map(({ command }) => command)).toMatchObject([
      { body: { action: 'unlock', name: 'a', token } },
      { body: { action: 'lock', name: 'a' } },
    ])
  })

  it('holds nothing that the client learns of when the lease is over: it looks before it hands the lock out', async () => {
    let asked: Asked | null = null
    const [server] = await startServers(1, (message) => {
      if (message.type !== 'request' || isTouch(message)) return []
      asked = message
      return [queued(message)]
    })
    const client = connectTo([server!])
    const locking = client.locks.acquire('a')
    await eventually(() => expect(asked).not.toBeNull())
    vi.advanceTimersByTime(hourMs)
    const lost: Asked = asked!
    server!.script = granting(undefined, token + 1)
    server!.say([response(lost, executed({ token }))])
    expect(await locking).toMatchObject({ token: token + 1, signal: { aborted: false } })
  })

  it('holds nothing any more when the client is closed', async () => {
    const [server] = await startServers(1, granting())
    const client = connectTo([server!])
    const { signal } = await client.locks.acquire('a')
    await client.close()
    expect(signal.reason).toMatchObject({ name: 'ClientClosed' })
  })
})

describe('a cancel that is refused as expired', () => {
  const enough = new Error('enough')

  /** Says nothing to requests, and aborts when the first has come; refuses cancels as expired. */
  async function giveUp(
    ask: (client: Client, signal: AbortSignal) => Promise<unknown>,
    service = 'lock',
  ): Promise<unknown> {
    const controller = new AbortController()
    const [server] = await startServers(1, (message) => {
      if (message.type !== 'request') return []
      if (message.command.kind === 'cancel') return [response(message, expired)]
      controller.abort(enough)
      return []
    })
    server!.welcome = { ...server!.welcome!, service }
    return ask(connectTo([server!]), controller.signal).catch((error: unknown) => error)
  }

  it('shows nothing of a request', async () => {
    const error = await giveUp((client, signal) => client.request('x', { signal }))
    expect(error).toBeInstanceOf(Aborted)
    expect(error).toMatchObject({ outcome: null })
  })

  it('shows nothing of a take: the end of the session does not put the value back', async () => {
    const error = await giveUp((client, signal) => client.kv.take('k', { signal }), 'kv')
    expect(error).toBeInstanceOf(Aborted)
    expect(error).toMatchObject({ outcome: null })
  })

  it('shows that a lock is not held: the session ended with it', async () => {
    expect(await giveUp((client, signal) => client.locks.acquire('a', { signal }))).toBe(enough)
  })
})

describe('the session of a client at a replica', () => {
  const put = { action: 'put', key: 'k', value: 'v' }

  it('is replaced, unseen, when the client was silent for two hours', async () => {
    const [server] = await startServers(1)
    const cluster = new ReplicaServer(server!, kvService as Service)
    const client = connectTo([server!])
    await client.request(put)
    cluster.pass(2 * hourMs)
    await client.request(put)
    expect(uidsOf(server!.requests)).toHaveLength(2)
    expect(cluster.replica.sessionCount, 'that of the operator, and the new one').toBe(2)
  })

  it('is replaced when an operator ended it, which the next request tells', async () => {
    const [server] = await startServers(1)
    const cluster = new ReplicaServer(server!, kvService as Service)
    const client = connectTo([server!])
    await client.request(put)
    const command: Command = { kind: 'end', session: publicId(server!.requests[0]!.uid), now: true }
    cluster.ask('operator@0', command)
    await expect(client.request(put)).rejects.toBeInstanceOf(SessionExpired)
    await client.request(put)
    expect(uidsOf(server!.requests)).toHaveLength(2)
  })
})
