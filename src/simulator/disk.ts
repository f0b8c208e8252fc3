import type { Batch, Instance } from '../../machines/batch.ts'
import type { Write } from '../../machines/outputs.ts'
import { afterWrite, type DurableState, nothingDurable } from '../core/durable.ts'
import type { Timeline } from './timeline.ts'

interface AskedWrite {
  readonly write: Write
  readonly ended: () => void
}

/**
 * A simulated disk. Writes are stored in order, each whole or not at all. What an acceptor writes is synced; a learner's
 * write waits for the next sync. Writes that are asked for while a sync is under way join the next one. A crash, or a sync
 * that fails, loses what was not synced; but, as on a real disk, a first part of it may have got there.
 */
export class SimulatedDisk {
  readonly #timeline: Timeline
  readonly #syncMs: () => number
  #state: DurableState = nothingDurable
  /** Everything written as chosen; what is durable of it ends at `#state.firstUnchosen`. */
  #chosen: Batch[] = []
  #waiting: AskedWrite[] = []
  #syncing: AskedWrite[] = []
  #giveUpSync: (() => void) | null = null
  #watcher: ((syncMs: number) => void) | null = null
  #failure: { readonly survived: number; readonly failed: () => void } | null = null

  /** `syncMs` is asked for how long each sync takes. */
  constructor(timeline: Timeline, syncMs: () => number) {
    this.#timeline = timeline
    this.#syncMs = syncMs
  }

  /** What is durable. */
  get state(): DurableState {
    return this.#state
  }

  get isSyncing(): boolean {
    return this.#giveUpSync !== null
  }

  /** How many writes a crash would find not synced. */
  get unsynced(): number {
    return this.#syncing.length + this.#waiting.length
  }

  /** The chosen batches from `from` on, as far as is durable or written. */
  chosen(from: Instance, count: number): Batch[] {
    return this.#chosen.slice(from, from + count)
  }

  /** Writes; `ended` is called once the write is synced. */
  persist(write: Write, ended: () => void): void {
    if (write.by === 'learner') for (const { batch } of write.chosen) this.#chosen.push(batch)
    this.#waiting.push({ write, ended })
    if (this.#giveUpSync === null) this.#beginSync()
  }

  /** The next sync to end fails: `survived` of its writes got there, in order, and `failed` is called. */
  failSync(survived: number, failed: () => void): void {
    this.#failure = { survived, failed }
  }

  /** `begun` is told once, when the next sync begins, how long it takes. */
  atNextSync(begun: (syncMs: number) => void): void {
    this.#watcher = begun
  }

  /** Neither fails a sync nor tells of one, though it was asked to. */
  forgetFaults(): void {
    this.#failure = null
    this.#watcher = null
  }

  /** The node is gone: `survived` of the writes that were not synced got there, in order. */
  crash(survived: number): void {
    this.#giveUpSync?.()
    this.#giveUpSync = null
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
    this.#giveUpSync = this.#timeline.schedule(syncMs, () => {
      this.#giveUpSync = null
      if (this.#failure === null) this.#endSync()
      else this.#endFailedSync(this.#failure)
    })
  }

  #endSync(): void {
    const synced = this.#syncing
    this.#syncing = []
    for (const { write } of synced) this.#apply(write)
    // Before anybody is told, since whoever is may write again at once.
    this.#beginSync()
    for (const { ended } of synced) ended()
  }

  #endFailedSync({ survived, failed }: { readonly survived: number; readonly failed: () => void }): void {
    this.crash(Math.min(survived, this.#syncing.length))
    failed()
  }

  #apply(write: Write): void {
    // Kept already, when it was written.
    this.#state = afterWrite(this.#state, write, () => undefined)
  }
}
