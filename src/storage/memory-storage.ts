/** Storage in memory, for temporary clusters: the data survives `close` and `crash`, but not the process. */
import type { Batch, Instance } from '../../machines/batch.ts'
import type { Write } from '../../machines/outputs.ts'
import type { SnapshotName } from '../../machines/snapshot-name.ts'
import { afterWrite, type DurableState, isSyncedAtOnce, nothingDurable } from '../core/durable.ts'
import { messageOf } from '../core/message-of.ts'
import { MemorySnapshots } from './memory-snapshots.ts'
import type { SnapshotDraft } from './snapshot-draft.ts'
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
  /** The state after a crash. */
  #syncedState: DurableState = nothingDurable
  /** The chosen batches from the floor of `#syncedState` on. */
  readonly #chosen = new Map<Instance, Batch>()
  readonly #snapshots: MemorySnapshots
  #waiting: Waiting[] = []

  /** As in `LogStoreOptions`. */
  constructor({ keepEveryBytes = 1_048_576 }: { readonly keepEveryBytes?: number } = {}) {
    this.#snapshots = new MemorySnapshots({ keepEveryBytes, refusal: () => this.#refusal() })
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
    this.#snapshots.started(this.#state.snapshot, this.#state.firstUnchosen)
    return { identity: this.#identity, ...this.#state, torn: null }
  }

  async initialise(identity: Identity): Promise<void> {
    if (!this.#isOpen) throw new StorageError(place, 'it is not open')
    if (this.#identity !== null) throw new StorageError(place, 'it holds the data of a server already')
    this.#identity = identity
  }

  persist(write: Write): Promise<void> {
    const refusal = this.#refusal()
    if (refusal !== null) return Promise.reject(refusal)
    try {
      const state = afterWrite(this.#state, write, (instance, batch) => this.#chosen.set(instance, batch))
      if (write.by === 'snapshot') this.#snapshots.name(write.snapshot)
      this.#state = state
    } catch (error) {
      return Promise.reject(new StorageError(place, messageOf(error), error))
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ synced: isSyncedAtOnce(write), resolve, reject })
      if (this.#waiting.length === 1) queueMicrotask(() => this.#write())
    })
  }

  async chosen(from: Instance, limitBytes: number): Promise<Batch[] | null> {
    if (!this.#isOpen) throw new StorageError(place, 'it is not open')
    if (from < this.#state.floor) return null
    const page: Batch[] = []
    let bytes = 0
    for (let instance = from; instance < this.#state.firstUnchosen; instance += 1) {
      const batch = this.#chosen.get(instance)!
      bytes += Buffer.byteLength(JSON.stringify(batch))
      if (page.length > 0 && bytes > limitBytes) break
      page.push(batch)
    }
    return page
  }

  draft(): SnapshotDraft {
    return this.#snapshots.draft()
  }

  async receive(name: SnapshotName, visit: (bytes: Uint8Array) => void): Promise<SnapshotDraft> {
    const refusal = this.#refusal()
    if (refusal !== null) throw refusal
    return this.#snapshots.receive(name, visit)
  }

  async readSnapshot(
    name: SnapshotName,
    offsetBytes: number,
    lengthBytes: number,
  ): Promise<Uint8Array | null> {
    if (!this.#isOpen) throw new StorageError(place, 'it is not open')
    return this.#snapshots.read(name, offsetBytes, lengthBytes)
  }

  async close(): Promise<void> {
    if (!this.#isOpen) return
    this.#write()
    this.#sync()
    this.#isOpen = false
  }

  /** Simulates a crash of the machine: unsynced writes are lost, and the storage must be opened again. */
  crash(): void {
    this.#failed = new StorageError(place, 'it crashed before this was stored')
    this.#fail(this.#failed)
    for (const { reject } of this.#waiting) reject(this.#failed)
    this.#waiting = []
    this.#state = this.#syncedState
    for (const instance of [...this.#chosen.keys()]) {
      if (instance >= this.#state.firstUnchosen) this.#chosen.delete(instance)
    }
    this.#isOpen = false
  }

  #write(): void {
    const group = this.#waiting
    this.#waiting = []
    if (group.some(({ synced }) => synced)) this.#sync()
    for (const { resolve } of group) resolve()
  }

  #sync(): void {
    const { floor, snapshot } = this.#state
    for (let instance = this.#syncedState.floor; instance < floor; instance += 1) {
      this.#chosen.delete(instance)
    }
    if (snapshot !== null) this.#snapshots.synced(snapshot)
    this.#syncedState = this.#state
  }

  /** Why nothing may be written now; `null` when it may. */
  #refusal(): StorageError | null {
    if (this.#failed !== null) return this.#failed
    if (!this.#isOpen) return new StorageError(place, 'it is closed')
    if (this.#identity !== null) return null
    return new StorageError(place, 'it is not initialised: no write is allowed yet')
  }
}

const place = 'memory'
