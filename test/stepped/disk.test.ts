/** Snapshots on a disk as a value. */
import { expect, test } from 'vitest'
import { base64 } from '../../src/core/bytes.ts'
import { batchesAfterSnapshot } from '../../src/core/durable.ts'
import {
  afterCrash,
  afterSync,
  chosenOn,
  type Disk,
  emptyDisk,
  storedOn,
  withWrite,
} from '../../src/stepped/disk.ts'
import { checkedFile, keptBytesOn, resumed, withChunk, withSnapshot } from '../../src/stepped/snapshots.ts'
import { founded } from '../services/capture-runs.ts'
import { accepting, batch, compacting, learning, snapshotBytes, snapshotName } from '../storage/fixtures.ts'

const file = (instance: number) => ({ name: snapshotName(instance), text: `below ${instance}` })

/** A disk with four chosen batches, after which `instance` was asked to be compacted. */
function compacting4(instance: number, floor: number): Disk {
  const learned = afterSync(withWrite(withWrite(emptyDisk, learning(0, 'a', 'b', 'c', 'd')), accepting(1)))
  return withWrite(withSnapshot(learned, file(instance)), compacting(instance, floor))
}

test('a snapshot is synced at once, and takes the batches below its floor away', () => {
  const asked = compacting4(3, 2)
  expect(asked.syncing).toHaveLength(1)
  expect([asked.durable.floor, chosenOn(asked, 1, 9), chosenOn(asked, 2, 9)]).toEqual([
    0,
    null,
    ['c', 'd'].map(batch),
  ])
  const disk = afterSync(asked)
  expect(disk).toMatchObject({ durable: { floor: 2, snapshot: snapshotName(3), firstUnchosen: 4 } })
  const stored = storedOn(disk)
  expect(new TextDecoder().decode(stored.snapshot!)).toBe('below 3')
  expect(stored.chosen).toEqual(['c', 'd'].map(batch))
  expect(batchesAfterSnapshot(stored)).toEqual([batch('d')])
})

test('a crash keeps the snapshot that a surviving write names, and no other file', () => {
  const asked = withSnapshot(compacting4(9, 9), file(10))
  expect(afterCrash(asked, 0)).toMatchObject({ durable: { snapshot: null, floor: 0 }, snapshots: [] })
  expect(afterCrash(asked, 1)).toMatchObject({
    durable: { firstUnchosen: 9, floor: 9 },
    chosen: [],
    snapshots: [file(9)],
  })
})

test('the write of an acceptor waits for the sync of a snapshot, and then begins one', () => {
  const waiting = withWrite(compacting4(3, 3), accepting(2))
  expect([waiting.syncing.length, waiting.waiting.length]).toEqual([1, 1])
  const next = afterSync(waiting)
  expect([next.durable.promised, next.syncing.length]).toEqual([accepting(1).promised, 1])
  expect(afterSync(next).durable.promised).toEqual(accepting(2).promised)
  expect(() => withWrite(waiting, accepting(3))).toThrow('one sync at a time')
})

test('a snapshot without a file is an error, and one of an older instance too', () => {
  const disk = afterSync(compacting4(3, 2))
  expect(() => afterSync(withWrite(disk, compacting(4, 4)))).toThrow('no file of the snapshot of instance 4')
  expect(() => afterSync(withWrite(disk, compacting(2, 2)))).toThrow('is not newer than the one held')
})

test('what arrived of a received snapshot survives a crash, until the snapshot is held or another one is offered', () => {
  const snapshot = snapshotName(9)
  const part = (fromBytes: number, toBytes: number) =>
    ({
      snapshot,
      offsetBytes: fromBytes,
      bytes: base64(snapshotBytes(9).subarray(fromBytes, toBytes)),
    }) as const
  const arriving = withChunk(withChunk(resumed(emptyDisk, snapshot), part(0, 30)), part(30, 50))
  expect(keptBytesOn(resumed(afterCrash(arriving, 0), snapshot))).toBe(50)
  expect(keptBytesOn(resumed(arriving, { ...snapshot, instance: 8 }))).toBe(0)
  // A journal tells of a disk that had lost the last bytes.
  expect(keptBytesOn(withChunk(arriving, part(40, 100)))).toBe(100)
  const held = afterSync(withWrite(withSnapshot(arriving, file(9)), compacting(9, 9)))
  expect(keptBytesOn(resumed(held, snapshot))).toBe(0)
})

test('a received snapshot is checked: its length, its digest, its end and its instance', () => {
  const bytes = founded().snapshot()
  const arrived = (instance: number, whole: Uint8Array) => {
    const snapshot = { ...snapshotName(instance, whole) }
    const disk = withChunk(resumed(emptyDisk, snapshot), { snapshot, offsetBytes: 0, bytes: base64(whole) })
    return checkedFile(disk, snapshot, () => founded().installation())?.name.instance ?? null
  }
  expect(arrived(0, bytes)).toBe(0)
  expect(arrived(1, bytes)).toBeNull()
  expect(arrived(0, bytes.subarray(0, bytes.lastIndexOf(0x0a, bytes.length - 2) + 1))).toBeNull()
})
