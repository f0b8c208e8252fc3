/** A disk as a value: its durable state, the writes of the current sync, and the writes that wait for the next sync. */
import type { Batch, Instance } from '../../machines/batch.ts'
import type { Write } from '../../machines/outputs.ts'
import { type SnapshotName, sameSnapshot } from '../../machines/snapshot-name.ts'
import {
  afterWrite,
  type DurableState,
  isSyncedAtOnce,
  nothingDurable,
  type Stored,
  withoutCompacted,
} from '../core/durable.ts'
import { fileOn, type SnapshotFile, type SnapshotFiles } from './snapshots.ts'

export interface Disk extends SnapshotFiles {
  readonly durable: DurableState
  /** The durable chosen batches, from `durable.floor` on. */
  readonly chosen: readonly Batch[]
  /** The snapshot files: the one of `durable`, the one before it, and those that no durable write names yet. */
  readonly snapshots: readonly SnapshotFile[]
  readonly receiving: SnapshotFiles['receiving']
  /** The writes of the current sync, in order. Invariant: empty, or at least one is a write that is synced at once. */
  readonly syncing: readonly Write[]
  /** The writes that wait for the next sync, in order. */
  readonly waiting: readonly Write[]
}

export const emptyDisk: Disk = {
  durable: nothingDurable,
  chosen: [],
  snapshots: [],
  receiving: null,
  syncing: [],
  waiting: [],
}

/** The disk after it received `write`. A sync begins when none is running and the write is synced at once. */
export function withWrite(disk: Disk, write: Write): Disk {
  const unsynced = [...disk.syncing, ...disk.waiting]
  if (write.by === 'acceptor' && unsynced.some(({ by }) => by === 'acceptor')) {
    throw new Error('an acceptor asks for one sync at a time')
  }
  const waiting = [...disk.waiting, write]
  return isSyncedAtOnce(write) && disk.syncing.length === 0
    ? { ...disk, syncing: waiting, waiting: [] }
    : { ...disk, waiting }
}

/** The disk after the current sync succeeded. The next one begins when somebody waits for it. Throws when no sync is running. */
export function afterSync(disk: Disk): Disk {
  if (disk.syncing.length === 0) throw new Error('no sync is under way')
  const { waiting } = disk
  const synced = applied(disk, disk.syncing)
  return waiting.some(isSyncedAtOnce)
    ? { ...synced, syncing: waiting, waiting: [] }
    : { ...synced, syncing: [] }
}

/** The number of writes that are not durable yet. */
export function unsyncedWrites({ syncing, waiting }: Disk): number {
  return syncing.length + waiting.length
}

/**
 * The disk after a crash of its server: it kept the first `survived` of the unsynced writes, and of the snapshot files the one that
 * the last of these writes names. Throws a `RangeError` when there are fewer.
 */
export function afterCrash(disk: Disk, survived: number): Disk {
  const unsynced = [...disk.syncing, ...disk.waiting]
  if (!(survived >= 0 && survived <= unsynced.length)) {
    throw new RangeError(`survived is ${survived}: ${unsynced.length} writes were not synced`)
  }
  const kept = applied(disk, unsynced.slice(0, survived))
  const { snapshot } = kept.durable
  const snapshots = kept.snapshots.filter(({ name }) => name.digest === snapshot?.digest)
  return { ...kept, snapshots, syncing: [], waiting: [] }
}

/** Up to `count` chosen batches from `from` on, durable or only written; `null` when the batch of `from` was compacted. */
export function chosenOn(disk: Disk, from: Instance, count: number): readonly Batch[] | null {
  const { durable, chosen } = applied(disk, [...disk.syncing, ...disk.waiting])
  const place = from - durable.floor
  return place < 0 ? null : chosen.slice(place, place + count)
}

/** The contents of the disk from which a node starts. Throws when the snapshot file is missing. */
export function storedOn({ durable, chosen, snapshots }: Disk): Stored {
  const { snapshot } = durable
  if (snapshot === null) return { durable, snapshot: null, chosen }
  return { durable, snapshot: new TextEncoder().encode(fileOf({ snapshots }, snapshot).text), chosen }
}

function applied(disk: Disk, writes: readonly Write[]): Disk {
  let { durable, snapshots, receiving } = disk
  let chosen: readonly Batch[] = disk.chosen
  for (const write of writes) {
    const more: Batch[] = []
    const before = durable
    durable = afterWrite(before, write, (_, batch) => more.push(batch))
    chosen = withoutCompacted(more.length === 0 ? chosen : [...chosen, ...more], before, durable)
    if (write.by !== 'snapshot') continue
    fileOf({ snapshots }, write.snapshot)
    // The one before stays, for a server that is receiving it.
    const least = before.snapshot?.instance ?? 0
    snapshots = snapshots.filter(({ name }) => name.instance >= least)
    if (sameSnapshot(receiving?.snapshot ?? null, write.snapshot)) receiving = null
  }
  return { ...disk, durable, chosen, snapshots, receiving }
}

function fileOf(disk: Pick<Disk, 'snapshots'>, name: SnapshotName): SnapshotFile {
  const file = fileOn(disk, name)
  if (file === undefined) throw new Error(`there is no file of the snapshot of instance ${name.instance}`)
  return file
}
