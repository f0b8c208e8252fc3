import { once } from 'node:events'
import { type AddressInfo, isIPv6 } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { WebSocketServer } from 'ws'
import { Connection } from '../../../src/inspect/report/connection.ts'
import { Resolver } from '../../../src/network/resolver.ts'
import { until } from '../../support/datagrams.ts'
import { linkLocalAddress } from '../../support/link-local.ts'

let closing: (() => Promise<void>)[] = []

afterEach(async () => {
  const all = closing
  closing = []
  await Promise.all(all.map((close) => close()))
})

/** The port of somebody who listens at `host`. */
async function listenAt(host: string): Promise<number> {
  const server = new WebSocketServer({ host, port: 0 })
  await once(server, 'listening')
  closing.push(() => new Promise((closed) => server.close(() => closed())))
  return (server.address() as AddressInfo).port
}

/** Waits until a connection to `url` is there. */
async function connectsTo(url: string, resolver?: Resolver): Promise<void> {
  const nothing = () => undefined
  const connection = new Connection(url, { opened: nothing, lost: nothing, received: nothing }, resolver)
  closing.push(() => connection.close())
  connection.start()
  await until(
    () => connection.isOpen,
    10_000,
    () => `${url} is not connected`,
  )
}

describe('a connection', () => {
  it.each(['127.0.0.1', '::1'])('finds %s', async (host) => {
    const port = await listenAt(host)
    await connectsTo(`ws://${isIPv6(host) ? `[${host}]` : host}:${port}/servers`)
  })

  it.skipIf(linkLocalAddress() === null)('finds an address of a link, through its interface', async () => {
    const address = linkLocalAddress() ?? ''
    await connectsTo(`ws://[${address}]:${await listenAt(address)}/servers`)
  })

  it('finds a name, which is looked up once however often it is tried', async () => {
    const port = await listenAt('127.0.0.1')
    let lookUps = 0
    const resolver = new Resolver(async () => {
      lookUps += 1
      return ['127.0.0.1']
    })
    await connectsTo(`ws://hub:${port}/servers`, resolver)
    await connectsTo(`ws://hub:${port}/servers`, resolver)
    expect(lookUps).toBe(1)
  })

  it('is tried again while its name is not found', async () => {
    const port = await listenAt('127.0.0.1')
    let lookUps = 0
    const resolver = new Resolver(async () => {
      lookUps += 1
      return lookUps < 3 ? [] : ['127.0.0.1']
    })
    await connectsTo(`ws://hub:${port}/servers`, resolver)
    expect(lookUps).toBe(3)
  })
})
