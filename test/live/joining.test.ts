/** A server that joins: who is told what, strangers that interfere, and a server that lets it join and is gone. */
import { createSocket, type RemoteInfo } from 'node:dgram'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Client, connect } from '../../src/client/index.ts'
import { formatAddress, parseAddress } from '../../src/network/address.ts'
import { DataDirectory } from '../../src/node/home.ts'
import { type NodeOptions, type RunningNode, startNode } from '../../src/node/node.ts'
import { programWords } from '../../src/node/option-words.ts'
import { lockService } from '../../src/services/lock.ts'
import type { Service } from '../../src/services/service.ts'
import type { Identity } from '../../src/storage/storage.ts'
import { Datagrams } from '../support/datagrams.ts'
import { freePorts } from '../support/free-ports.ts'
import { wireText } from '../support/wire-text.ts'

/**
 * It answers as the server at `address` does, and knows of a batch more that was chosen. Beyond the two questions of a server that
 * joins it is silent.
 */
async function lastToKnow(address: string) {
  const [front, back] = [createSocket('udp4'), createSocket('udp4')]
  const { host, port } = parseAddress(address)
  let asker: RemoteInfo | null = null
  front.on('message', (datagram, source) => {
    if (!/"type":"(hello|join)"/.test(String(datagram))) return
    asker = source
    back.send(datagram, port, host)
  })
  back.on('message', (datagram) => {
    const said = String(datagram).replace(
      /("type":"welcome".*?"instance":)(\d+)/,
      (_, before, instance) => `${before}${Number(instance) + 1}`,
    )
    if (asker !== null) front.send(said, asker.port, asker.address)
  })
  front.bind(0, '127.0.0.1')
  await once(front, 'listening')
  const close = () => {
    front.close()
    back.close()
  }
  return { address: formatAddress(front.address()), close }
}

test('it asks to be admitted, though what that one alone knew to be chosen is never shown', async () => {
  const ports = await freePorts(2)
  const [first = '', second = ''] = [ports, ports + 1].map((port) => `127.0.0.1:${port}`)
  const service = lockService as Service
  const founder = await startNode({
    id: 0,
    dataDir: null,
    listen: first,
    service,
    bootstrap: { members: [{ id: 0, address: first }] },
  })
  const gone = await lastToKnow(first)
  const client = connect({ servers: [first] })
  try {
    await client.locks.acquire('x')
    const joining = await startNode({ id: 1, dataDir: null, listen: second, service, join: gone.address })
    try {
      const { members } = joining.status() as { members: readonly object[] }
      expect(members).toMatchObject([{ id: 0 }, { id: 1 }])
    } finally {
      await joining.stop()
    }
  } finally {
    await client.close()
    gone.close()
    await founder.stop()
  }
})

