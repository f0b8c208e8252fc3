/** A disk as a value: its durable state, the writes of the current sync, and the writes that wait for the next sync. */
import type { Batch, Instance } from '../../machines/batch.ts'
import type { Write } from '../../machines/outputs.ts'
import { afterWrite, type DurableState, nothingDurable } from '../core/durable.ts'

export interface Disk {
  readonly durable: DurableState
  /** The durable chosen batches, from instance 0 on. */
  readonly chosen: readonly Batch[]
  /** The writes of the current sync, in order. Invariant: empty, or at least one is a write of the acceptor. */
  readonly syncing: readonly Write[]
  /** The writes that wait for the next sync, in order. */
  readonly waiting: readonly Write[]
}

export const emptyDisk: Disk = { durable: nothingDurable, chosen: [], syncing: [], waiting: [] }

/** The disk after it received `write`. A sync begins when none is running and an acceptor waits for one. */
export function withWrite(disk: Disk, write: Write): Disk {
  if (write.by === 'acceptor' && disk.syncing.length > 0) {
    throw new Error('an acceptor asks for one sync at a time')
  }
  const waiting = [...disk.waiting, write]
  return write.by === 'acceptor' ? { ...disk, syncing: waiting, waiting: [] } : { ...disk, waiting }
}

/** The disk after the current sync succeeded. Throws when no sync is running. */
export function afterSync(disk: Disk): Disk {
  if (disk.syncing.length === 0) throw new Error('no sync is under way')
  return { ...applied(disk, disk.syncing), syncing: [] }
}

/** The number of writes that are not durable yet. */
export function unsyncedWrites({ syncing, waiting }: Disk): number {
  return syncing.length + waiting.length
}

/**
 * The disk after a crash of its server: it kept the first `survived` of the unsynced writes. Throws a `RangeError` when there are
 * fewer.
 */
export function afterCrash(disk: Disk, survived: number): Disk {
  const unsynced = [...disk.syncing, ...disk.waiting]
  if (!(survived >= 0 && survived <= unsynced.length)) {
    throw new RangeError(`survived is ${survived}: ${unsynced.length} writes were not synced`)
  }
  return { ...applied(disk, unsynced.slice(0, survived)), syncing: [], waiting: [] }
}

/** Up to `count` chosen batches from `from` on, durable or only written. */
export function chosenOn(disk: Disk, from: Instance, count: number): readonly Batch[] {
  const written = [...disk.syncing, ...disk.waiting].flatMap((write) =>
    write.by === 'learner' ? write.chosen.map(({ batch }) => batch) : [],
  )
  return [...disk.chosen, ...written].slice(from, from + count)
}

function applied(disk: Disk, writes: readonly Write[]): Disk {
  const chosen = [...disk.chosen]
  let { durable } = disk
  for (const write of writes) durable = afterWrite(durable, write, (_, batch) => chosen.push(batch))
  return { ...disk, durable, chosen }
}
