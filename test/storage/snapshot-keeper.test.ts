/** How a server keeps a snapshot that another one sends, over a storage in memory, and what it refuses. */
import { beforeEach, describe, expect, test } from 'vitest'
import type { SnapshotName } from '../../machines/snapshot-name.ts'
import { base64, utf8 } from '../../src/core/bytes.ts'
import { sha256Hex } from '../../src/core/digest.ts'
import { promised } from '../../src/core/process.ts'
import { keeperOf } from '../../src/node/snapshots.ts'
import { MemoryStorage } from '../../src/storage/memory-storage.ts'
import type { SnapshotKeeper } from '../../src/storage/snapshot-keeper.ts'
import { forLock, founded, opening } from '../services/capture-runs.ts'
import { ask, run } from '../services/driver.ts'
import { identity } from './fixtures.ts'

/** A snapshot of several lines, and its name. */
const whole = (() => {
  const replica = founded()
  replica.execute(0, opening)
  for (const lock of ['x', 'y', 'z'])
    run(replica, [ask('a@0', lock.charCodeAt(0), forLock({ action: 'lock', name: lock }))])
  return { instance: replica.firstUnexecuted, bytes: replica.snapshot() }
})()

function named(bytes: Uint8Array, instance = whole.instance): SnapshotName {
  return { instance, lengthBytes: bytes.length, digest: sha256Hex(bytes) }
}

const partBytes = 50
let storage: MemoryStorage
let keeper: SnapshotKeeper
let reports: string[]

/** The next process of the server. */
async function start(): Promise<void> {
  await storage.open()
  reports = []
  keeper = keeperOf(storage, {
    notDrawn: (reason) => reports.push(reason),
    refused: (reason) => reports.push(`refused: ${reason}`),
    resumed: (_, keptBytes) => reports.push(`resumed: ${keptBytes}`),
  })
}

beforeEach(async () => {
  storage = new MemoryStorage({ keepEveryBytes: 100 })
  await start()
  await storage.initialise(identity)
})

const begin = () => founded().installation()
const resume = (name: SnapshotName) => promised(keeper.resume(name, begin))

/** Keeps `bytes` from `fromBytes` to below `toBytes`. */
async function keep(
  name: SnapshotName,
  bytes: Uint8Array,
  fromBytes = 0,
  toBytes = bytes.length,
): Promise<void> {
  for (let offsetBytes = fromBytes; offsetBytes < toBytes; offsetBytes += partBytes) {
    const part = bytes.subarray(offsetBytes, Math.min(offsetBytes + partBytes, toBytes))
    await promised(keeper.keep({ snapshot: name, offsetBytes, bytes: base64(part) }))
  }
}

describe('a snapshot that arrives', () => {
  const name = named(whole.bytes)

  test('is read while it arrives, checked, and can be installed', async () => {
    expect(await resume(name)).toBe(0)
    await keep(name, whole.bytes)
    expect(await promised(keeper.check(name))).toBe(true)
    const replica = founded()
    expect(keeper.checked(name).instance).toBe(whole.instance)
    expect(() => keeper.checked(name)).toThrow('is not being received')
    expect(replica.firstUnexecuted).toBe(0)
    expect(reports).toEqual([])
  })

  test('goes on after a restart: what was kept is read again', async () => {
    await resume(name)
    await keep(name, whole.bytes, 0, 250)
    storage.crash()
    await start()
    expect(await resume(name)).toBe(200)
    expect(reports).toEqual(['resumed: 200'])
    await keep(name, whole.bytes, 200)
    expect(await promised(keeper.check(name))).toBe(true)
    const installation = keeper.checked(name)
    installation.install()
  })

  test('goes on after a restart when all of it had arrived', async () => {
    await resume(name)
    await keep(name, whole.bytes)
    expect(await promised(keeper.check(name))).toBe(true)
    storage.crash()
    await start()
    expect(await resume(name)).toBe(name.lengthBytes)
    expect(await promised(keeper.check(name))).toBe(true)
    keeper.checked(name).install()
  })

  test('takes no chunk that does not follow what is kept, and none of another snapshot', async () => {
    await resume(name)
    await keep(name, whole.bytes, 0, 100)
    await expect(keep(name, whole.bytes, 150, 200)).rejects.toThrow('does not follow the 100 bytes')
    await expect(keep(name, whole.bytes, 0, 50)).rejects.toThrow('does not follow the 100 bytes')
    await expect(keep({ ...name, instance: 99 }, whole.bytes, 100, 150)).rejects.toThrow('not being received')
  })
})

describe('a snapshot is refused', () => {
  const cut = whole.bytes.subarray(0, whole.bytes.lastIndexOf(0x0a, whole.bytes.length - 2) + 1)
  const foreign = utf8(Buffer.from(whole.bytes).toString().replace('kv+lock', 'other'))
  const changed = Uint8Array.from(whole.bytes, (byte, place) => (place === 300 ? byte ^ 1 : byte))

  test.each<[string, SnapshotName, Uint8Array, string]>([
    ['whose last line is missing, although its digest fits', named(cut), cut, 'the snapshot is cut short'],
    [
      'of another instance than was announced',
      named(whole.bytes, 9),
      whole.bytes,
      `it is a picture of instance ${whole.instance}, and one of instance 9 was announced`,
    ],
    ['of another service', named(foreign), foreign, 'a snapshot of the service other'],
    ['with other bytes than were announced', named(whole.bytes), changed, 'were announced'],
  ])('%s', async (_, name, bytes, reason) => {
    await resume(name)
    await keep(name, bytes)
    expect(await promised(keeper.check(name))).toBe(false)
    expect(reports).toEqual([expect.stringContaining(reason)])
    expect(() => keeper.checked(name)).toThrow('is not being received')
    // Nothing of it is kept for the next attempt, nor for the next start.
    expect(await resume(name)).toBe(0)
    storage.crash()
    await start()
    expect(await resume(name)).toBe(0)
  })

  test('when what was kept of it before a restart is none of this service', async () => {
    const name = named(foreign)
    await resume(name)
    await keep(name, foreign, 0, foreign.length - 60)
    storage.crash()
    await start()
    expect(await resume(name)).toBe(0)
    expect(reports).toEqual([expect.stringContaining('a snapshot of the service other')])
  })
})
