import type { Write } from '../../../machines/outputs.ts'
import { afterWrite, type DurableState, isSyncedAtOnce } from '../../core/durable.ts'

/**
 * What the disk of a live server holds, as far as its storage has reported. It keeps no chosen batch, and at most one state for
 * each sync in progress, so it does not grow.
 */
export class DurableMirror {
  /** After every write so far. */
  #asked: DurableState
  #askedCount = 0
  /** What the disk holds once each write in progress that is synced at once is synced: that write and those before it. */
  readonly #syncing: { readonly durable: DurableState; readonly count: number }[] = []
  #durable: DurableState
  #durableCount = 0

  /** Begins with a disk that holds `durable`. */
  constructor(durable: DurableState) {
    this.#asked = durable
    this.#durable = durable
  }

  get durable(): DurableState {
    return this.#durable
  }

  /** The number of writes that are not known to be synced. */
  get unsynced(): number {
    return this.#askedCount - this.#durableCount
  }

  /** A write begins. Throws when it cannot be persisted. */
  ask(write: Write): void {
    this.#asked = afterWrite(this.#asked, write, () => undefined)
    this.#askedCount += 1
    if (isSyncedAtOnce(write)) this.#syncing.push({ durable: this.#asked, count: this.#askedCount })
  }

  /** The first of these writes is synced. */
  synced(): void {
    const synced = this.#syncing.shift()
    if (synced === undefined) throw new Error('no sync is under way')
    this.#durable = synced.durable
    this.#durableCount = synced.count
  }
}
