import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { afterEach, describe, expect, it } from 'vitest'
import type { Address, NodeId } from '../../machines/batch.ts'
import { formatAddress } from '../../src/network/address.ts'
import { Resolver } from '../../src/network/resolver.ts'
import { bindSocket } from '../../src/network/socket.ts'
import type { Receiver } from '../../src/node/receiver.ts'
import { Transport } from '../../src/node/transport.ts'
import { until } from '../support/datagrams.ts'
import { linkLocalAddress } from '../support/link-local.ts'

const patienceMs = 10_000
const hello = JSON.stringify({ v: 4, c: '', s: null, m: [{ type: 'hello', nonce: 'n' }] })
const learn = JSON.stringify({ v: 4, c: 'tested', s: 1, i: 'j', m: [{ type: 'learn', from: 0 }] })

let closing: (() => void)[] = []

afterEach(() => {
  for (const close of closing) close()
  closing = []
})

interface Started {
  readonly transport: Transport
  readonly socket: Socket
  readonly port: number
  /** Who asked, in order. */
  readonly asked: Address[]
  readonly lines: { readonly since: Readonly<Record<string, number>>; readonly latest: string }[]
}

/** The transport of a server that answers each question with a busy, and has its members where `addressOf` says. */
async function start(
  listen: Address,
  {
    resolver,
    addressOf = () => undefined,
    heard = () => undefined,
  }: {
    readonly resolver?: Resolver
    readonly addressOf?: (id: NodeId) => Address | undefined
    readonly heard?: () => void
  } = {},
): Promise<Started> {
  const socket = await bindSocket(listen, resolver)
  const asked: Address[] = []
  const lines: Started['lines'][number][] = []
  const receiver: Receiver = {
    hear: heard,
    request: () => undefined,
    ask: (_, from) => {
      asked.push(from)
      transport.send(from, { type: 'busy', uid: 'u', seqs: [0], reason: 'busy' })
    },
    join: () => undefined,
    invited: () => undefined,
    found: () => undefined,
    founder: () => undefined,
    silent: () => undefined,
    leaving: () => 0,
    addressOf,
  }
  const transport = new Transport(socket, 'tested', 0, receiver, {
    resolver,
    logTroubles: (since, latest) => lines.push({ since, latest }),
  })
  closing.push(() => transport.close())
  return { transport, socket, port: socket.address().port, asked, lines }
}

/** Somebody at `host` who sends and collects what comes back. */
async function somebody(host: string) {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
  socket.bind(0, host)
  await once(socket, 'listening')
  closing.push(() => socket.close())
  const heard: string[] = []
  socket.on('message', (datagram) => heard.push(datagram.toString()))
  return { socket, heard, address: formatAddress({ address: host, port: socket.address().port }) }
}

async function isAnswered(host: string, target: string, { port, asked }: Started): Promise<void> {
  const { socket, heard, address } = await somebody(host)
  socket.send(hello, port, target)
  await until(
    () => heard.length > 0,
    patienceMs,
    () => `${target} did not answer ${host}`,
  )
  expect(heard[0]).toContain('"busy"')
  expect(asked.at(-1)).toBe(address)
}

describe('a server that listens on all addresses', () => {
  it('of IPv6 answers an IPv4 address, which it knows by its IPv4 spelling', async () => {
    const server = await start('[::]:0')
    await isAnswered('127.0.0.1', '127.0.0.1', server)
    await isAnswered('::1', '::1', server)
    expect(server.transport.counters).toMatchObject({ received: 2, sent: 2, failed: {} })
  })

  it.skipIf(linkLocalAddress() === null)('of IPv6 answers an address of its link', async () => {
    const address = linkLocalAddress() ?? ''
    await isAnswered(address, address, await start('[::]:0'))
  })

  it('of IPv4 answers from the address that was asked', async () => {
    const server = await start('0.0.0.0:0')
    await isAnswered('127.0.0.1', '127.0.0.2', server)
  })
})

