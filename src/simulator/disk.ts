import type { Batch, Instance } from '../../machines/batch.ts'
import type { Write } from '../../machines/outputs.ts'
import { afterWrite, type DurableState, nothingDurable } from '../core/durable.ts'
import type { Timeline } from './timeline.ts'

interface PendingWrite {
  readonly write: Write
  readonly ended: () => void
}

/**
 * A simulated disk. It stores writes in order, and each write completely or not at all. A write of an acceptor starts a sync; a
 * write of a learner waits for the next sync. Writes during a sync wait for the next one. A crash or a failed sync loses the
 * writes that are not synced, but the first of them may survive, as on a real disk.
 */
export class SimulatedDisk {
  readonly #timeline: Timeline
  readonly #syncMs: () => number
  #state: DurableState = nothingDurable
  /** All chosen batches that were written. The durable ones are those below `#state.firstUnchosen`. */
  #chosen: Batch[] = []
  #waiting: PendingWrite[] = []
  #syncing: PendingWrite[] = []
  #cancelSync: (() => void) | null = null
  #watcher: ((syncMs: number) => void) | null = null
  #failure: { readonly survived: number; readonly failed: () => void } | null = null

  /** `syncMs` returns the duration of each sync. */
  constructor(timeline: Timeline, syncMs: () => number) {
    this.#timeline = timeline
    this.#syncMs = syncMs
  }

  /** The durable state. */
  get state(): DurableState {
    return this.#state
  }

  get isSyncing(): boolean {
    return this.#cancelSync !== null
  }

  /** The number of writes that are not synced. */
  get unsynced(): number {
    return this.#syncing.length + this.#waiting.length
  }

  /** Up to `count` chosen batches from `from` on, as far as they are written. They need not be durable. */
  chosen(from: Instance, count: number): Batch[] {
    return this.#chosen.slice(from, from + count)
  }

  /** Writes. `ended` is called after the sync of the write. */
  persist(write: Write, ended: () => void): void {
    if (write.by === 'learner') for (const { batch } of write.chosen) this.#chosen.push(batch)
    this.#waiting.push({ write, ended })
    if (this.#cancelSync === null) this.#beginSync()
  }

  /** Makes the next sync that ends fail: its first `survived` writes are stored, and `failed` is called. */
  failSync(survived: number, failed: () => void): void {
    this.#failure = { survived, failed }
  }

  /** Calls `begun` once, with the duration of the next sync, when that sync begins. */
  atNextSync(begun: (syncMs: number) => void): void {
    this.#watcher = begun
  }

  /** Drops the requests of `failSync` and `atNextSync`. */
  forgetFaults(): void {
    this.#failure = null
    this.#watcher = null
  }

  /** The node crashed. The first `survived` of the writes that were not synced are stored. */
  crash(survived: number): void {
    this.#cancelSync?.()
    this.#cancelSync = null
    this.forgetFaults()
    for (const { write } of [...this.#syncing, ...this.#waiting].slice(0, survived)) this.#apply(write)
    this.#syncing = []
    this.#waiting = []
    this.#chosen.length = this.#state.firstUnchosen
  }

  #beginSync(): void {
    if (!this.#waiting.some(({ write }) => write.by === 'acceptor')) return
    this.#syncing = this.#waiting
    this.#waiting = []
    const syncMs = this.#syncMs()
    const watcher = this.#watcher
    this.#watcher = null
    watcher?.(syncMs)
    this.#cancelSync = this.#timeline.schedule(syncMs, () => {
      this.#cancelSync = null
      if (this.#failure === null) this.#endSync()
      else this.#endFailedSync(this.#failure)
    })
  }

  #endSync(): void {
    const synced = this.#syncing
    this.#syncing = []
    for (const { write } of synced) this.#apply(write)
    // The next sync begins before the callbacks, because a callback may write again immediately.
    this.#beginSync()
    for (const { ended } of synced) ended()
  }

  #endFailedSync({ survived, failed }: { readonly survived: number; readonly failed: () => void }): void {
    this.crash(Math.min(survived, this.#syncing.length))
    failed()
  }

  #apply(write: Write): void {
    // `persist` has already kept the chosen batches.
    this.#state = afterWrite(this.#state, write, () => undefined)
  }
}
