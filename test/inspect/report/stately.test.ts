/** What a WebSocket server that stands in for Stately's inspector is told of a cluster. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test, vi } from 'vitest'
import { WebSocketServer } from 'ws'
import { connect } from '../../../src/client/index.ts'
import { type Logger, silentLogger } from '../../../src/node/logger.ts'
import { startNode } from '../../../src/node/node.ts'
import { freePorts } from '../../support/free-ports.ts'

interface Told {
  readonly type: string
  readonly name?: string
  readonly sessionId: string
  readonly parentId?: string
  readonly definition?: string
  readonly event?: { readonly type: string }
  readonly snapshot?: { readonly value: unknown; readonly context: unknown }
}

/** A machine that has much else to do takes its time. */
const patiently = { timeout: 20_000 }

const endings: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end()
})

async function standIn(port = 0): Promise<{ url: string; told: Told[]; close(): Promise<void> }> {
  const server = new WebSocketServer({ host: '127.0.0.1', port })
  const told: Told[] = []
  server.on('connection', (socket) => socket.on('message', (data) => told.push(JSON.parse(String(data)))))
  await once(server, 'listening')
  const close = async () => {
    for (const socket of server.clients) socket.terminate()
    server.close()
    await once(server, 'close')
  }
  return { url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`, told, close }
}

/** Two servers, and a client of them. */
async function cluster(stately: string) {
  const port = await freePorts(2)
  const members = [0, 1].map((id) => ({ id, address: `127.0.0.1:${port + id}` }))
  const started = members.map(({ id, address }) =>
    startNode({ id, listen: address, dataDir: null, bootstrap: { members }, stately }),
  )
  for (const node of await Promise.all(started)) endings.push(() => node.stop())
  const client = connect({ servers: members.map(({ address }) => address) })
  endings.push(() => client.close())
  return client
}

const roles = ['acceptor', 'auditor', 'learner', 'proposer', 'reader', 'requestQueue', 'timekeeper']

function actorsIn(told: readonly Told[], node: number): Told[] {
  return told.filter(({ type, name }) => type === '@xstate.actor' && name?.endsWith(` of server ${node}`))
}

test('it is told of the actors of each server, with their charts, and of events and states', async () => {
  const inspector = await standIn()
  endings.push(inspector.close)
  const client = await cluster(inspector.url)
  await (await client.locks.acquire('a')).release()
  const stateOf = (name: string) => {
    const actor = inspector.told.find((told) => told.type === '@xstate.actor' && told.name === name)
    return inspector.told.filter(
      (told) => told.type === '@xstate.snapshot' && told.sessionId === actor?.sessionId,
    )
  }
  await expect
    .poll(() => stateOf('proposer of server 0').map(({ snapshot }) => snapshot?.value), patiently)
    .toContain('leading')
  for (const node of [0, 1]) {
    const actors = actorsIn(inspector.told, node)
    expect(actors.map(({ name }) => name).toSorted()).toEqual(
      [`node-${node}`, ...roles, 'storage', 'udp'].map((name) => `${name} of server ${node}`).toSorted(),
    )
    const [root, ...others] = actors.toSorted(
      (a, b) => Number(b.name?.startsWith('node')) - Number(a.name?.startsWith('node')),
    )
    expect(others.map(({ parentId }) => parentId)).toEqual(others.map(() => root?.sessionId))
    const proposer = actors.find(({ name }) => name === `proposer of server ${node}`)
    expect(JSON.parse(proposer?.definition ?? '').states.accepting.states).toHaveProperty(
      'proposing.description',
    )
  }
  const sessions = inspector.told
    .filter(({ type }) => type === '@xstate.actor')
    .map(({ sessionId }) => sessionId)
  expect(new Set(sessions).size).toBe(sessions.length)
  const events = inspector.told.filter(({ type }) => type === '@xstate.event').map(({ event }) => event?.type)
  expect(events).toEqual(
    expect.arrayContaining(['prepare', 'promise', 'accept', 'accepted', 'batch.executed']),
  )
})

test('one that comes late, or comes back, is told of the actors; and one that is not there does no harm', async () => {
  const port = await freePorts(1)
  const client = await cluster(`ws://127.0.0.1:${port}`)
  await client.locks.acquire('a')
  for (const _ of ['late', 'back']) {
    const inspector = await standIn(port)
    await expect
      .poll(() => [0, 1].map((node) => actorsIn(inspector.told, node).length), patiently)
      .toEqual([10, 10])
    await inspector.close()
  }
  await client.locks.acquire('b')
})

test('where nobody listens the server says so, once, and serves', async () => {
  const port = await freePorts(2)
  const warnings: unknown[] = []
  const logger: Logger = { ...silentLogger, child: () => logger, warn: (...line) => warnings.push(line) }
  const listen = `127.0.0.1:${port}`
  const stately = `ws://127.0.0.1:${port + 1}`
  const bootstrap = { members: [{ id: 0, address: listen }] }
  const node = await startNode({ id: 0, listen, dataDir: null, bootstrap, stately, logger })
  endings.push(() => node.stop())
  const ofStately = () => warnings.filter((line) => JSON.stringify(line).includes(stately))
  await vi.waitFor(() => expect(ofStately()).toHaveLength(1), patiently)
  // Long enough for several tries.
  await sleep(1_500)
  expect(ofStately()).toEqual([[{ stately }, expect.stringContaining('does not run at this address')]])
})
