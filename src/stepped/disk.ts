/** A disk as a value: what is durable, what is being synced, what waits for the next sync. */
import type { Batch, Instance } from '../../machines/batch.ts'
import type { Write } from '../../machines/outputs.ts'
import { afterWrite, type DurableState, nothingDurable } from '../core/durable.ts'

export interface Disk {
  readonly durable: DurableState
  /** The chosen batches that are durable, from instance 0 on. */
  readonly chosen: readonly Batch[]
  /** Writes of the sync under way, in order. Invariant: empty, or one of them is an acceptor's. */
  readonly syncing: readonly Write[]
  /** Writes that wait for the next sync, in order. */
  readonly waiting: readonly Write[]
}

export const emptyDisk: Disk = { durable: nothingDurable, chosen: [], syncing: [], waiting: [] }

/** The disk with `write` asked for; a sync begins when none is under way and an acceptor waits for one. */
export function withWrite(disk: Disk, write: Write): Disk {
  if (write.by === 'acceptor' && disk.syncing.length > 0) {
    throw new Error('an acceptor asks for one sync at a time')
  }
  const waiting = [...disk.waiting, write]
  return write.by === 'acceptor' ? { ...disk, syncing: waiting, waiting: [] } : { ...disk, waiting }
}

/** The disk when the sync under way has ended well. Throws when none is under way. */
export function afterSync(disk: Disk): Disk {
  if (disk.syncing.length === 0) throw new Error('no sync is under way')
  return { ...applied(disk, disk.syncing), syncing: [] }
}

/** How many writes are not durable yet. */
export function unsyncedWrites({ syncing, waiting }: Disk): number {
  return syncing.length + waiting.length
}

/**
 * The disk when its server is gone: the first `survived` of the writes that were not synced had got there. Throws a
 * `RangeError` when there are not so many.
 */
export function afterCrash(disk: Disk, survived: number): Disk {
  const unsynced = [...disk.syncing, ...disk.waiting]
  if (!(survived >= 0 && survived <= unsynced.length)) {
    throw new RangeError(`survived is ${survived}: ${unsynced.length} writes were not synced`)
  }
  return { ...applied(disk, unsynced.slice(0, survived)), syncing: [], waiting: [] }
}

/** Up to `count` chosen batches from `from` on, as far as they are durable or written. */
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
