import type { Write } from '../../../machines/outputs.ts'
import { afterWrite, type DurableState } from '../../core/durable.ts'

/**
 * What the disk of a live server holds, as far as its storage has said. It keeps no chosen batch, and at most as many
 * states as syncs are under way: nothing grows.
 */
export class DurableMirror {
  /** After every write that was asked for. */
  #asked: DurableState
  #askedCount = 0
  /** What the disk holds once each acceptor's write that is under way is synced: its own, and those before it. */
  readonly #syncing: { readonly durable: DurableState; readonly count: number }[] = []
  #durable: DurableState
  #durableCount = 0

  /** Of a disk that holds `durable`. */
  constructor(durable: DurableState) {
    this.#asked = durable
    this.#durable = durable
  }

  get durable(): DurableState {
    return this.#durable
  }

  /** Writes that are not known to be synced. */
  get unsynced(): number {
    return this.#askedCount - this.#durableCount
  }

  /** `write` is given to the disk. Throws when it cannot be stored. */
  ask(write: Write): void {
    this.#asked = afterWrite(this.#asked, write, () => undefined)
    this.#askedCount += 1
    if (write.by === 'acceptor') this.#syncing.push({ durable: this.#asked, count: this.#askedCount })
  }

  /** The first of the acceptor's writes that are under way is synced. */
  synced(): void {
    const synced = this.#syncing.shift()
    if (synced === undefined) throw new Error('no sync is under way')
    this.#durable = synced.durable
    this.#durableCount = synced.count
  }
}
