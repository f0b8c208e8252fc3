/**
 * The cost of the log of a server. The writes alternate with a bare write and sync of one block, because the speed of a shared disk
 * changes from minute to minute: compare the ratios.
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Batch, Instance } from '../machines/batch.ts'
import type { Write } from '../machines/outputs.ts'
import { LogStorage } from '../src/storage/log-storage.ts'
import type { Identity } from '../src/storage/storage.ts'
import { BareFile } from './bare-file.ts'
import { quantile } from './statistics.ts'
import { measureHistory } from './storage-history.ts'

const rounds = 3_000
/** The first rounds do not count, because a new process still compiles its code. */
const warmUpRounds = 1_000
const groupSize = 64

const identity: Identity = { cluster: 'bench', node: 0, incarnation: 'bench-0', members: [] }
const ballot = { round: 1, node: 0 }

function batchOf(instance: Instance): Batch {
  const command = { kind: 'service', body: { action: 'lock', name: `bench-${instance % 100}` } } as const
  const [uid, seq] = ['client@127.0.0.1', instance + 1]
  const group = { uid, ackedBelow: seq, heldBy: 0, requests: [{ seq, command }] }
  return { node: 0, elapsedMs: 1, groups: [group] }
}

/** Accepts a batch at each of the first `count` instances. */
function accepting(count: number): Write {
  const accepted = Array.from({ length: count }, (_, instance) => ({
    instance,
    ballot,
    batch: batchOf(instance),
  }))
  return { by: 'acceptor', promised: ballot, accepted }
}

async function created(path: string): Promise<LogStorage> {
  await mkdir(path)
  const storage = new LogStorage(path)
  await storage.open()
  await storage.initialise(identity)
  return storage
}

async function milliseconds(work: () => Promise<unknown>): Promise<number> {
  const begin = performance.now()
  await work()
  return performance.now() - begin
}

/** One durable record, a group of records, and records of separate requests, beside a bare write and sync of one block. */
async function measureWrites(directory: string): Promise<void> {
  const storages = await Promise.all(
    ['one', 'group', 'requests'].map((name) => created(join(directory, name))),
  )
  const [one, group, requests] = storages as [LogStorage, LogStorage, LogStorage]
  const file = await BareFile.create(join(directory, 'bare'), warmUpRounds + rounds)
  const times: { readonly [name: string]: number[] } = { bare: [], one: [], group: [], requests: [] }
  for (let round = -warmUpRounds; round < rounds; round += 1) {
    const record = accepting(1)
    const records = accepting(groupSize)
    const separate = Array.from({ length: groupSize }, () => accepting(1))
    const took = {
      bare: await milliseconds(() => file.append()),
      one: await milliseconds(() => one.persist(record)),
      group: await milliseconds(() => group.persist(records)),
      requests: await milliseconds(() => Promise.all(separate.map((each) => requests.persist(each)))),
    }
    if (round < 0) continue
    for (const [name, time] of Object.entries(took)) times[name]!.push(time)
  }
  await Promise.all([file.close(), ...storages.map((storage) => storage.close())])
  print('a bare write and sync of 4 KiB', times.bare!)
  print('one record', times.one!, times.bare)
  print(`a group of ${groupSize} records`, times.group!, times.one)
  // The first request begins a group at once, and the others share the next one.
  print(`${groupSize} requests at once, two groups`, times.requests!, times.one)
}

/** `base` is the measurement to compare with. */
function print(name: string, times: readonly number[], base?: readonly number[]): void {
  const shown = (share: number) => {
    const time = quantile(times, share)
    return `${time.toFixed(3)} ms${base === undefined ? '' : ` (${(time / quantile(base, share)).toFixed(2)} x)`}`
  }
  console.log(`${name.padEnd(34)} p50 ${shown(0.5).padEnd(18)} p99 ${shown(0.99)}`)
}

/** Measures the log below `directory`, and prints the figures. */
export async function measureStorage(directory: string): Promise<void> {
  await measureWrites(directory)
  const path = join(directory, 'history')
  await measureHistory(path, await created(path), batchOf)
}
