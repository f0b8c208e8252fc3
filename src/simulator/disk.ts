import type { Batch, Instance } from '../../machines/batch.ts'
import type { Write } from '../../machines/outputs.ts'
import { afterWrite, type DurableState, nothingDurable, type Stored } from '../core/durable.ts'
import { type Operation, type Process, run } from '../core/process.ts'
import type { Files } from '../storage/files.ts'
import type { LogSizes } from '../storage/log/log-writer.ts'
import { LogStore } from '../storage/log-store.ts'
import type { Identity } from '../storage/storage.ts'
import { type StoreParts, usualStoreParts } from '../storage/store-parts.ts'
import { checkOpened } from '../verify/storage.ts'
import { SimulatedFiles, type Unsynced } from './files.ts'
import { Random, seedFor } from './random.ts'

/** Small segments, so that they change often in a run. */
const sizes: LogSizes = { segmentBytes: 48 * 1_024, aheadBytes: 16 * 1_024 }
/** The size of the pages in which a server reads its chosen batches when it starts, in bytes of JSON. */
const pageBytes = 16_384

/** What a process offers to its store. */
export interface DiskProcess {
  readonly files: (files: SimulatedFiles) => Files
  readonly after: (delayMs: number, action: () => void) => () => void
  /** A write or a sync failed: the server must halt. */
  readonly failed: (error: Error) => void
}

/** What a process found on its disk. */
export interface Opened extends Stored {
  /** True when the interrupted end of the log was dropped. */
  readonly isTorn: boolean
}

/**
 * The disk of a simulated server: files, with the store of live servers in them, and beside it a model of what the store must
 * hold. A process opens the store, and ends with `crash`.
 */
export class SimulatedDisk {
  readonly files = new SimulatedFiles()
  /** True after its synced data was damaged. */
  isDamaged = false
  readonly #identity: Identity
  readonly #random: Random
  readonly #parts: StoreParts
  /** The state after all writes that ended, and the batches that are chosen in it. */
  #state: DurableState = nothingDurable
  readonly #chosen: Batch[] = []
  /** The writes that have not ended, in order. */
  #pending: Write[] = []
  #store: LogStore | null = null

  constructor(seed: number, identity: Identity, parts: StoreParts = usualStoreParts) {
    this.#parts = parts
    this.#identity = identity
    this.#random = new Random(seedFor(seed, `the disk of ${identity.node} ${identity.incarnation}`))
    run(this.#create(), (error) => {
      if (error !== null) throw error
    })
  }

  /** The state after all writes that ended. */
  get state(): DurableState {
    return this.#state
  }

  /** The number of writes that have not ended. */
  get unsynced(): number {
    return this.#pending.length
  }

  /**
   * Opens the store for a process. Throws a `StorageError` when the store refuses, and a `Violation` when it holds another state
   * than what was synced, possibly with writes that were in flight.
   */
  *open(process: DiskProcess): Process<Opened> {
    const store = this.#storeOf(process)
    const { identity, torn, ...durable } = yield* store.open()
    const chosen: Batch[] = []
    while (chosen.length < durable.firstUnchosen)
      chosen.push(...(yield* store.chosen(chosen.length, pageBytes)))
    const pending = this.#pending
    this.#pending = []
    const model = { identity: this.#identity, state: this.#state, chosen: this.#chosen, pending }
    const survived = checkOpened(model, { identity, durable, chosen })
    for (const write of pending.slice(0, survived)) this.#apply(write)
    this.#store = store
    return { durable, snapshot: null, chosen, isTorn: torn !== null }
  }

  /** Writes. `ended` is called when the write is synced. */
  persist(write: Write, ended: () => void): void {
    this.#pending.push(write)
    this.#opened().persist(write, (error) => {
      if (error !== null) return
      this.#apply(write)
      this.#pending.shift()
      ended()
    })
  }

  /** Reads a page of chosen batches. Fails with a `StorageError` when it cannot be read. */
  read(from: Instance, limitBytes: number): Operation<Batch[]> {
    const page = this.#opened().chosen(from, limitBytes)
    return (ended) => run(page, ended)
  }

  /** The process ends: by a power cut, or alone. */
  crash(unsynced: Unsynced): void {
    this.#store = null
    this.files.crash(unsynced, this.#random)
  }

  #opened(): LogStore {
    if (this.#store === null) throw new Error('the disk is not open')
    return this.#store
  }

  #storeOf({ files, after, failed }: DiskProcess): LogStore {
    const salt = () => this.#random.below(2 ** 32)
    return new LogStore({
      files: files(this.files),
      directory: 'disk',
      after,
      salt,
      sizes,
      failed,
      parts: this.#parts,
    })
  }

  /** Creates the store, at once: a run begins with servers that have one. */
  *#create(): Process {
    const session = (files: SimulatedFiles) =>
      files.session((_, act, ended) => {
        act()
        ended()
      })
    const store = this.#storeOf({ files: session, after: () => () => undefined, failed: () => undefined })
    yield* store.open()
    yield* store.initialise(this.#identity)
    yield* store.close()
  }

  #apply(write: Write): void {
    this.#state = afterWrite(this.#state, write, (_, batch) => this.#chosen.push(batch))
  }
}