describe('a datagram that goes wrong is lost, counted and logged, and nothing else happens', () => {
  it('when its source is no address, or none that can be answered', async () => {
    const server = await start('127.0.0.1:0')
    const datagram = Buffer.from(hello)
    const source = { family: 'IPv4' as const, size: datagram.length }
    for (const [address, port] of [
      ['no address', 5],
      ['fe80::1%', 5],
      ['127.0.0.1', 0],
      ['', 5],
    ] as const) {
      server.socket.emit('message', datagram, { ...source, address, port })
    }
    expect(server.transport.counters).toMatchObject({ received: 4, failed: { 'receive RangeError': 4 } })
    expect(server.lines).toHaveLength(1)
    await isAnswered('127.0.0.1', '127.0.0.1', server)
  })

  it('when what it brings in throws', async () => {
    const server = await start('127.0.0.1:0', {
      heard: () => {
        throw new TypeError('a mistake')
      },
    })
    const { socket } = await somebody('127.0.0.1')
    socket.send(learn, server.port, '127.0.0.1')
    await isAnswered('127.0.0.1', '127.0.0.1', server)
    expect(server.transport.counters.failed).toEqual({ 'receive TypeError': 1 })
    expect(server.lines).toEqual([{ since: { 'receive TypeError': 1 }, latest: 'a mistake' }])
  })

  it('when it cannot be written, and the others of its turn leave', async () => {
    const server = await start('127.0.0.1:0')
    const { heard, address } = await somebody('127.0.0.1')
    server.transport.send('127.0.0.1:9', { type: 'report', status: 1n as unknown as number })
    server.transport.send(address, { type: 'learn', from: 0 })
    await until(
      () => heard.length > 0,
      patienceMs,
      () => 'nothing left',
    )
    expect(server.transport.counters.failed).toEqual({ 'send TypeError': 1 })
  })

  it('when the socket cannot send there', async () => {
    const server = await start('127.0.0.1:0')
    server.transport.send('[::1]:9', { type: 'learn', from: 0 })
    server.transport.send('255.255.255.255:9', { type: 'learn', from: 0 })
    server.transport.flush()
    await until(
      () => Object.keys(server.transport.counters.failed).length === 2,
      patienceMs,
      () => JSON.stringify(server.transport.counters),
    )
    expect(server.transport.counters).toMatchObject({
      sent: 1,
      failed: { 'send family': 1, 'send EACCES': 1 },
    })
  })

  it('when the system reports an error of the socket', async () => {
    const server = await start('127.0.0.1:0')
    const error = Object.assign(new Error('recvmsg ENETDOWN'), { code: 'ENETDOWN' })
    server.socket.emit('error', error)
    server.socket.emit('error', error)
    expect(server.transport.counters.failed).toEqual({ 'socket ENETDOWN': 2 })
    await isAnswered('127.0.0.1', '127.0.0.1', server)
  })
})

describe('a server whose peers have names', () => {
  it('loses and counts what is for a name that is not found yet, and sends once it is', async () => {
    let found: (ips: readonly string[]) => void = () => undefined
    const resolver = new Resolver(() => new Promise((resolve) => (found = resolve)))
    const server = await start('127.0.0.1:0', { resolver })
    const { heard, address } = await somebody('127.0.0.1')
    const named = address.replace('127.0.0.1', 'peer')
    server.transport.send(named, { type: 'learn', from: 0 })
    server.transport.flush()
    expect(server.transport.counters).toMatchObject({ sent: 0, failed: { 'send unresolved': 1 } })
    expect(server.lines[0]?.latest).toBe(`${named}: the name has no IP address, or is not looked up yet`)
    found(['127.0.0.1'])
    await until(
      () => {
        server.transport.send(named, { type: 'learn', from: 1 })
        return heard.length > 0
      },
      patienceMs,
      () => 'nothing arrived',
    )
    expect(heard[0]).toContain('"learn"')
  })

  it('serves on while a name server is silent, with one look-up under way', async () => {
    let lookUps = 0
    const resolver = new Resolver(() => {
      lookUps += 1
      return new Promise(() => undefined)
    })
    const server = await start('127.0.0.1:0', { resolver })
    for (let name = 0; name < 100; name += 1) {
      server.transport.send(`server-${name}:5`, { type: 'learn', from: 0 })
      server.transport.flush()
    }
    await isAnswered('127.0.0.1', '127.0.0.1', server)
    expect(lookUps).toBe(1)
    expect(server.transport.counters.failed).toEqual({ 'send unresolved': 100 })
  })

  it('of IPv6 finds one that has an IPv4 address', async () => {
    const server = await start('[::]:0', { resolver: new Resolver(async () => ['127.0.0.1']) })
    const { heard, address } = await somebody('127.0.0.1')
    await until(
      () => {
        server.transport.send(address.replace('127.0.0.1', 'peer'), { type: 'learn', from: 0 })
        return heard.length > 0
      },
      patienceMs,
      () => 'nothing arrived',
    )
  })
})

describe('a socket', () => {
  it('is bound to the address that a name has', async () => {
    const socket = await bindSocket('localhost:0')
    closing.push(() => socket.close())
    expect(socket.address().address).toBe('127.0.0.1')
  })

  it('is not bound to a name without an address', async () => {
    await expect(bindSocket('nobody.invalid:5', new Resolver(async () => []))).rejects.toThrow(
      'cannot listen on nobody.invalid:5: the name nobody.invalid has no IP address',
    )
  })

  it('never sends to a name', async () => {
    const socket = await bindSocket('127.0.0.1:0')
    closing.push(() => socket.close())
    const error = await new Promise((resolve) => socket.send('x', 5, 'localhost', resolve))
    expect(String(error)).toContain("'localhost' is not an IP address")
  })
})
