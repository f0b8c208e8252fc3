/** Where servers are, by addresses and names, and whose answers are taken. */
import { createSocket } from 'node:dgram'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { ServerMessage } from '../../machines/messages.ts'
import { Client } from '../../src/client/client.ts'
import type { ConnectOptions } from '../../src/client/index.ts'
import { settingsFrom } from '../../src/client/options.ts'
import { type LookUp, Resolver } from '../../src/network/resolver.ts'
import { greet } from '../../src/node/greet.ts'
import { commandWords } from '../../src/node/option-words.ts'
import { encodeEnvelope } from '../../src/wire/codec.ts'
import { busy, cluster, echo, executed, FakeServer, type Script } from './fake-server.ts'

/** A tenth of the real waits. */
const hasty = { askIntervalMs: 10, failoverTimeoutMs: 100, reaskIntervalMs: 100, waitTimeoutMs: 300 }

const eventually = <T>(check: () => T) => vi.waitFor(check, { timeout: 20_000, interval: 5 })

const open: (() => Promise<void>)[] = []

afterEach(async () => {
  await Promise.all(open.splice(0).map((close) => close()))
})

async function startServer(id = 0, host?: string, port?: number): Promise<FakeServer> {
  const server = await FakeServer.start(id, host, port)
  server.script = echo
  open.push(() => server.stop())
  return server
}

function clientOf(servers: readonly string[], lookUp?: LookUp, options: ConnectOptions = {}): Client {
  const settings = settingsFrom({ servers, timing: hasty, ...options })
  const client = new Client(
    lookUp === undefined ? settings : { ...settings, resolver: new Resolver(lookUp) },
    undefined,
  )
  open.push(() => client.close())
  return client
}

const at = (host: string, { address }: FakeServer) => address.replace('127.0.0.1', host)

describe('answers', () => {
  it('are taken from another address than was asked', async () => {
    const server = await startServer(0, '0.0.0.0')
    server.script = (message) =>
      message.type === 'inquire' ? [{ type: 'report', status: 'well' }] : echo(message)
    const client = clientOf([at('127.0.0.2', server)])
    expect((await client.request('hello')).result).toBe('hello')
    expect(await client.status()).toEqual([{ server: at('127.0.0.2', server), status: 'well' }])
  })

  it('from another address count as said by the server that was asked', async () => {
    const full = await startServer(0, '0.0.0.0')
    full.script = (message) => (message.type === 'request' ? [busy(message, 'stopping')] : [])
    const other = await startServer(1)
    const timing = { ...hasty, askIntervalMs: 10_000, minAskIntervalMs: 10_000, failoverTimeoutMs: 20_000 }
    const client = clientOf([at('127.0.0.2', full), other.address], undefined, { timing })
    expect((await client.request('room?')).result).toBe('room?')
    expect(full.requests).toHaveLength(1)
  })

  it('of a server that did not say yet who it is are taken too', async () => {
    const stopping: Script = (message) => (message.type === 'request' ? [busy(message, 'stopping')] : [])
    const [first, second, third] = [
      await startServer(0),
      await startServer(1, '0.0.0.0'),
      await startServer(2),
    ]
    first.script = stopping
    second.script = stopping
    second.welcome = null
    const timing = { ...hasty, askIntervalMs: 10_000, minAskIntervalMs: 10_000, failoverTimeoutMs: 20_000 }
    const servers = [first.address, at('127.0.0.2', second), third.address]
    expect((await clientOf(servers, undefined, { timing }).request('room?')).result).toBe('room?')
    expect(second.requests).toHaveLength(1)
  })

  it('of a stranger are not taken, but when they name the request', async () => {
    const server = await startServer()
    const stranger = createSocket('udp4')
    open.push(() => new Promise((closed) => stranger.close(() => closed())))
    const say = (messages: readonly ServerMessage[]) => {
      const { port, address } = server.client ?? { port: 0, address: '' }
      for (const datagram of encodeEnvelope({ cluster, sender: 7, messages }))
        stranger.send(datagram, port, address)
    }
    const { welcome } = server
    server.welcome = null
    server.script = () => []
    const client = clientOf([server.address])
    const asked = client.request('x')
    const status = client.status()
    await eventually(() => expect(server.messages.map(({ type }) => type)).toContain('inquire'))
    const forged = { ...welcome!, node: 7, cluster }
    say([forged, { ...forged, nonce: 'guessed' }, { type: 'report', status: 'forged', nonce: 'guessed' }])
    say([{ type: 'report', status: 'forged' }])
    await delay(50)
    expect(server.requests).toEqual([])
    server.script = (message) => (message.type === 'inquire' ? [{ type: 'report', status: 'well' }] : [])
    expect(await status).toEqual([{ server: server.address, status: 'well' }])
    server.welcome = welcome
    await eventually(() => expect(server.requests.length).toBeGreaterThan(0))
    const { uid, seq } = server.requests[0]!
    say([{ type: 'response', uid: 'guessed@5', answers: [{ seq, outcome: executed('forged') }] }])
    say([{ type: 'response', uid, answers: [{ seq: seq + 1, outcome: executed('forged') }] }])
    await delay(50)
    server.script = echo
    expect((await asked).result).toBe('x')
  })
})

