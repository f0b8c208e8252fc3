/** Snapshots on a disk as a value. */
import { expect, test } from 'vitest'
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
import { withSnapshot } from '../../src/stepped/snapshots.ts'
import { accepting, batch, compacting, learning, snapshotName } from '../storage/fixtures.ts'

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
