/** The calls of `client.locks`, at a replica of the lock service. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Aborted, type Client, connect, type Lock, type LockOptions } from '../../src/client/index.ts'
import { lockService } from '../../src/services/lock.ts'
import type { Service } from '../../src/services/service.ts'
import { eventually as eventuallyWithin } from './eventually.ts'
import { FakeServer } from './fake-server.ts'
import { ReplicaServer } from './replica-server.ts'

const ttlMs = 3_000

const open: (() => Promise<void>)[] = []

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance', 'Date'] })
})

afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
  vi.useRealTimers()
})

function connectTo(server: FakeServer, timing = {}): Client {
  const client = connect({ servers: [server.address], ttlMs, timing: { cancelTimeoutMs: 100, ...timing } })
  open.push(() => client.close())
  return client
}

async function start(): Promise<{ client: Client; cluster: ReplicaServer; server: FakeServer }> {
  const server = await FakeServer.start()
  open.push(() => server.stop())
  const cluster = new ReplicaServer(server, lockService as Service)
  return { client: connectTo(server, { closeTimeoutMs: 200 }), cluster, server }
}

const eventually = (check: () => void) => eventuallyWithin(check, 300)

const held = (cluster: ReplicaServer, name: string) => {
  const { locks } = Object(cluster.operate({ action: 'query', name }))
  return { held: locks[0]?.held ?? 0, waiting: locks[0]?.waiting ?? 0 }
}
const nobody = { held: 0, waiting: 0 }
const byOperator = (name: string) => ({ action: 'lock', name })
const bodiesOf = (server: FakeServer) =>
  server.commands.flatMap((command) => (command.kind === 'service' ? [command.body] : []))

describe('request', () => {
  it('calls back with the lock, resolves to the result, and has the lock released then', async () => {
    const { client, cluster } = await start()
    const result = await client.locks.request('a', (lock) => {
      expect(lock).toMatchObject({ name: 'a', names: ['a'], token: 1, mode: 'exclusive' })
      expect(held(cluster, 'a')).toEqual({ held: 1, waiting: 0 })
      return Promise.resolve('done')
    })
    expect(result).toBe('done')
    expect(held(cluster, 'a')).toEqual(nobody)
  })

  it.each<[string, () => Promise<never>]>([
    [
      'throws',
      () => {
        throw new Error('mine')
      },
    ],
    ['rejects', () => Promise.reject(new Error('mine'))],
  ])('rejects with the error of a callback that %s, and has the lock released', async (_, callback) => {
    const { client, cluster } = await start()
    await expect(client.locks.request('a', { mode: 'shared' }, callback)).rejects.toThrow('mine')
    expect(held(cluster, 'a')).toEqual(nobody)
  })

  it('calls back with null when the lock is not free and it must not wait', async () => {
    const { client, cluster } = await start()
    cluster.operate(byOperator('a'))
    expect(await client.locks.request('a', { ifAvailable: true }, (lock) => lock)).toBeNull()
    const token = await client.locks.request('b', { ifAvailable: true }, (lock) => lock?.token)
    expect(token).toBe(2)
  })

  it('resolves to the result also when the lock cannot be released', async () => {
    const { client } = await start()
    const result = await client.locks.request('a', async () => {
      await client.close()
      return 'done'
    })
    expect(result).toBe('done')
  })
})

describe('acquire', () => {
  it('takes several locks with one token, and a semaphore with as many holders as permits', async () => {
    const { client, cluster } = await start()
    const both = await client.locks.acquire(['a', 'b'])
    expect(both).toMatchObject({ name: 'a', names: ['a', 'b'], token: 1 })
    expect([held(cluster, 'a').held, held(cluster, 'b').held]).toEqual([1, 1])
    expect(await both.release()).toBe(true)
    expect([held(cluster, 'a'), held(cluster, 'b')]).toEqual([nobody, nobody])
    cluster.operate({ action: 'lock', name: 'pool', permits: 2 })
    await client.locks.acquire('pool', { permits: 2 })
    expect(held(cluster, 'pool').held).toBe(2)
  })

  it('waits until the lock is free', async () => {
    const { client, cluster } = await start()
    cluster.operate(byOperator('a'))
    const lock = client.locks.acquire('a')
    await eventually(() => expect(held(cluster, 'a').waiting).toBe(1))
    cluster.operate({ action: 'unlock', name: 'a' })
    expect((await lock).token).toBe(2)
  })

  it('rejects with LockBusy and the holders when it must not wait', async () => {
    const { client, cluster } = await start()
    cluster.operate(byOperator('a'))
    await expect(client.locks.acquire('a', { ifAvailable: true })).rejects.toMatchObject({
      name: 'LockBusy',
      names: ['a'],
      holders: [{ name: 'a', session: '0', token: 1, mode: 'exclusive', ttlMs: null }],
      more: 0,
    })
  })

  it('rejects with LockTimeout after the wait, and does not wait any more', async () => {
    const { client, cluster } = await start()
    cluster.operate(byOperator('a'))
    const refused = expect(client.locks.acquire('a', { wait: 50 })).rejects.toMatchObject({
      name: 'LockTimeout',
      names: ['a'],
      waitedMs: 40,
    })
    await eventually(() => expect(held(cluster, 'a').waiting).toBe(1))
    vi.advanceTimersByTime(40)
    await refused
    expect(held(cluster, 'a')).toEqual({ held: 1, waiting: 0 })
  })

  it('rejects with Unreachable after the wait when no server answers, and names them', async () => {
    const { client, server } = await start()
    server.welcome = null
    await expect(client.locks.acquire('a', { wait: 50 })).rejects.toMatchObject({
      name: 'Unreachable',
      answered: [],
      silent: [server.address],
    })
  })

  it('rejects with Unreachable when servers answer and no quorum does', async () => {
    const { client, cluster, server } = await start()
    cluster.beSilent()
    await expect(client.locks.acquire('a', { wait: 50 })).rejects.toMatchObject({
      name: 'Unreachable',
      answered: [server.address],
      silent: [],
    })
  })

  it('rejects with the reason of a signal that aborts while it waits, and does not wait any more', async () => {
    const { client, cluster } = await start()
    cluster.operate(byOperator('a'))
    const [giving, reason] = [new AbortController(), new Error('enough')]
    const refused = expect(client.locks.acquire('a', { signal: giving.signal, wait: 60_000 })).rejects.toBe(
      reason,
    )
    await eventually(() => expect(held(cluster, 'a').waiting).toBe(1))
    giving.abort(reason)
    await refused
    expect(held(cluster, 'a')).toEqual({ held: 1, waiting: 0 })
  })

  it('rejects with Aborted when nobody confirms that an aborted request holds nothing', async () => {
    const { client, cluster } = await start()
    await client.locks.query()
    cluster.beSilent()
    const refused = client.locks.acquire('a', { signal: AbortSignal.timeout(20) })
    await expect(refused).rejects.toThrow(Aborted)
  })

  it('rejects with AlreadyHeld what this client holds or waits for, unless it enters again', async () => {
    const { client, cluster } = await start()
    cluster.operate(byOperator('b'))
    const lock = await client.locks.acquire('a', { mode: 'shared' })
    await expect(client.locks.acquire('a')).rejects.toMatchObject({
      name: 'AlreadyHeld',
      lock: 'a',
      token: 2,
    })
    const waiting = client.locks.acquire('b').catch((error: Error) => error.name)
    await eventually(() => expect(held(cluster, 'b').waiting).toBe(1))
    await expect(client.locks.acquire('b')).rejects.toMatchObject({ lock: 'b', token: null })
    const again = await client.locks.acquire('a', { mode: 'shared', reentrant: true })
    expect(again.token).toBe(lock.token)
    expect(await lock.release()).toBe(true)
    expect(held(cluster, 'a').held).toBe(1)
    expect(await again.release()).toBe(true)
    expect(held(cluster, 'a')).toEqual(nobody)
    await client.close()
    expect(await waiting).toBe('ClientClosed')
  })

  it('rejects with DeadlockDetected and the cycle what would wait for itself', async () => {
    const { client, cluster } = await start()
    await client.locks.acquire('a')
    const rival = cluster.open('rival', 60_000)
    cluster.ask(rival, { kind: 'service', body: { action: 'lock', name: 'b' } })
    expect(cluster.ask(rival, { kind: 'service', body: { action: 'lock', name: 'a' } })).toBe('waits')
    await expect(client.locks.acquire('b')).rejects.toMatchObject({
      name: 'DeadlockDetected',
      cycle: [{ name: 'b' }, { name: 'a' }],
      more: 0,
    })
  })

  it('rejects with PermitsDiffer and the permits in use', async () => {
    const { client, cluster } = await start()
    cluster.operate({ action: 'lock', name: 'a', permits: 3 })
    await expect(client.locks.acquire('a', { permits: 2 })).rejects.toMatchObject({
      name: 'PermitsDiffer',
      lock: 'a',
      permits: 3,
    })
  })

  it('carries another ttl in another session, which is another client to the lock service', async () => {
    const { client, cluster, server } = await start()
    await client.locks.acquire('a')
    const waiting = client.locks.acquire('a', { ttl: 2 * ttlMs, wait: 60_000 }).catch(() => undefined)
    await eventually(() => expect(held(cluster, 'a')).toEqual({ held: 1, waiting: 1 }))
    await client.locks.acquire('b', { ttl: 2 * ttlMs })
    expect(server.openings.map(({ command }) => command)).toEqual([
      { kind: 'open', ttlMs },
      { kind: 'open', ttlMs: 2 * ttlMs },
    ])
    await client.close()
    await waiting
  })
})

describe('steal', () => {
  const losesWith = (lock: Lock, reason: string) =>
    expect(lock.signal.reason).toMatchObject({
      name: 'LockLost',
      reason,
      token: lock.token,
      names: lock.names,
    })

  it('by the same client aborts the signal of the earlier lock at once', async () => {
    const { client, cluster } = await start()
    const lock = await client.locks.acquire('a')
    const stealing = client.locks.acquire('a', { steal: true })
    losesWith(lock, 'stolen')
    expect((await stealing).token).toBeGreaterThan(lock.token)
    expect(await lock.release()).toBe(false)
    expect(held(cluster, 'a').held).toBe(1)
  })

  it('that is aborted before it is sent loses nothing', async () => {
    const { client } = await start()
    const lock = await client.locks.acquire('a')
    const signal = AbortSignal.abort(new Error('enough'))
    await expect(client.locks.acquire('a', { steal: true, signal })).rejects.toThrow('enough')
    expect(lock.signal.aborted).toBe(false)
    expect(await lock.release()).toBe(true)
  })

  it('that fails frees the earlier lock of the same client, which holds it no longer', async () => {
    const { client, cluster } = await start()
    const other = await client.locks.acquire('b')
    const lock = await client.locks.acquire('a')
    cluster.beSilent()
    const signal = AbortSignal.timeout(50)
    await expect(client.locks.acquire('a', { steal: true, signal })).rejects.toBeInstanceOf(Aborted)
    losesWith(lock, 'stolen')
    expect(held(cluster, 'a').held).toBe(1)
    cluster.answer()
    await eventually(() => expect(held(cluster, 'a')).toEqual(nobody))
    expect(other.signal.aborted).toBe(false)
  })

  it('from another session is granted when the ttl of that has run', async () => {
    const { client, cluster } = await start()
    const rival = cluster.open('rival', ttlMs)
    cluster.ask(rival, { kind: 'service', body: byOperator('a') })
    const stealing = client.locks.acquire('a', { steal: true, ttl: 60_000 })
    await eventually(() => expect(held(cluster, 'a').waiting).toBe(1))
    cluster.ask(rival, { kind: 'touch' })
    cluster.pass(ttlMs)
    cluster.keepTime()
    expect((await stealing).token).toBe(2)
  })

  it('by another session aborts the signal when a touch is refused', async () => {
    const { client, cluster } = await start()
    const lock = await client.locks.acquire('a')
    cluster.ask(cluster.open('rival', 60_000), {
      kind: 'service',
      body: { action: 'lock', name: 'a', steal: true },
    })
    cluster.pass(ttlMs / 3 + 1)
    await eventually(() => losesWith(lock, 'revoked'))
    expect(held(cluster, 'a'), 'nobody else has it yet').toEqual({ held: 1, waiting: 1 })
  })
})

describe('a lock', () => {
  it('is lost before an answer in another session arrives, when its lease is over by then', async () => {
    const { client, cluster } = await start()
    const other = { ttl: 20 * ttlMs }
    const [lock, renewed] = [await client.locks.acquire('a'), await client.locks.acquire('b', other)]
    const order: string[] = []
    lock.signal.addEventListener('abort', () => order.push('lost'))
    cluster.pass(0.8 * ttlMs)
    await client.locks.acquire('c', other).then(() => order.push('answer'))
    cluster.pass(0.2 * ttlMs)
    await client.locks.acquire('d', other).then(() => order.push('answer'))
    expect(order).toEqual(['answer', 'lost', 'answer'])
    expect(renewed.signal.aborted).toBe(false)
  })

  it('is released once, also when several callers release it', async () => {
    const { client, server } = await start()
    const lock = await client.locks.acquire('a')
    expect(await Promise.all([lock.release(), lock.release()])).toEqual([true, true])
    expect(await lock.release()).toBe(false)
    expect(bodiesOf(server)).toEqual([
      { action: 'lock', name: 'a' },
      { action: 'unlock', name: 'a', token: lock.token },
    ])
    expect(lock.signal.aborted).toBe(false)
  })

  it('is released at the end of its block by await using', async () => {
    const { client, cluster } = await start()
    {
      await using lock = await client.locks.acquire('a')
      expect(held(cluster, lock.name).held).toBe(1)
    }
    expect(held(cluster, 'a')).toEqual(nobody)
  })

  it('can be released again when its release was given up', async () => {
    const { client, cluster } = await start()
    const lock = await client.locks.acquire('a')
    cluster.beSilent()
    await expect(lock.release({ signal: AbortSignal.timeout(20) })).rejects.toThrow(Aborted)
    cluster.answer()
    expect(lock.signal.aborted).toBe(false)
    await lock.release()
    expect(held(cluster, 'a')).toEqual(nobody)
  })

  it('whose lease is lost while no server answers its release is released no more', async () => {
    const { client, cluster } = await start()
    const lock = await client.locks.acquire('a')
    cluster.beSilent()
    const releasing = lock.release()
    cluster.pass(ttlMs)
    expect(await releasing).toBe(false)
    expect(lock.signal.reason).toMatchObject({ name: 'LockLost', reason: 'unproved' })
  })
})

describe('close', () => {
  it('frees what is held and what waits, after it has aborted the signals', async () => {
    const { client, cluster } = await start()
    cluster.operate(byOperator('b'))
    const lock = await client.locks.acquire('a')
    const waiting = client.locks.acquire('b').catch((error: Error) => error.name)
    await eventually(() => expect(held(cluster, 'b').waiting).toBe(1))
    const closing = client.close()
    expect(lock.signal.reason).toMatchObject({ name: 'ClientClosed' })
    expect(await waiting).toBe('ClientClosed')
    expect(held(cluster, 'a').held, 'not yet').toBe(1)
    await closing
    expect([held(cluster, 'a'), held(cluster, 'b')]).toEqual([nobody, { held: 1, waiting: 0 }])
    expect(await lock.release()).toBe(false)
  })

  it('ends within its limit when no server answers', async () => {
    const { client, cluster } = await start()
    await client.locks.acquire('a')
    cluster.beSilent()
    const began = process.hrtime.bigint()
    await client.close()
    const tookMs = Number(process.hrtime.bigint() - began) / 1e6
    expect(tookMs).toBeGreaterThan(150)
    expect(tookMs).toBeLessThan(1_000)
  })

  it('sends nothing for a client that holds nothing', async () => {
    const { client, server } = await start()
    await (await client.locks.acquire('a')).release()
    await client.close()
    expect(server.commands.filter(({ kind }) => kind === 'end')).toEqual([])
  })

  it('leaves a detached lock, which its token frees', async () => {
    const { client, cluster, server } = await start()
    await client.locks.acquire('b')
    const token = await client.locks.acquireDetached('a', { ttl: 60_000 })
    await client.close()
    expect([held(cluster, 'a').held, held(cluster, 'b').held]).toEqual([1, 0])
    cluster.pass(59_000)
    cluster.keepTime()
    expect(held(cluster, 'a').held).toBe(1)
    const other = connectTo(server)
    expect(await other.locks.release('a', token)).toBe(true)
    expect(await other.locks.release('a', token)).toBe(false)
  })

  it('leaves a detached lock for its whole ttl from the grant on, and not longer', async () => {
    const { client, cluster, server } = await start()
    cluster.operate(byOperator('a'))
    const token = client.locks.acquireDetached('a', { ttl: 60_000 })
    await eventually(() => expect(held(cluster, 'a').waiting).toBe(1))
    cluster.pass(19_000)
    cluster.operate({ action: 'unlock', name: 'a' })
    expect(await token).toBe(2)
    expect(server.commands.filter(({ kind }) => kind === 'touch')).toHaveLength(1)
    cluster.pass(59_000)
    cluster.keepTime()
    expect(held(cluster, 'a').held).toBe(1)
    cluster.pass(1_000)
    cluster.keepTime()
    expect(held(cluster, 'a')).toEqual(nobody)
  })
})

describe('query and force', () => {
  it('list the locks, in pages', async () => {
    const { client, cluster } = await start()
    for (const name of ['a1', 'a2', 'b1']) cluster.operate(byOperator(name))
    const names = async (options: Parameters<Client['locks']['query']>[0]) => {
      const { locks, more } = await client.locks.query(options)
      return { names: locks.map(({ name }) => name), more }
    }
    expect(await names({})).toEqual({ names: ['a1', 'a2', 'b1'], more: false })
    expect(await names({ prefix: 'a', limit: 1 })).toEqual({ names: ['a1'], more: true })
    expect(await names({ prefix: 'a', after: 'a1' })).toEqual({ names: ['a2'], more: false })
    expect(await names({ name: 'none' })).toEqual({ names: [], more: false })
  })

  it('take a lock from its holder: with now at once, and otherwise when its ttl has run', async () => {
    const { client, cluster } = await start()
    const rival = cluster.open('rival', ttlMs)
    cluster.ask(rival, { kind: 'service', body: { action: 'lock', names: ['a', 'b'] } })
    const forced = await client.locks.force('a')
    expect(forced).toMatchObject({ freed: false, more: 0, holders: [{ token: 1, ttlMs }] })
    expect(held(cluster, 'a').held).toBe(1)
    expect((await client.locks.force('a', { now: true })).freed).toBe(true)
    expect(held(cluster, 'a')).toEqual(nobody)
    expect(await client.locks.force('a')).toEqual({ freed: false, holders: [], more: 0 })
  })
})

describe('an argument that is none', () => {
  it.each<[string, unknown, string]>([
    ['no such option', { timeout: 5 }, 'no option timeout'],
    ['a mode', { mode: 'read' }, `received "read"`],
    ['permits', { permits: 0 }, 'from 1 to 1000; received 0'],
    ['a wait', { wait: -1 }, 'the option wait'],
    ['a ttl', { ttl: 999 }, 'the option ttl must be a whole number of milliseconds from 1000'],
    ['a flag', { steal: 'yes' }, 'received "yes"'],
    ['a signal', { signal: {} }, 'AbortSignal'],
    ['steal beside ifAvailable', { steal: true, ifAvailable: true }, 'does not go with ifAvailable'],
    ['permits beside shared', { permits: 2, mode: 'shared' }, "does not go with the mode 'shared'"],
    ['nothing', null, 'must be an object; received null'],
  ])('sends nothing: %s', async (_, options, why) => {
    const { client, server } = await start()
    const acquiring = client.locks.acquire('a', options as LockOptions)
    await expect(acquiring).rejects.toMatchObject({
      name: 'InvalidArgument',
      message: expect.stringContaining(why),
    })
    expect(server.heard).toEqual([])
  })

  it('sends nothing: no callback', async () => {
    const { client, server } = await start()
    const request = client.locks.request('a', { mode: 'shared' }, undefined as never)
    await expect(request).rejects.toThrow('needs a callback; received nothing')
    expect(server.heard).toEqual([])
  })

  it.each<[string, unknown]>([
    ['no name', []],
    ['a name twice', ['a', 'a']],
    ['an empty name', ['a', '']],
    ['too many names', Array.from({ length: 17 }, (_, place) => `${place}`)],
  ])('sends nothing: %s', async (_, names) => {
    const { client, server } = await start()
    await expect(client.locks.acquire(names as string[])).rejects.toMatchObject({ name: 'InvalidArgument' })
    expect(server.heard).toEqual([])
  })
})
