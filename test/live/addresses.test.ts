/** Servers at all kinds of addresses, in this process; names are looked up by the test. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import type { Address } from '../../machines/batch.ts'
import { Client } from '../../src/client/client.ts'
import { settingsFrom } from '../../src/client/options.ts'
import { Resolver } from '../../src/network/resolver.ts'
import { type NodeOptions, type RunningNode, startNode } from '../../src/node/node.ts'
import { Datagrams } from '../support/datagrams.ts'
import { freePorts } from '../support/free-ports.ts'
import { linkLocalAddress } from '../support/link-local.ts'

let closing: (() => Promise<unknown>)[] = []

afterEach(async () => {
  const all = closing.reverse()
  closing = []
  for (const close of all) await close()
})

async function start(options: NodeOptions): Promise<RunningNode> {
  const node = await startNode(options)
  closing.push(() => node.stop())
  return node
}

/** A new cluster; each server is given the members as `membersAt` spells them for it. */
async function found(
  listen: readonly Address[],
  membersAt: (id: number) => readonly Address[],
  options: Partial<NodeOptions> & { readonly parent?: string } = {},
): Promise<RunningNode[]> {
  const { parent, ...rest } = options
  return Promise.all(
    listen.map((address, id) => {
      const members = membersAt(id).map((member, other) => ({ id: other, address: member }))
      const dataDir = parent === undefined ? null : join(parent, String(id))
      const advertise = members[id]?.address ?? ''
      return start({ id, listen: address, advertise, dataDir, bootstrap: { members }, ...rest })
    }),
  )
}

function clientOf(servers: readonly Address[], resolver?: Resolver): Client {
  const settings = settingsFrom({ servers })
  const client = new Client(resolver === undefined ? settings : { ...settings, resolver }, undefined)
  closing.push(() => client.close())
  return client
}

async function ports(count: number): Promise<number[]> {
  const first = await freePorts(count)
  return Array.from({ length: count }, (_, place) => first + place)
}

test('servers of one cluster may each be given its addresses in another spelling', async () => {
  const all = await ports(3)
  const spellings = ['[::1]', '[0:0:0:0:0:0:0:1]', '[0000::0001]']
  const nodes = await found(
    all.map((port) => `[::1]:${port}`),
    (id) => all.map((port) => `${spellings[id]}:${port}`),
  )
  expect(new Set(nodes.map(({ cluster }) => cluster)).size).toBe(1)
  expect(nodes.map(({ address }) => address)).toEqual(all.map((port) => `[::1]:${port}`))
  const client = clientOf([`[::0:1]:${all[0]}`, `[::0.0.0.1]:${all[1]}`])
  const { token } = await client.locks.acquire('a')
  expect(token).toBeDefined()
  expect((await client.status()).map(({ server }) => server)).toEqual(all.map((port) => `[::1]:${port}`))
})

test('servers that listen everywhere are members by IPv4, IPv6 and through a link, and answer all of them', async () => {
  const all = await ports(3)
  const link = linkLocalAddress()
  const members = [`127.0.0.1:${all[0]}`, `[::1]:${all[1]}`, `[${link ?? '::1'}]:${all[2]}`]
  await found(
    all.map((port) => `[::]:${port}`),
    () => members,
  )
  for (const member of members)
    expect((await clientOf([member]).request({ action: 'lock', name: member })).result).toBeDefined()

  const plain = await Datagrams.open()
  closing.push(() => plain.close())
  expect(await plain.ask(`127.0.0.1:${all[2]}`, "REQUEST:-1:-1:(1,'LOCK','plain')")).toContain('RESPOND')
  const { datagrams } = await plain.inquire(`127.0.0.1:${all[2]}`)
  expect(datagrams).toMatchObject({ failed: {} })
})

test('a server on 0.0.0.0 is understood at each of its addresses', async () => {
  const all = await ports(3)
  await found(
    all.map((port) => `0.0.0.0:${port}`),
    () => all.map((port) => `127.0.0.1:${port}`),
  )
  const client = clientOf(all.map((port) => `127.0.0.2:${port}`))
  await client.locks.acquire('a')
  // It answers longer questions too, once it knows that somebody is there.
  const long = 'x'.repeat(200)
  for (let count = 0; count < 20; count += 1) await client.locks.acquire(`${long}${count}`)
  expect((await client.status()).map((answer) => 'status' in answer)).toContain(true)
})

test('a silent name server stalls nothing while a quorum is at known addresses', async () => {
  const parent = await mkdtemp(join(tmpdir(), 'paxos-addresses-'))
  closing.push(() => rm(parent, { recursive: true, force: true }))
  const all = await ports(3)
  let isSilent = false
  let open = 0
  let most = 0
  const resolver = new Resolver(() => {
    open += 1
    most = Math.max(most, open)
    if (isSilent) return new Promise(() => undefined)
    open -= 1
    return Promise.resolve(['127.0.0.1'])
  })
  const members = [`127.0.0.1:${all[0]}`, `127.0.0.1:${all[1]}`, `named:${all[2]}`]
  const nodes = await found(
    all.map((port) => `127.0.0.1:${port}`),
    () => members,
    { parent, resolver },
  )
  const client = clientOf(members, resolver)
  await client.locks.acquire('before')
  await nodes[2]?.stop()
  isSilent = true
  const began = performance.now()
  for (let count = 0; count < 200; count += 1) await client.locks.acquire(`during ${count}`)
  expect(performance.now() - began).toBeLessThan(60_000)
  expect(most).toBe(1)
})

test('a server that comes back elsewhere under its name is found again', async () => {
  const all = await ports(3)
  const ips: Record<string, string> = { zero: '127.0.0.1', one: '127.0.0.1', two: '127.0.0.1' }
  const resolver = new Resolver(async (name) => {
    const ip = ips[name]
    if (ip === undefined) throw new Error(`ENOTFOUND ${name}`)
    return [ip]
  })
  const parent = await mkdtemp(join(tmpdir(), 'paxos-addresses-'))
  closing.push(() => rm(parent, { recursive: true, force: true }))
  const members = ['zero', 'one', 'two'].map((name, id) => `${name}:${all[id]}`)
  const nodes = await found(
    all.map((port) => `127.0.0.1:${port}`),
    () => members,
    { parent, resolver },
  )
  const client = clientOf(members, resolver)
  await client.locks.acquire('before')
  await nodes[2]?.stop()
  ips.two = '127.0.0.7'
  await start({
    id: 2,
    listen: `127.0.0.7:${all[2]}`,
    advertise: `two:${all[2]}`,
    dataDir: join(parent, '2'),
    resolver,
  })
  await nodes[0]?.stop()
  // Servers 1 and 2 are the quorum: each has to find the other.
  await client.locks.acquire('after')
})
