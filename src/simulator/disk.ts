import type { Batch, Instance } from '../../machines/batch.ts'
import type { Write } from '../../machines/outputs.ts'
import { afterWrite, type DurableState, nothingDurable } from '../durable.ts'
import type { Timeline } from './timeline.ts'

/**
 * A simulated disk. Writes asked for while a sync is under way join the next one; a crash loses what was not synced, or,
 * as on a real disk, a part of it may have got there.
 */
export class SimulatedDisk {
  readonly #timeline: Timeline
  readonly #syncMs: () => number
  #state: DurableState = nothingDurable
  #chosen: Batch[] = []
  #waiting: Write[] = []
  #syncing: Write[] = []
  #giveUpSync: (() => void) | null = null

  constructor(timeline: Timeline, syncMs: () => number) {
    this.#timeline = timeline
    this.#syncMs = syncMs
  }

  get state(): DurableState {
    return this.#state
  }

  /** The chosen batches from `from` on, as far as is durable or written. */
  chosen(from: Instance, count: number): Batch[] {
    const written = [...this.#syncing, ...this.#waiting].flatMap((write) =>
      write.by === 'learner' ? write.chosen.map(({ batch }) => batch) : [],
    )
    return [...this.#chosen, ...written].slice(from, from + count)
  }

  /** Writes; `persisted` is called once an acceptor's write is synced. */
  persist(write: Write, persisted: () => void): void {
    this.#waiting.push(write)
    if (this.#giveUpSync === null) this.#beginSync(persisted)
    else if (write.by === 'acceptor') throw new Error('an acceptor asks for one sync at a time')
  }

  #beginSync(persisted: () => void): void {
    if (!this.#waiting.some((write) => write.by === 'acceptor')) return
    this.#syncing = this.#waiting
    this.#waiting = []
    this.#giveUpSync = this.#timeline.schedule(this.#syncMs(), () => {
      this.#giveUpSync = null
      this.#apply(this.#syncing)
      this.#syncing = []
      persisted()
    })
  }

  /** The node is gone: `survived` of the writes that were not synced got there, in order. */
  crash(survived: number): void {
    this.#giveUpSync?.()
    this.#giveUpSync = null
    this.#apply([...this.#syncing, ...this.#waiting].slice(0, survived))
    this.#syncing = []
    this.#waiting = []
  }

  #apply(writes: readonly Write[]): void {
    for (const write of writes) {
      this.#state = afterWrite(this.#state, write, (_, batch) => this.#chosen.push(batch))
    }
  }
}
