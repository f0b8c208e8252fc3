/** A server in a process of its own, and the hub that it tells. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import type { Address } from '../../machines/batch.ts'
import { connect } from '../../src/client/index.ts'
import { BuiltPaxos } from '../support/built-paxos.ts'
import { FakeHub } from '../support/fake-hub.ts'
import { freePorts } from '../support/free-ports.ts'

const endings: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end()
})

async function newHub(): Promise<FakeHub> {
  const hub = await FakeHub.start()
  endings.push(() => hub.close())
  return hub
}

async function newDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'paxos-inspect-'))
  endings.push(() => rm(directory, { recursive: true }))
  return directory
}

/** A cluster of one server at `address`, founded or started again, once it serves. */
async function serve(address: Address, ...options: string[]): Promise<BuiltPaxos> {
  const args = ['node', '--id', '0', '--members', `0=${address}`, '--log-level', 'warn', ...options]
  const server = new BuiltPaxos(args)
  endings.push(async () => {
    server.signal('SIGKILL')
    await server.ended
  })
  await server.said(/^server 0 ready on /m)
  return server
}

test('kill -9 closes the connection; the next run is another one, and tells from what it had stored', async () => {
  const hub = await newHub()
  const address = `127.0.0.1:${await freePorts(1)}`
  const stored = ['--data', await newDirectory(), '--inspect', hub.address]
  const killed = await serve(address, ...stored, '--bootstrap')
  const client = connect({ servers: [address] })
  endings.push(() => client.close())
  await client.locks.acquire('a')
  // What was learned is written lazily, and before what is accepted next: then the first instance is stored.
  await client.locks.acquire('b')
  await hub.once(({ told: [first] }) => first?.records.some(({ kind }) => kind === 'service'))
  killed.signal('SIGKILL')
  await killed.ended
  await hub.once(({ told: [first] }) => first?.isOpen === false)
  expect(hub.told[0]?.records.some(({ kind }) => kind === 'ended')).toBe(false)

  const stopped = await serve(address, ...stored)
  const [keyframe, start] = await hub.once(
    ({ told: [, second] }) => (second?.records.length ?? 0) > 1 && second?.records,
  )
  expect(hub.told[1]?.hello.run).not.toBe(hub.told[0]?.hello.run)
  if (keyframe?.kind !== 'keyframe')
    throw new Error(`the first record is a ${keyframe?.kind}, and no keyframe`)
  expect(keyframe.firstUnexecuted).toBeGreaterThanOrEqual(1)
  expect(keyframe.durable.firstUnchosen).toBe(keyframe.firstUnexecuted)
  expect(start).toMatchObject({
    kind: 'step',
    cause: { type: 'start' },
    facts: [{ type: 'started', node: 0 }],
  })
  stopped.signal('SIGTERM')
  expect(await stopped.endedWithin(5_000)).toMatchObject({ code: 0, stderr: '' })
  await hub.once(({ told: [, second] }) => second?.records.at(-1)?.kind === 'ended')
})

test('a hub that is not there, or never reads, keeps no server from stopping at once', async () => {
  const deaf = await FakeHub.start({ reads: false })
  endings.push(() => deaf.close())
  for (const hub of ['127.0.0.1:9', deaf.address]) {
    const server = await serve(`127.0.0.1:${await freePorts(1)}`, '--memory', '--bootstrap', '--inspect', hub)
    if (hub === deaf.address) await deaf.once(({ connections }) => connections > 0)
    server.signal('SIGTERM')
    expect(await server.endedWithin(3_000)).toMatchObject({ code: 0, stderr: '' })
  }
})
