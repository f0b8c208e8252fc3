/** A cluster of one server in this process that runs several services, and the calls of the library for them. */
import { afterAll, beforeAll, describe, expect, expectTypeOf, test } from 'vitest'
import {
  type Client,
  compose,
  connect,
  defineService,
  type Json,
  type KvCommand,
  kvService,
  lockService,
  type RunningNode,
  type Service,
  startNode,
  WrongService,
} from '../../src/index.ts'
import { freePorts } from '../support/free-ports.ts'

const counter = defineService<number, { readonly add: number }, { readonly sum: number }>({
  name: 'counter',
  initial: () => 0,
  parse: (body) => ({ add: Number((body as { readonly add?: Json }).add) }),
  execute: (state, { add }) => ({ kind: 'executed', state: state + add, result: { sum: state + add } }),
  snapshot: (state) => [state as number],
  restore: ([state]) => Number(state),
})

let node: RunningNode
let single: RunningNode
let client: Client
const clients: { close(): Promise<void> }[] = []

async function start(service: Service): Promise<RunningNode> {
  const address = `127.0.0.1:${await freePorts(1)}`
  const bootstrap = { members: [{ id: 0, address }] }
  return startNode({ id: 0, listen: address, dataDir: null, service, bootstrap })
}

beforeAll(async () => {
  node = await start(compose({ lock: lockService, kv: kvService, counter }))
  single = await start(counter)
  client = connect({ servers: [node.address] })
  clients.push(client)
})

afterAll(async () => {
  await Promise.all(clients.map((each) => each.close()))
  await Promise.all([node.stop(), single.stop()])
})

describe('several services in one cluster', () => {
  test('the calls for locks and for the key-value store reach their services', async () => {
    const lock = await client.locks.acquire('x')
    expect(await client.kv.put('x', 1)).toBe(1)
    expect(await client.kv.get('x')).toEqual({ key: 'x', value: 1, version: 1 })
    expect(await lock.release()).toBe(true)
  })

  test('a request of the program is sent as it is', async () => {
    const { result } = await client.request({ service: 'counter', command: { add: 2 } })
    expect(result).toEqual({ sum: 2 })
    await expect(client.request({ service: 'other', command: 1 })).rejects.toThrow(
      'there is no service "other"; there are counter, kv, lock',
    )
  })

  test('a client of one service has its types, and reaches it alone or among others', async () => {
    for (const server of [node, single]) {
      const typed = connect({ servers: [server.address], service: counter })
      clients.push(typed)
      const { result } = await typed.request({ add: 3 })
      expect(result.sum).toBeGreaterThanOrEqual(3)
      expectTypeOf(result).toEqualTypeOf<{ readonly sum: number }>()
      expectTypeOf<Parameters<typeof typed.request>[0]>().toEqualTypeOf<{ readonly add: number }>()
    }
    const ofKv = connect({ servers: [node.address], service: kvService })
    clients.push(ofKv)
    expectTypeOf<Parameters<typeof ofKv.request>[0]>().toEqualTypeOf<KvCommand>()
    await expect(ofKv.request({ action: 'get', key: 'none' })).resolves.toMatchObject({
      result: { entry: null },
    })
  })

  test('a call for a service that the cluster does not run rejects, and names both', async () => {
    const other = connect({ servers: [single.address] })
    clients.push(other)
    const rejected = { name: 'WrongService', expected: 'lock', running: 'counter' }
    await expect(other.locks.acquire('x')).rejects.toMatchObject(rejected)
    await expect(other.locks.acquire('x')).rejects.toThrow(WrongService)
    await expect(other.locks.release('x')).rejects.toMatchObject(rejected)
    await expect(other.kv.get('x')).rejects.toThrow(
      "the call is for the service 'kv', and the cluster runs 'counter'; connect to a cluster with that service",
    )
    expect(() => connect({ service: 'lock' as never })).toThrow('the option service must be a service')
  })
})

describe('the calls of the key-value store', () => {
  test('put, compareAndSet, delete and list', async () => {
    const { kv } = client
    const version = await kv.put('calls/a', { list: [1] }, { ttlMs: 60_000, session: true })
    expect(await kv.compareAndSet('calls/a', 0, 2)).toMatchObject({ set: false, entry: { version } })
    expect(await kv.compareAndSet('calls/a', version, 2)).toEqual({ set: true, version: version + 1 })
    await kv.put('calls/b', 3)
    const page = await kv.list('calls/', { limit: 1 })
    expect(page).toMatchObject({ entries: [{ key: 'calls/a', value: 2 }], next: 'calls/a' })
    expect(await kv.list('calls/', { after: 'calls/a' })).toMatchObject({
      entries: [{ value: 3 }],
      next: null,
    })
    expect(await kv.delete('calls/b', { version })).toBe(false)
    expect(await kv.delete('calls/b')).toBe(true)
    expect(await kv.delete('calls/b')).toBe(false)
    await expect(kv.put('k'.repeat(257), 1)).rejects.toThrow('it must be a string of 1 to 256 characters')
  })

  test('take and watch wait; an aborted take takes nothing', async () => {
    const { kv } = client
    const ended = new AbortController()
    const first = kv.take('queue', { signal: ended.signal })
    const second = kv.take('queue')
    const watch = kv.watch({ prefix: 'queue' })
    await expect.poll(() => status().waiting).toBe(3)
    ended.abort(new Error('enough'))
    await expect(first).rejects.toThrow('enough')
    await kv.put('queue', 'job')
    expect(await second).toMatchObject({ value: 'job' })
    expect(await watch).toMatchObject({ changes: [{ key: 'queue' }], missed: false })
    await kv.put('brief', 1, { ttlMs: 20 })
    await expect.poll(() => kv.get('brief')).toBeNull()
  })
})

function status(): { readonly waiting: number } {
  const { usage } = node.status() as unknown as {
    readonly usage: { readonly waiting: { readonly used: number } }
  }
  return { waiting: usage.waiting.used }
}
