/** Servers that take snapshots: they start from them, delete what is older, and send them to servers that were away or join. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { NodeId } from '../../machines/batch.ts'
import type { Client } from '../../src/client/index.ts'
import { Datagrams } from '../support/datagrams.ts'
import { LiveCluster } from '../support/live-cluster.ts'

let cluster: LiveCluster
let looker: Datagrams
let client: Client

beforeEach(async () => {
  // What the servers did is run again at the end, with the machines of the simulator.
  cluster = await LiveCluster.start(3, { isRecorded: true, args: ['--snapshot-every', '40'] })
  looker = await Datagrams.open()
  client = cluster.connect(0)
})

afterEach(async () => {
  await looker.close()
  await cluster.close()
})

interface Progress {
  readonly firstUnchosen: number
  readonly snapshot: { readonly held: { readonly instance: number } | null }
}

/** Takes and frees a lock so many times, one after another: each is two instances. */
async function work(times: number): Promise<void> {
  for (let turn = 0; turn < times; turn += 1) {
    const lock = await client.locks.acquire('busy')
    await lock.release()
  }
}

const eventually = (id: NodeId, isSo: (now: Progress) => boolean) =>
  looker.inquireUntil(cluster.listening(id), isSo)

const filesOf = (id: NodeId) => readdirSync(join(cluster.dataDir(id), 'log'))

test('a server that was away installs the snapshot of another, and one that starts begins from its own', async () => {
  const held = await client.locks.acquire('kept')
  await cluster.crash(2)
  await work(120)
  const leader = await eventually(0, ({ snapshot }) => (snapshot.held?.instance ?? 0) > 100)
  // The one held and the one before. When a new one was stored, the oldest is deleted a moment later.
  const snapshotFiles = () => filesOf(0).filter((name) => name.endsWith('.snapshot')).length
  await expect.poll(snapshotFiles, { timeout: 10_000 }).toBeLessThanOrEqual(2)
  await cluster.restart(2, { args: ['--log-level', 'info'] })
  await work(5)
  await cluster.process(2).said(/installed the snapshot of another server/)
  // It may be an older one than that of server 0, and then batches follow.
  await eventually(
    2,
    ({ snapshot, firstUnchosen }) => snapshot.held !== null && firstUnchosen >= leader.firstUnchosen,
  )
  // All of them start again from what they hold, and the lock is still held with its token.
  for (const id of [0, 1, 2]) await cluster.stop(id)
  await Promise.all([0, 1, 2].map((id) => cluster.restart(id, { args: ['--log-level', 'info'] })))
  // Each starts from its own, and that is no news.
  for (const id of [0, 1, 2]) expect(cluster.process(id).stderr).not.toContain('installed the snapshot')
  const { locks } = await cluster.connect(2).locks.query({ name: 'kept' })
  expect(locks).toMatchObject([{ name: 'kept', holders: [{ token: held.token }] }])
}, 120_000)

test('a server joins a cluster whose first batches are deleted', async () => {
  await work(120)
  await eventually(0, ({ snapshot }) => (snapshot.held?.instance ?? 0) > 100)
  await cluster.join(3)
  await eventually(3, ({ snapshot, firstUnchosen }) => snapshot.held !== null && firstUnchosen > 100)
  await work(5)
}, 120_000)
