/** Storage in memory, for temporary clusters: the data survives `close` and `crash`, but not the process. */
import type { Batch, Instance } from '../../machines/batch.ts'
import type { Write } from '../../machines/outputs.ts'
import { afterWrite, type DurableState, nothingDurable } from '../core/durable.ts'
import { messageOf } from '../core/message-of.ts'
import { type Identity, type OpenedStorage, type OwnerCheck, type Storage, StorageError } from './storage.ts'

interface Waiting {
  readonly synced: boolean
  readonly resolve: () => void
  readonly reject: (error: StorageError) => void
}

export class MemoryStorage implements Storage {
  readonly whenFailed: Promise<StorageError>
  #fail: (error: StorageError) => void = () => undefined
  #isOpen = false
  #failed: StorageError | null = null
  #identity: Identity | null = null
  #state: DurableState = nothingDurable
  /** The state after a crash. Its `firstUnchosen` is the number of chosen batches that survive. */
  #syncedState: DurableState = nothingDurable
  readonly #chosen: Batch[] = []
  #waiting: Waiting[] = []

  constructor() {
    this.whenFailed = new Promise((resolve) => {
      this.#fail = resolve
    })
  }

  get failed(): StorageError | null {
    return this.#failed
  }

  async open(check: OwnerCheck = () => undefined): Promise<OpenedStorage> {
    if (this.#isOpen) throw new StorageError(place, 'it is open already')
    if (this.#identity !== null) check(this.#identity)
    this.#isOpen = true
    this.#failed = null
    return { identity: this.#identity, ...this.#state, torn: null }
  }

  async initialise(identity: Identity): Promise<void> {
    if (!this.#isOpen) throw new StorageError(place, 'it is not open')
    if (this.#identity !== null) throw new StorageError(place, 'it holds the data of a server already')
    this.#identity = identity
  }

  persist(write: Write): Promise<void> {
    if (this.#failed !== null) return Promise.reject(this.#failed)
    if (!this.#isOpen) return Promise.reject(new StorageError(place, 'it is closed'))
    if (this.#identity === null) {
      return Promise.reject(new StorageError(place, 'it is not initialised: no write is allowed yet'))
    }
    try {
      this.#state = afterWrite(this.#state, write, (instance, batch) => {
        this.#chosen[instance] = batch
      })
    } catch (error) {
      return Promise.reject(new StorageError(place, messageOf(error), error))
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ synced: write.by === 'acceptor', resolve, reject })
      if (this.#waiting.length === 1) queueMicrotask(() => this.#write())
    })
  }

  async chosen(from: Instance, limitBytes: number): Promise<Batch[]> {
    if (!this.#isOpen) throw new StorageError(place, 'it is not open')
    const page: Batch[] = []
    let bytes = 0
    for (let instance = from; instance < this.#state.firstUnchosen; instance += 1) {
      const batch = this.#chosen[instance]!
      bytes += Buffer.byteLength(JSON.stringify(batch))
      if (page.length > 0 && bytes > limitBytes) break
      page.push(batch)
    }
    return page
  }

  async close(): Promise<void> {
    if (!this.#isOpen) return
    this.#write()
    this.#syncedState = this.#state
    this.#isOpen = false
  }

  /** Simulates a crash of the machine: unsynced writes are lost, and the storage must be opened again. */
  crash(): void {
    this.#failed = new StorageError(place, 'it crashed before this was stored')
    this.#fail(this.#failed)
    for (const { reject } of this.#waiting) reject(this.#failed)
    this.#waiting = []
    this.#state = this.#syncedState
    this.#chosen.length = this.#state.firstUnchosen
    this.#isOpen = false
  }

  #write(): void {
    const group = this.#waiting
    this.#waiting = []
    if (group.some(({ synced }) => synced)) this.#syncedState = this.#state
    for (const { resolve } of group) resolve()
  }
}

const place = 'memory'
