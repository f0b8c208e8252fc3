/** The reads of the library, at a replica of the key-value store that answers as a server does. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Json } from '../../machines/batch.ts'
import type { ReadMessage } from '../../machines/messages.ts'
import { type Client, ClientClosed, connect, ReadFailed, WrongService } from '../../src/client/index.ts'
import { kvService } from '../../src/services/kv/kv.ts'
import type { Service } from '../../src/services/service.ts'
import { FakeServer } from './fake-server.ts'
import { ReplicaServer } from './replica-server.ts'

const open: (() => Promise<void>)[] = []
let client: Client
let cluster: ReplicaServer
let server: FakeServer

beforeEach(async () => {
  server = await FakeServer.start()
  open.push(() => server.stop())
  server.welcome = { ...server.welcome!, service: 'kv' }
  cluster = new ReplicaServer(server, kvService as Service)
  client = connectTo(server)
})

afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

function connectTo(...servers: readonly FakeServer[]): Client {
  const timing = { askIntervalMs: 20, failoverTimeoutMs: 60, backoffMs: 10, closeTimeoutMs: 100 }
  const connected = connect({ servers: servers.map(({ address }) => address), timing })
  open.push(() => connected.close())
  return connected
}

const reads = () => server.messages.filter((message): message is ReadMessage => message.type === 'read')
/** The messages with reads, each once: on a busy machine the client may send one again. */
const distinctReads = () => [
  ...new Map(reads().map((message) => [`${message.uid} ${message.reads[0]?.seq}`, message])).values(),
]
const put = (key: string, value: Json) => cluster.operate({ action: 'put', key, value })

describe('a read', () => {
  it('opens no session and sends no request', async () => {
    put('k', 1)
    expect(await client.kv.get('k')).toMatchObject({ value: 1, version: 1 })
    expect(await client.kv.get('none')).toBeNull()
    expect(await client.kv.list()).toMatchObject({ entries: [{ key: 'k' }], next: null, version: 1 })
    expect(await client.read({ action: 'get', key: 'k' })).toEqual({
      result: { entry: { key: 'k', value: 1, version: 1 } },
      instance: cluster.replica.firstUnexecuted,
    })
    expect(server.openings).toEqual([])
    expect(server.requests).toEqual([])
  })

  it('shares a message with others of the same turn', async () => {
    await client.kv.get('first')
    await Promise.all(['a', 'b', 'c'].map((key) => client.kv.get(key)))
    const asked = distinctReads().map((message) => message.reads.map(({ seq }) => seq).join())
    expect(asked).toEqual(['1', '2,3,4'])
  })

  it('says when it may be stale', async () => {
    await client.kv.get('k')
    await client.kv.get('k', { stale: true })
    await client.kv.list('', { stale: true })
    expect(distinctReads().map(({ stale }) => stale)).toEqual([false, true, true])
    expect(new Set(reads().map(({ uid }) => uid)).size).toBe(2)
  })

  it('is asked again until there is an answer', async () => {
    const { script } = server
    server.script = (part) => (reads().length < 3 ? [] : script(part))
    expect(await client.kv.get('k')).toBeNull()
    expect(reads().length).toBeGreaterThanOrEqual(3)
    expect(new Set(reads().map(({ uid, reads }) => `${uid} ${reads[0]?.seq}`)).size).toBe(1)
  })

  it('goes to the next server when one is silent, or accepts none', async () => {
    const silent = await FakeServer.start(1)
    open.push(() => silent.stop())
    const refusing = await FakeServer.start(2)
    open.push(() => refusing.stop())
    refusing.script = (part) => {
      if (part.type !== 'read') return []
      const seqs = part.reads.map(({ seq }) => seq)
      return [{ type: 'busy', uid: part.uid, seqs, reason: 'notMember' }]
    }
    silent.welcome = { ...server.welcome!, node: 1 }
    expect(await connectTo(silent, refusing, server).kv.get('k')).toBeNull()
    expect(silent.messages.some(({ type }) => type === 'read')).toBe(true)
    expect(refusing.messages.some(({ type }) => type === 'read')).toBe(true)
  })

  it('fails with the reason of the service', async () => {
    const error = await client.read({ action: 'put', key: 'k', value: 1 }).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(ReadFailed)
    expect(error).toMatchObject({ error: 'put is no read: send it as a request', instance: 0 })
    await expect(client.kv.get('')).rejects.toThrow('the service failed the read: key is ""')
  })

  it('is not sent to a cluster that runs another service', async () => {
    await expect(client.locks.query()).rejects.toBeInstanceOf(WrongService)
    expect(reads()).toEqual([])
  })
})

describe('a read without an answer', () => {
  beforeEach(async () => {
    await client.kv.get('k')
    cluster.beSilent()
  })

  it('ends with the signal, and is not asked for any more', async () => {
    const reason = new Error('enough')
    await expect(client.kv.get('k', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    const controller = new AbortController()
    const got = client.kv.get('k', { signal: controller.signal })
    await expect.poll(() => reads().length).toBeGreaterThanOrEqual(2)
    controller.abort(reason)
    await expect(got).rejects.toBe(reason)
    // What was sent before may still arrive.
    await new Promise((resolve) => setTimeout(resolve, 100))
    const asked = reads().length
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(reads().length).toBe(asked)
  })

  it('ends with the client', async () => {
    const got = client.kv.get('k')
    await expect.poll(() => reads().length).toBeGreaterThanOrEqual(2)
    await client.close()
    await expect(got).rejects.toBeInstanceOf(ClientClosed)
    await expect(client.kv.get('k')).rejects.toBeInstanceOf(ClientClosed)
  })
})
