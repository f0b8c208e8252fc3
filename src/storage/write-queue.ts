import type { StoredRecord, StoredSnapshot } from './log/records.ts'
import type { StorageError } from './storage.ts'

export type WriteEnded = (error: StorageError | null) => void

/** A write that waits for its group. */
export interface WaitingWrite {
  readonly records: readonly StoredRecord[]
  /** True for a write that is synced at once, because somebody waits for it. */
  readonly isAwaited: boolean
  /** The number of batches that it makes chosen. */
  readonly chosen: number
  /** The snapshot of a write of one, which begins a segment. */
  readonly snapshot: StoredSnapshot | null
  readonly ended: WriteEnded
}

/** The writes of a store that wait for the group that is being written, in order. */
export class WriteQueue {
  #waiting: WaitingWrite[] = []

  get isEmpty(): boolean {
    return this.#waiting.length === 0
  }

  get isAwaited(): boolean {
    return this.#waiting.some(({ isAwaited }) => isAwaited)
  }

  push(write: WaitingWrite): void {
    this.#waiting.push(write)
  }

  /** Takes the writes of the next group: all, or those before a snapshot, or a snapshot, which has a group of its own. */
  takeGroup(): readonly WaitingWrite[] {
    const next = this.#waiting.findIndex(({ snapshot }) => snapshot !== null)
    return this.#waiting.splice(0, next < 0 ? this.#waiting.length : Math.max(1, next))
  }

  takeAll(): readonly WaitingWrite[] {
    return this.#waiting.splice(0)
  }
}

export function recordsIn(group: readonly WaitingWrite[]): readonly StoredRecord[] {
  return group.length === 1 ? group[0]!.records : group.flatMap(({ records }) => records)
}
