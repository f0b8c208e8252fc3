/** Keys that live with the session of a client that is a process, at a server alone. */
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { type Client, connect, kvService, type RunningNode, startNode } from '../../src/index.ts'
import { BuiltPaxos } from '../support/built-paxos.ts'
import { bundled } from '../support/bundled.ts'
import { freePorts } from '../support/free-ports.ts'

const ttlMs = 1_500
/** Within this time after the ttl the key of a client that vanished is gone. */
const leewayMs = 2_000

const program = bundled(fileURLToPath(new URL('../support/key-client.ts', import.meta.url)))

let node: RunningNode
let client: Client
let child: BuiltPaxos | null = null

beforeAll(async () => {
  const address = `127.0.0.1:${await freePorts(1)}`
  const bootstrap = { members: [{ id: 0, address }] }
  node = await startNode({ id: 0, listen: address, dataDir: null, service: kvService, bootstrap })
  client = connect({ servers: [node.address] })
})

afterEach(async () => {
  child?.signal('SIGKILL')
  await child?.ended
})

afterAll(async () => {
  await client.close()
  await node.stop()
})

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

async function putting(key: string): Promise<BuiltPaxos> {
  child = new BuiltPaxos([node.address, key, `${ttlMs}`], { program: [program] })
  await child.said(/^put$/m)
  return child
}

test('a key outlives the ttl while its client runs, and is gone in time when that is killed', async () => {
  const holder = await putting('k')
  await sleep(3 * ttlMs)
  expect(await client.kv.get('k')).toMatchObject({ value: 'here' })
  const watched = client.kv.watch({ key: 'k' })
  const killedAtMs = performance.now()
  holder.signal('SIGKILL')
  expect((await watched).changes).toMatchObject([{ key: 'k', deleted: true }])
  const tookMs = performance.now() - killedAtMs
  expect(tookMs).toBeLessThan(ttlMs + leewayMs)
  expect((await holder.ended).stdout).toBe('put\n')
})

test('a suspended client learns in its first turn that its key is lost', async () => {
  const holder = await putting('stopped')
  const watched = client.kv.watch({ key: 'stopped' })
  holder.signal('SIGSTOP')
  expect((await watched).changes).toMatchObject([{ deleted: true }])
  holder.signal('SIGCONT')
  await holder.said(/^lost$/m, 10_000)
})

test('close deletes the keys of the client at once', async () => {
  const other = connect({ servers: [node.address] })
  await other.kv.put('brief', 1, { session: true })
  await other.kv.put('stays', 1)
  await other.close()
  expect((await client.kv.list()).entries).toMatchObject([{ key: 'stays' }])
})
