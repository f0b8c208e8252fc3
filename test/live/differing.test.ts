/** Real servers, in this process, whose services behave differently. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, onTestFinished, test } from 'vitest'
import type { NodeId } from '../../machines/batch.ts'
import { type Client, connect, RequestRefused } from '../../src/client/index.ts'
import { type NodeOptions, type RunningNode, startNode } from '../../src/node/node.ts'
import type { Service } from '../../src/services/service.ts'
import { counting } from '../support/differing.ts'
import { freePorts } from '../support/free-ports.ts'

const running: RunningNode[] = []
let client: Client | null = null

afterEach(async () => {
  await client?.close()
  await Promise.all(running.splice(0).map((node) => node.stop()))
})

/** Starts a server for each of `services`, and a client that asks server 0 first. */
async function start(services: readonly Service[]): Promise<Client> {
  const port = await freePorts(services.length)
  const members = services.map((_, id) => ({ id, address: `127.0.0.1:${port + id}` }))
  const started = services.map((service, id) => {
    const listen = members[id]?.address ?? ''
    return startNode({ id, listen, dataDir: null, bootstrap: { members }, service })
  })
  running.push(...(await Promise.all(started)))
  client = connect({ servers: members.map(({ address }) => address) })
  return client
}

const usual = counting(() => 0)

test('a server whose service behaves differently halts with the reason, and the others go on', async () => {
  const asking = await start([usual, counting((request) => (request >= 3 ? 1 : 0)), usual])
  for (let count = 1; count <= 6; count += 1) {
    expect(await asking.request({ count })).toMatchObject({ result: count })
  }
  const reason = await running[1]?.ended
  expect(reason).toMatch(/the outcomes of this server differ from those of a quorum, first at instance \d+: /)
  expect(reason).toContain('{"kind":"service","body":{"count":3}} -> {"kind":"executed","result":4')
  expect(await asking.request({ count: 7 })).toMatchObject({ result: 7 })
  const statuses = await asking.status()
  expect(statuses.map((answer) => 'status' in answer)).toEqual([true, false, true])
})

test('with a service that reads the clock all servers stay up, refuse its requests, and say since which instance', async () => {
  // Each server is in this process and has the same clock, so each adds its number.
  const clocks = [0, 1, 2].map((id) => counting(() => Date.now() * 10 + id))
  const asking = await start(clocks)
  const ended = async (): Promise<unknown> => {
    for (let count = 1; count < 100; count += 1) {
      const error = await asking.request(count).then(
        () => null,
        (error: unknown) => error,
      )
      if (error !== null) return error
    }
    return null
  }
  const error = await ended()
  expect(error).toBeInstanceOf(RequestRefused)
  expect(error).toMatchObject({ reason: 'disputed' })
  await expect
    .poll(async () => {
      const statuses = await asking.status()
      return statuses.map((answer) => {
        const { state, roles, dispute } = ('status' in answer ? answer.status : {}) as unknown as {
          readonly state: string
          readonly roles: { readonly auditor: string }
          readonly dispute: { readonly isFirst: boolean } | null
        }
        return [state, roles?.auditor, dispute?.isFirst]
      })
    })
    .toEqual([0, 1, 2].map(() => ['running', 'disputed', true]))
})

test('after a dispute that snapshots contain, one server goes on alone with its state, and the others join it', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'paxos-dispute-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  const port = await freePorts(3)
  const members = [0, 1, 2].map((id) => ({ id, address: `127.0.0.1:${port + id}` }))
  const founder = `127.0.0.1:${port}`
  async function run(id: NodeId, service: Service, options: Partial<NodeOptions>): Promise<void> {
    const dataDir = join(directory, `${id}`)
    const listen = `127.0.0.1:${port + id}`
    running[id] = await startNode({ id, listen, dataDir, service, snapshotEvery: 2, ...options })
  }
  const clocks = [0, 1, 2].map((id) => counting(() => Date.now() * 10 + id))
  await Promise.all(clocks.map((service, id) => run(id, service, { bootstrap: { members } })))
  const asking = connect({ servers: members.map(({ address }) => address) })
  client = asking
  await expect.poll(() => asking.request(1).catch(({ reason }) => reason)).toBe('disputed')
  // Sessions are opened and closed during a dispute, too: their batches bring a snapshot of it.
  for (let times = 0; times < 4; times += 1) {
    const other = connect({ servers: members.map(({ address }) => address) })
    await expect(other.request(times)).rejects.toMatchObject({ reason: 'disputed' })
    await other.close()
  }
  for (const id of [0, 1, 2]) {
    await running[id]?.stop()
    await run(id, usual, {})
  }
  await expect.poll(() => asking.request(2).catch(({ reason }) => reason)).toBe('disputed')
  for (const id of [1, 2]) {
    await asking.changeMembers({ action: 'remove', id })
    await running[id]?.stop()
    await rm(join(directory, `${id}`), { recursive: true })
  }
  const alone = await asking.request(4)
  for (const id of [1, 2]) await run(id, usual, { join: founder })
  expect(await asking.request(5)).toMatchObject({ result: Number(alone.result) + 1 })
  await running[0]?.stop()
  expect(await asking.request(6)).toMatchObject({ result: Number(alone.result) + 2 })
})
