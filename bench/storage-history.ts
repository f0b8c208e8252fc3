/** The cost of a long log: opening it, reading pages of it, and the memory of its index. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Batch, Instance } from '../machines/batch.ts'
import { promised, until } from '../src/core/process.ts'
import { readLog } from '../src/storage/log/read-log.ts'
import { refusalOfRecord } from '../src/storage/log/records.ts'
import { LogStorage } from '../src/storage/log-storage.ts'
import { RealFiles } from '../src/storage/real-files.ts'

const instances = Number(process.env.PAXOS_BENCH_INSTANCES ?? 1_000_000)
const groupSize = 64
const pageBytes = 1_024 * 1_024
const mega = 1_000_000

/** Fills `storage`, which is below `path`, and closes it. Then prints the figures. */
export async function measureHistory(
  path: string,
  storage: LogStorage,
  batchOf: (instance: Instance) => Batch,
): Promise<void> {
  await fill(storage, batchOf)
  const bytesBefore = memoryBytes()
  for (let round = 0; round < 3; round += 1) await measureOpening(path, bytesBefore)
  await measureRawPages(path)
}

/** Each group has as many chosen batches as the last one can have, and the acceptor's write that begins it. */
async function fill(storage: LogStorage, batchOf: (instance: Instance) => Batch): Promise<void> {
  for (let from = 0; from < instances; from += groupSize) {
    const length = Math.min(groupSize, instances - from)
    const chosen = Array.from({ length }, (_, offset) => ({
      instance: from + offset,
      batch: batchOf(from + offset),
    }))
    const written = storage.persist({ by: 'learner', chosen })
    await storage.persist({ by: 'acceptor', promised: { round: from + 1, node: 0 }, accepted: [] })
    await written
  }
  await storage.close()
}

async function measureOpening(path: string, bytesBefore: number): Promise<void> {
  const storage = new LogStorage(path)
  const begin = performance.now()
  const { firstUnchosen } = await storage.open()
  const seconds = (performance.now() - begin) / 1_000
  const bytes = (memoryBytes() - bytesBefore) / firstUnchosen
  console.log(
    `opening ${firstUnchosen} instances: ${seconds.toFixed(2)} s, ${bytes.toFixed(1)} bytes of memory each`,
  )
  await measurePages(storage)
  await storage.close()
}

/** Reads the log in pages of batches, as a server reads it. */
async function measurePages(storage: LogStorage): Promise<void> {
  const begin = performance.now()
  let bytes = 0
  let pages = 0
  for (let from = 0; from < instances; pages += 1) {
    const page = (await storage.chosen(from, pageBytes)) ?? []
    from += page.length
    bytes += Math.min(pageBytes, page.length * pageBytes)
  }
  const seconds = (performance.now() - begin) / 1_000
  console.log(`  ${pages} pages of batches, decoded: ${(bytes / mega / seconds).toFixed(0)} MB/s`)
}

/** Reads the same stretches of the files and verifies the checksum of each record, without decoding it. */
async function measureRawPages(path: string): Promise<void> {
  const files = new RealFiles(path)
  const offsets = new Map<string, number[]>()
  await promised(
    readLog(files, ({ file }, _, records) => {
      const known = offsets.get(file)
      if (known === undefined) offsets.set(file, [...records])
      else known.push(...records)
    }),
  )
  let bytes = 0
  const begin = performance.now()
  for (const [file, records] of offsets) {
    for (let at = 0; at < records.length; ) {
      const first = records[at]!
      const read = await promised(until(files.read(file, first, pageBytes)))
      bytes += read.length
      for (; at < records.length; at += 1) {
        const offset = records[at]! - first
        if (refusalOfRecord(read, offset, read.length) !== null) break
      }
    }
  }
  const seconds = (performance.now() - begin) / 1_000
  console.log(`  pages of bytes, verified only: ${(bytes / mega / seconds).toFixed(0)} MB/s`)
}

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** The memory of this process that is in use, after a collection of garbage. */
function memoryBytes(): number {
  collectGarbage()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}
