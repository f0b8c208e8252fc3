/** Real servers, in this process, where what they hold is bounded and where they are reached in another way. */
import { networkInterfaces } from 'node:os'
import { afterEach, expect, test } from 'vitest'
import { defaultLimits } from '../../machines/limits.ts'
import { type Client, connect } from '../../src/client/index.ts'
import { type NodeOptions, type RunningNode, startNode } from '../../src/node/node.ts'
import { Datagrams } from '../support/datagrams.ts'
import { freePorts } from '../support/free-ports.ts'

const running: RunningNode[] = []
const clients: Client[] = []

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()))
  await Promise.all(running.splice(0).map((node) => node.stop()))
})

/** Servers that store in memory, at ports of `host`; returns their addresses. */
async function start(servers: number, host: string, options: Partial<NodeOptions> = {}): Promise<string[]> {
  const port = await freePorts(servers)
  const members = Array.from({ length: servers }, (_, id) => ({ id, address: `${host}:${port + id}` }))
  const started = members.map(({ id, address }) =>
    startNode({ id, listen: address, dataDir: null, bootstrap: { members }, ...options }),
  )
  running.push(...(await Promise.all(started)))
  return members.map(({ address }) => address)
}

function client(servers: readonly string[]): Client {
  const connected = connect({ servers: [...servers] })
  clients.push(connected)
  return connected
}

test('a server that holds as much as it may says that it is busy, and its clients come back', async () => {
  const servers = await start(1, '127.0.0.1', { limits: { ...defaultLimits, queueRequests: 3 } })
  const { cluster } = running[0]!
  const datagrams = await Datagrams.open()
  const uid = await datagrams.openSession(servers[0]!, cluster, 'one-too-many')
  const held = await client(servers).locks.acquire('a')
  let holders = 0
  const takers = Array.from({ length: 12 }, async () => {
    const lock = await client(servers).locks.acquire('a')
    holders += 1
    expect(holders).toBe(1)
    holders -= 1
    await lock.release()
  })
  await expect.poll(() => running[0]?.status()).toMatchObject({ queue: { length: 3, delayed: 3 } })
  const command = { kind: 'service', body: { action: 'lock', name: 'a' } }
  const request = { type: 'request', uid, ackedBelow: 0, requests: [{ seq: 1, command }] }
  const asked = { v: 4, c: cluster, s: null, m: [request] }
  expect(JSON.parse(await datagrams.ask(servers[0]!, JSON.stringify(asked)))).toMatchObject({
    m: [{ type: 'busy', uid, seqs: [1], reason: 'busy' }],
  })
  await datagrams.close()
  await held.release()
  await Promise.all(takers)
})

test('what commands take in memory fills the queue, not what they take on the wire', async () => {
  const limits = { ...defaultLimits, queueBytes: 1_000_000 }
  const servers = await start(1, '127.0.0.1', { limits })
  const held = await client(servers).locks.acquire('a')
  const datagrams = await Datagrams.open()
  const junk = Array.from({ length: 9_000 }, () => ({}))
  const command = { kind: 'service', body: { action: 'lock', name: 'a', junk } }
  const answers: string[] = []
  const { cluster } = running[0]!
  for (const name of ['one', 'two', 'three']) {
    const uid = await datagrams.openSession(servers[0]!, cluster, name)
    const m = [{ type: 'request', uid, ackedBelow: 0, requests: [{ seq: 1, command }] }]
    const envelope = JSON.stringify({ v: 4, c: cluster, s: null, m })
    answers.push(JSON.parse(await datagrams.ask(servers[0]!, envelope)).m[0].type)
  }
  expect(answers).toEqual(['queued', 'queued', 'busy'])
  await datagrams.close()
  await held.release()
})

test('a request in JSON that asks in the name of a client of plain text is dropped and counted', async () => {
  const [server] = await start(1, '127.0.0.1')
  const datagrams = await Datagrams.open()
  const command = { kind: 'service', body: { action: 'lock', name: 'a' } }
  const forged = {
    type: 'request',
    uid: `udp:127.0.0.1:${datagrams.port}`,
    ackedBelow: 2 ** 52,
    requests: [{ seq: 2 ** 52, command }],
  }
  await datagrams.send(server!, JSON.stringify({ v: 4, c: running[0]!.cluster, s: null, m: [forged] }))
  expect(await datagrams.ask(server!, "REQUEST:-1:-1:(1,'LOCK','a')")).toContain('RESPOND')
  expect(await datagrams.ask(server!, "REQUEST:-1:-1:(2,'UNLOCK','a')")).toContain('RESPOND')
  expect(running[0]!.status()).toMatchObject({
    datagrams: { dropped: { contradiction: 1 } },
    usage: { members: { used: 1, allowed: 31 }, sessions: { used: 1, allowed: 250_000 } },
  })
  await datagrams.close()
})

const hasIpv6 = Object.values(networkInterfaces())
  .flat()
  .some((network) => network?.address === '::1')

// The machine must have the address ::1.
test.skipIf(!hasIpv6)('servers and clients speak over IPv6', async () => {
  const servers = await start(3, '[::1]')
  const asking = client(servers)
  const lock = await asking.locks.acquire('a')
  await lock.release()
  expect((await asking.locks.acquire('a')).token).toBeGreaterThan(lock.token)
})