describe('servers', () => {
  it('are the same in every spelling', async () => {
    const server = await startServer()
    const client = clientOf([
      server.address,
      at('[::ffff:7f00:1]', server),
      at('[0::FFFF:127.0.0.1]', server),
    ])
    await client.request(1)
    server.script = (message) => (message.type === 'inquire' ? [{ type: 'report', status: 'well' }] : [])
    expect(await client.status()).toHaveLength(1)
    expect(await client.status(at('[::ffff:127.0.0.1]', server))).toHaveLength(1)
  })

  it('are not so many as a welcome names, if it names thousands', async () => {
    const server = await startServer()
    const [member] = server.welcome!.members
    const members = Array.from({ length: 3_000 }, (_, id) => ({
      ...member!,
      id,
      address: `10.0.0.1:${id + 1}`,
    }))
    server.welcome = { ...server.welcome!, members }
    const timing = { ...hasty, statusTimeoutMs: 10 }
    const client = clientOf([server.address], undefined, { timing })
    await client.request(1)
    expect((await client.status()).length).toBeLessThanOrEqual(129)
  })

  it('that say that they are elsewhere are not asked twice', async () => {
    const server = await startServer(0, '0.0.0.0')
    const client = clientOf([at('127.0.0.2', server)])
    await client.request(1)
    server.script = (message) => (message.type === 'inquire' ? [{ type: 'report', status: 'well' }] : [])
    expect((await client.status()).map(({ server: address }) => address)).toEqual([at('127.0.0.2', server)])
  })
})

describe('names of servers', () => {
  it('are looked up when something is said, and what was said first is not lost', async () => {
    const server = await startServer()
    const lookUps: string[] = []
    const client = clientOf(
      [at('server', server)],
      async (name) => {
        lookUps.push(name)
        await delay(50)
        return ['127.0.0.1']
      },
      { timing: { askIntervalMs: 10_000, minAskIntervalMs: 10_000, failoverTimeoutMs: 20_000 } },
    )
    expect(lookUps).toEqual([])
    expect((await client.request(1)).result).toBe(1)
    expect(lookUps).toEqual(['server'])
  })

  it('that nobody answers for keep no client from the other servers', async () => {
    const server = await startServer()
    let lookUps = 0
    const client = clientOf(['silent:5', 'silent-too:5', server.address], () => {
      lookUps += 1
      return new Promise(() => undefined)
    })
    expect((await client.request(1)).result).toBe(1)
    server.script = (message) => (message.type === 'inquire' ? [{ type: 'report', status: 'well' }] : [])
    expect((await client.status()).map((answer) => 'status' in answer)).toEqual([false, false, true])
    expect(lookUps).toBe(1)
  })

  it('that cannot be found are tried again, and are a silent server', async () => {
    const server = await startServer()
    let isThere = false
    const client = clientOf([at('server', server)], async () => {
      if (!isThere) throw new Error('ENOTFOUND')
      return ['127.0.0.1']
    })
    const asked = client.request('at last')
    await delay(50)
    isThere = true
    expect((await asked).result).toBe('at last')
  })

  it('are looked up again when the server is silent: it came back elsewhere', async () => {
    const server = await FakeServer.start(0, '127.0.0.3')
    server.script = echo
    let ip = '127.0.0.3'
    const client = clientOf([at('server', server)], async () => [ip])
    await client.request(1)
    await server.stop()
    const moved = await startServer(0, '127.0.0.5', Number(server.address.split(':')[1]))
    const asked = client.request('where are you?')
    await delay(100)
    expect(moved.heard).toEqual([])
    ip = '127.0.0.5'
    expect((await asked).result).toBe('where are you?')
  })

  it('with several addresses lead to the one where a server is', async () => {
    const server = await startServer()
    const client = clientOf([at('server', server)], async () => ['::1', '127.0.0.1'])
    expect((await client.request(1)).result).toBe(1)
  })

  it('of a server to join are looked up the same way', async () => {
    const server = await startServer()
    const resolver = new Resolver(async () => ['127.0.0.1'])
    expect(
      (await greet(at('server', server), { patienceMs: 10_000, resolver, words: commandWords })).cluster,
    ).toBe(cluster)
    await expect(
      greet('silent:5', {
        patienceMs: 100,
        resolver: new Resolver(() => new Promise(() => undefined)),
        words: commandWords,
      }),
    ).rejects.toThrow('--join silent:5: no server answered there within 0.1 s')
  })
})