describe('to a cluster of one', () => {
  let directory: string
  let ports: number
  let nodes: RunningNode[]
  let founder: RunningNode
  let client: Client
  let identity: Identity

  const at = (id: number) => `127.0.0.1:${ports + id}`
  const dataOf = (id: number) => join(directory, String(id))

  async function start(id: number, more: Partial<NodeOptions>): Promise<RunningNode> {
    const node = await startNode({ id, listen: at(id), dataDir: dataOf(id), ...more })
    nodes.push(node)
    return node
  }

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'paxos-joining-'))
    ports = await freePorts(3)
    nodes = []
    founder = await start(0, { bootstrap: { members: [{ id: 0, address: at(0) }] } })
    client = connect({ servers: [at(0)] })
    identity = identityIn(await readFile(join(dataOf(0), 'identity.json'), 'utf8'))
  })

  afterEach(async () => {
    await client.close()
    await Promise.all(nodes.map((node) => node.stop()))
    await rm(directory, { recursive: true, force: true })
  })

  /** What somebody hears that asks to join. */
  async function heardBy(sender: number | null, incarnation: string): Promise<string> {
    const stranger = await Datagrams.open()
    const question = { v: 4, c: founder.cluster, s: sender, i: incarnation, r: null, m: [{ type: 'join' }] }
    await stranger.send(at(0), JSON.stringify(question).padEnd(1_400))
    await new Promise((next) => setTimeout(next, 200))
    await stranger.close()
    return stranger.heard.join()
  }

  test('no stranger is told an incarnation', async () => {
    const agreed = await Datagrams.open()
    await client.changeMembers({ action: 'add', id: 1, address: at(1) })
    await client.changeMembers({
      action: 'add',
      id: 2,
      address: `127.0.0.1:${agreed.port}`,
      incarnation: 'disk',
    })
    for (const [sender, incarnation] of [
      [null, 'zz'],
      [9, 'zz'],
      [1, 'zz'],
      [2, 'zz'],
      [2, 'disk'],
    ] as const) {
      const before = agreed.heard.length
      expect(await heardBy(sender, incarnation), `${sender}`).not.toContain(identity.incarnation)
      const isInvited = agreed.heard.slice(before).join().includes(identity.incarnation)
      expect(isInvited, `${sender} has ${incarnation}`).toBe(incarnation === 'disk')
    }
    await agreed.close()
  })

  test('it is added before it is told anything, and shows among the members', async () => {
    await client.changeMembers({ action: 'add', id: 1, address: at(1) })
    await start(1, { join: at(0) })
    expect(founder.status()).toMatchObject({ members: [{ counted: true }, { id: 1, counted: true }] })
    await expect(start(1, { listen: at(2), dataDir: dataOf(2), join: at(0) })).rejects.toThrow(
      `join ${at(0)}: server 1 is counted already, at ${at(1)}, with another directory`,
    )
    await client.changeMembers({ action: 'add', id: 2, address: 'elsewhere:1' })
    await expect(start(2, { join: at(0) })).rejects.toThrow(
      `join ${at(0)}: server 2 was added at elsewhere:1, not at ${at(2)}`,
    )
  })

  test('one that was stopped before it was counted goes on with its directory', async () => {
    const joined = { ...identity, node: 1, incarnation: 'disk' }
    DataDirectory.open(dataOf(1), () => undefined, programWords).write({ kind: 'new', identity: joined })
    const node = await start(1, { join: at(0) })
    expect(node.status()).toMatchObject({ counted: true })
  })

  test('one that has a directory of another cluster does not join', async () => {
    const other = { ...identity, node: 1, incarnation: 'disk', cluster: 'other' }
    DataDirectory.open(dataOf(1), () => undefined, programWords).write({ kind: 'new', identity: other })
    await expect(start(1, { join: at(0) })).rejects.toThrow(
      `leads to the cluster ${founder.cluster}, and server 1 has a directory of the cluster other`,
    )
  })

  test('a history that a stranger forges in the name of the server to learn from is not taken', async () => {
    for (let count = 0; count < 50; count += 1) await client.locks.acquire(`real-${count}`)
    const command = { kind: 'service', body: { action: 'lock', name: 'forged' } }
    const group = { uid: 'evil', ackedBelow: 0, heldBy: 0, requests: [{ seq: 0, command }] }
    const batches = [{ node: 0, elapsedMs: 0, groups: [group] }]
    const chosen = { type: 'chosen', from: 0, batches, firstUnchosen: 1, unsettled: false }
    const forged = wireText({ v: 4, c: founder.cluster, s: 0, i: 'wrong', r: null, m: [chosen] })
    const stranger = await Datagrams.open()
    const flood = setInterval(() => {
      for (let count = 0; count < 5; count += 1) void stranger.send(at(1), forged).catch(() => undefined)
    }, 1)
    try {
      const node = await start(1, { join: at(0) })
      const { firstUnchosen } = node.status() as { readonly firstUnchosen: number }
      expect(firstUnchosen).toBeGreaterThan(50)
      const asking = connect({ servers: [at(1)] })
      const late = AbortSignal.timeout(1_000)
      await expect(asking.locks.acquire('real-0', { signal: late })).rejects.toThrow()
      await asking.locks.acquire('forged')
      await asking.close()
    } finally {
      clearInterval(flood)
      await stranger.close()
    }
  })
})

/** What `identity.json` in a data directory holds. */
function identityIn(text: string): Identity {
  return JSON.parse(text).identity
}
