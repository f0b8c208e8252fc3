/** A later version of a service reaches running servers one after the other, and comes into force on all of them at one request, under load. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Position } from '../../machines/outcome.ts'
import { comparePositions } from '../../machines/outcome.ts'
import { type Client, connect, UpgradeRefused } from '../../src/client/index.ts'
import { type RunningNode, startNode } from '../../src/node/node.ts'
import { defineService } from '../../src/services/define-service.ts'
import type { Service } from '../../src/services/service.ts'
import { Datagrams } from '../support/datagrams.ts'
import { freePorts } from '../support/free-ports.ts'

let dataDir: string
const running = new Map<number, RunningNode>()
let client: Client | null = null

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'paxos-upgrade-'))
})

afterEach(async () => {
  await client?.close()
  client = null
  await Promise.all([...running.values()].map((node) => node.stop()))
  running.clear()
  rmSync(dataDir, { recursive: true, force: true })
})

/** The program of version 1 counts by one. That of version 2 also counts by ten, from version 2 on, and then keeps the step in its state. */
function counter(version: 1 | 2): Service {
  interface State {
    readonly count: number
    readonly step?: number
  }
  return defineService<
    State,
    { readonly action: string },
    { readonly count: number; readonly version: number }
  >({
    ...{ name: 'counter', version },
    initial: () => ({ count: 0 }),
    parse: (json) => json as { readonly action: string },
    execute(state, _, at) {
      const next = { ...state, count: state.count + (state.step ?? 1) }
      return { kind: 'executed', state: next, result: { count: next.count, version: at.version } }
    },
    read: ({ count }, _, at) => ({ count, version: at.version }),
    ...(version === 2 && { upgraded: (state: State) => ({ state: { ...state, step: 10 } }) }),
    snapshot: (state) => [{ ...state }],
    restore: (rows) => [...rows][0] as unknown as State,
  }) as unknown as Service
}

test('a rolling upgrade under load', async () => {
  const port = await freePorts(3)
  const ids = [0, 1, 2]
  const members = ids.map((id) => ({ id, address: `127.0.0.1:${port + id}` }))
  const halts: string[] = []
  const start = async (id: number, version: 1 | 2) => {
    const node = await startNode({
      ...{ id, listen: `127.0.0.1:${port + id}`, dataDir: join(dataDir, String(id)), bootstrap: { members } },
      ...{ service: counter(version), snapshotEvery: 200 },
    })
    running.set(id, node)
    void node.ended.then((reason) => (reason === null ? null : halts.push(reason)))
  }
  const stop = async (id: number) => {
    await running.get(id)?.stop()
    running.delete(id)
  }
  await Promise.all(ids.map((id) => start(id, 1)))
  const servers = members.map(({ address }) => address)
  const asking = connect({ servers })
  client = asking
  const results: (Position & { readonly count: number; readonly version: number })[] = []
  let isLoaded = true
  const load = Array.from({ length: 8 }, async () => {
    while (isLoaded) {
      const { instance, index, result } = await asking.request({ action: 'add' })
      results.push({ instance, index, ...(result as { readonly count: number; readonly version: number }) })
    }
  })
  const more = (count: number) => {
    const enough = results.length + count
    return expect.poll(() => results.length, { timeout: 30_000 }).toBeGreaterThan(enough)
  }

  await more(200)
  for (const id of [0, 1]) {
    await stop(id)
    await more(50)
    await start(id, 2)
  }
  const refused = await asking.upgrade({ version: 2 }).catch((error: unknown) => error)
  expect(refused).toBeInstanceOf(UpgradeRefused)
  expect((refused as UpgradeRefused).reasons).toEqual(['server 2 has version 1, not 2'])
  expect(await asking.upgrade(), 'the latest that all have').toEqual({ version: 1, before: 1 })
  await stop(2)
  await expect(asking.upgrade({ version: 2 })).rejects.toThrow(
    `server 2 does not answer at 127.0.0.1:${port + 2}: start it, or remove it if it is lost (paxos members remove 2)`,
  )
  await start(2, 2)
  await more(50)
  expect(results.every(({ version }) => version === 1)).toBe(true)
  expect(await asking.upgrade()).toEqual({ version: 2, before: 1 })
  await more(400)
  isLoaded = false
  await Promise.all(load)

  const inOrder = [...results].sort(comparePositions)
  const last = inOrder.filter(({ version }) => version === 1).length
  expect(inOrder.map(({ version }) => version)).toEqual([
    ...Array.from({ length: last }, () => 1),
    ...Array.from({ length: inOrder.length - last }, () => 2),
  ])
  expect(inOrder.map(({ count }) => count)).toEqual([
    ...Array.from({ length: last }, (_, place) => place + 1),
    ...Array.from({ length: inOrder.length - last }, (_, place) => last + 10 * (place + 1)),
  ])
  expect(halts, 'no server differs').toEqual([])
  for (const id of ids) {
    expect(running.get(id)?.status()).toMatchObject({
      ...{ state: 'running', dispute: null, roles: { auditor: 'agreeing' } },
      service: { name: 'counter', oldest: 1, newest: 2, inForce: 2 },
    })
  }

  await stop(1)
  await expect(start(1, 1)).rejects.toThrow(
    'the cluster runs version 2 of the service counter, and this program has version 1: start the server with a program that has version 2',
  )
  await start(1, 2)
  await expect
    .poll(async () => (await asking.read({ action: 'read' })).result)
    .toEqual({ count: inOrder.at(-1)?.count, version: 2 })
}, 90_000)

test('a server that reported a version and then runs an older program halts at the upgrade, and the others go on', async () => {
  const port = await freePorts(3)
  const members = [0, 1, 2].map((id) => ({ id, address: `127.0.0.1:${port + id}` }))
  const start = (id: number, version: 1 | 2) =>
    startNode({
      ...{ id, listen: `127.0.0.1:${port + id}`, dataDir: join(dataDir, String(id)), bootstrap: { members } },
      service: counter(version),
    })
  const [first, second, old] = await Promise.all([start(0, 2), start(1, 2), start(2, 1)])
  if (first === undefined || second === undefined || old === undefined) throw new Error('none started')
  running.set(0, first).set(1, second)
  const datagrams = await Datagrams.open()
  const server = `127.0.0.1:${port}`
  const uid = await datagrams.openSession(server, first.cluster, 'upgrading')
  const command = { kind: 'upgrade', version: 2, supportedBy: [0, 1, 2] }
  const request = { type: 'request', uid, ackedBelow: 0, requests: [{ seq: 1, command }] }
  const answer = await datagrams.ask(
    server,
    JSON.stringify({ v: 4, c: first.cluster, s: null, m: [request] }),
  )
  expect(JSON.parse(answer)).toMatchObject({
    m: [{ answers: [{ outcome: { kind: 'executed', result: { version: 2, before: 1 } } }] }],
  })
  await datagrams.close()
  const asking = connect({ servers: members.map(({ address }) => address) })
  client = asking
  expect(await asking.request({ action: 'add' })).toMatchObject({ result: { count: 10, version: 2 } })
  expect(await old.ended).toBe(
    'the cluster runs version 2 of the service counter, and this program has version 1: start the server with a program that has version 2',
  )
  await expect(start(2, 1)).rejects.toThrow('and this program has version 1')
  running.set(2, await start(2, 2))
  expect(await asking.request({ action: 'add' })).toMatchObject({ result: { count: 20, version: 2 } })
}, 60_000)
