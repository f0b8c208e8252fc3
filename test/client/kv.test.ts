/** Keys that live with the session of a client, at a replica of the key-value store. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Client, connect } from '../../src/client/index.ts'
import { kvService } from '../../src/services/kv/kv.ts'
import type { Service } from '../../src/services/service.ts'
import { answersArrived, eventually as eventuallyWithin } from './eventually.ts'
import { FakeServer } from './fake-server.ts'
import { ReplicaServer } from './replica-server.ts'

const ttlMs = 1_000

const open: (() => Promise<void>)[] = []
let client: Client
let cluster: ReplicaServer
let server: FakeServer

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['performance', 'Date'] })
  server = await FakeServer.start()
  open.push(() => server.stop())
  server.welcome = { ...server.welcome!, service: 'kv' }
  cluster = new ReplicaServer(server, kvService as Service)
  client = connect({
    servers: [server.address],
    ttlMs,
    timing: { cancelTimeoutMs: 100, closeTimeoutMs: 200 },
  })
  open.push(() => client.close())
})

afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
  vi.useRealTimers()
})

const eventually = (check: () => void) => eventuallyWithin(check, 300)
const withSession = { session: true }
const entry = (key: string) => Object(cluster.operate({ action: 'get', key })).entry
/** The requests of a kind that the server has heard, each once: a client may send one again. */
const sent = (kind: string) =>
  new Set(
    server.requests.filter(({ command }) => command.kind === kind).map(({ uid, seq }) => `${uid} ${seq}`),
  ).size

/** Whether the client kept its session alive: only then must it end the session when it is closed. */
async function wasHeld(): Promise<boolean> {
  await client.close()
  return sent('end') > 0
}

describe('a key that lives with the session', () => {
  it('outlives the ttl, and is gone when the client is closed', async () => {
    await client.kv.put('k', 1, withSession)
    for (let touches = 1; touches <= 4; touches += 1) {
      cluster.pass(ttlMs / 2)
      await eventually(() => expect(sent('touch')).toBeGreaterThanOrEqual(touches))
      await answersArrived()
    }
    cluster.keepTime()
    expect(entry('k')).toMatchObject({ value: 1 })
    await client.close()
    expect(entry('k')).toBeNull()
  })

  it.each<[string, () => Promise<unknown>]>([
    ['deletes it', () => client.kv.delete('k')],
    ['takes it', () => client.kv.take('k')],
    ['puts it without a session', () => client.kv.put('k', 2)],
    ['sets it without a session', async () => client.kv.compareAndSet('k', entry('k').version, 2)],
    [
      'finds that it is gone',
      () => {
        cluster.operate({ action: 'delete', key: 'k' })
        return client.kv.delete('k')
      },
    ],
  ])('holds the session until the client %s, however often it was put', async (_, end) => {
    await Promise.all([client.kv.put('k', 1, withSession), client.kv.put('k', 2, withSession)])
    await client.kv.compareAndSet('k', entry('k').version, 3, withSession)
    await end()
    expect(await wasHeld()).toBe(false)
  })

  it.each<[string, () => Promise<unknown>]>([
    ['a put that is refused', () => client.kv.put('k', null, withSession).catch(() => null)],
    ['a set that finds another version', () => client.kv.compareAndSet('k', 99, 2)],
    [
      'a set with the session that finds another version',
      () => client.kv.compareAndSet('k', 99, 2, withSession),
    ],
    ['a delete that finds another version', () => client.kv.delete('k', { version: 99 })],
    [
      'the end of another such key',
      async () => {
        await client.kv.put('other', 1, withSession)
        await client.kv.delete('other')
      },
    ],
  ])('holds the session in spite of %s', async (_, fail) => {
    await client.kv.put('k', 1, withSession)
    await fail()
    expect(client.kv.signalOf('k').aborted).toBe(false)
    expect(entry('k')).toMatchObject({ value: 1 })
    expect(await wasHeld()).toBe(true)
    expect(entry('k')).toBeNull()
  })

  it.each<[string, () => Promise<unknown>]>([
    ['is refused', () => client.kv.put('k'.repeat(300), 1, withSession)],
    ['finds another version', () => client.kv.compareAndSet('k', 99, 1, withSession)],
  ])('holds nothing when its put %s', async (_, put) => {
    await put().catch(() => null)
    expect(() => client.kv.signalOf('k')).toThrow('put it with session: true first')
    expect(await wasHeld()).toBe(false)
  })
})

describe('the signal of a key', () => {
  it('aborts with KeyLost when no server answers any more, before the cluster deletes the key', async () => {
    await client.kv.put('k', 1, withSession)
    const signal = client.kv.signalOf('k')
    await client.kv.put('k', 2, withSession)
    cluster.beSilent()
    cluster.pass(ttlMs * 0.95)
    await eventually(() => expect(signal.aborted).toBe(true))
    expect(signal.reason).toMatchObject({ name: 'KeyLost', key: 'k', reason: 'unproved' })
    cluster.keepTime()
    expect(entry('k')).toMatchObject({ value: 2 })
    cluster.answer()
    await client.kv.put('k', 3, withSession)
    expect(client.kv.signalOf('k').aborted).toBe(false)
  })

  it('aborts with ClientClosed when the client is closed', async () => {
    await client.kv.put('k', 1, withSession)
    const signal = client.kv.signalOf('k')
    await client.close()
    expect(signal.reason).toMatchObject({ name: 'ClientClosed' })
  })

  it('is refused for a key that does not live with the session', async () => {
    await client.kv.put('k', 1, withSession)
    await client.kv.put('k', 1)
    expect(() => client.kv.signalOf('k')).toThrow('this client has no key "k" that lives with its session')
  })
})
