/** A server that is killed while it receives a snapshot: its next process asks for the rest. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { NodeId } from '../../machines/batch.ts'
import { chunkBytes } from '../../machines/fetching.ts'
import { receiveBackup } from '../../src/client/backup-source.ts'
import { Datagrams } from '../support/datagrams.ts'
import { LiveCluster } from '../support/live-cluster.ts'

let cluster: LiveCluster
let looker: Datagrams

beforeEach(async () => {
  cluster = await LiveCluster.start(3, { args: ['--service', 'kv'] })
  looker = await Datagrams.open()
})

afterEach(async () => {
  await looker.close()
  await cluster.close()
})

interface Snapshot {
  readonly held: { readonly instance: number; readonly bytes: number } | null
  readonly fetched: { readonly bytes: number; readonly receivedBytes: number } | null
}

interface Status {
  readonly snapshot: Snapshot
}

/** As it is now. */
const snapshot = (id: NodeId) => eventually(id, () => true)

async function eventually(id: NodeId, isSo: (now: Snapshot) => boolean): Promise<Snapshot> {
  const isReached = (status: Status) => isSo(status.snapshot)
  return (await looker.inquireUntil(cluster.listening(id), isReached)).snapshot
}

/** Has server 0 take a snapshot of its present state, as a backup does. */
async function takeSnapshot(): Promise<void> {
  const { firstUnchosen } = await looker.inquire(cluster.listening(0))
  const nothing = async () => undefined
  await receiveBackup([cluster.listening(0)], Number(firstUnchosen), { begin: nothing, write: nothing })
}

const mebibyte = 1_048_576

test('a snapshot goes on after kill -9 where it was last kept', async () => {
  const client = cluster.connect(0)
  await client.kv.put('first', 1)
  await takeSnapshot()
  await cluster.crash(2)
  for (let key = 0; key < 130; key += 1) await client.kv.put(`key-${key}`, 'v'.repeat(31_000))
  // The second snapshot lets server 0 delete the batches below the first one, which server 2 needs.
  await takeSnapshot()
  expect((await snapshot(0)).held?.bytes).toBeGreaterThan(3.5 * mebibyte)

  // Server 1 has all batches, and is not asked for them.
  cluster.network(1).isLost = (datagram) => datagram.includes('"type":"learn"')
  // The chunks from this byte on are lost. Of the others the offsets are noted.
  let lostFrom = 2.25 * mebibyte
  const offsets = new Set<number>()
  cluster.network(2).isLost = (datagram) => {
    const offset = /"type":"chunk".*?"offsetBytes":(\d+)/.exec(datagram.toString('latin1'))?.[1]
    if (offset === undefined) return false
    offsets.add(Number(offset))
    return Number(offset) >= lostFrom
  }
  await cluster.restart(2)
  await client.kv.put('news', 1)
  const { fetched } = await eventually(2, (now) => (now.fetched?.receivedBytes ?? 0) >= lostFrom)
  expect(fetched?.receivedBytes).toBeLessThan(fetched?.bytes ?? 0)
  expect(readdirSync(join(cluster.dataDir(2), 'log')).join()).toContain('.receiving')
  await cluster.crash(2)

  offsets.clear()
  lostFrom = Number.POSITIVE_INFINITY
  await cluster.restart(2, { args: ['--log-level', 'info'] })
  await client.kv.put('news', 2)
  const { held } = await eventually(2, (now) => now.held !== null)
  await cluster.process(2).said(/goes on receiving a snapshot/)
  const line = await cluster.process(2).said(/^.*installed the snapshot of another server.*$/m)
  expect(JSON.parse(line[0])).toMatchObject({
    ...{ level: 30, server: 2, from: 0, instance: held?.instance, lengthBytes: held?.bytes },
  })
  expect(Math.min(...offsets)).toBeGreaterThanOrEqual(2 * mebibyte)
  expect(Math.max(...offsets)).toBeGreaterThan((held?.bytes ?? 0) - 2 * chunkBytes)
  expect(await cluster.connect(2).kv.get('key-129')).toMatchObject({ value: 'v'.repeat(31_000) })
  await cluster.stop(2)
  await cluster.restart(2)
  expect(existsSync(join(cluster.dataDir(2), 'log', '00000001.receiving'))).toBe(false)
}, 120_000)
