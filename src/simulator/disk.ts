import type { Batch, Instance } from '../../machines/batch.ts'
import type { Write } from '../../machines/outputs.ts'
import type { SnapshotName } from '../../machines/snapshot-name.ts'
import { joined } from '../core/bytes.ts'
import {
  afterWrite,
  type DurableState,
  nothingDurable,
  type Stored,
  withoutCompacted,
} from '../core/durable.ts'
import { type Operation, operationOf, type Process, run } from '../core/process.ts'
import type { FileDraft } from '../storage/file-draft.ts'
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
/** What is kept of a received snapshot is made durable each time when so many bytes have arrived: often in a run. */
const keepEveryBytes = 500
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
  readonly files: SimulatedFiles
  /** True after its synced data was damaged. */
  isDamaged = false
  readonly #identity: Identity
  readonly #seed: number
  readonly #random: Random
  readonly #parts: StoreParts
  /** The state after all writes that ended, and the batches that are chosen in it, from its floor on. */
  #state: DurableState
  #chosen: readonly Batch[]
  /** The writes that have not ended, in order. */
  #pending: Write[]
  #store: LogStore | null = null

  /** An empty disk, or one with the contents of `original`. */
  constructor(
    seed: number,
    identity: Identity,
    parts: StoreParts = usualStoreParts,
    original: SimulatedDisk | null = null,
  ) {
    this.#seed = seed
    this.#parts = parts
    this.#identity = identity
    this.#random = new Random(seedFor(seed, `the disk of ${identity.node} ${identity.incarnation}`))
    this.files = original?.files.copy() ?? new SimulatedFiles()
    this.#state = original?.state ?? nothingDurable
    this.#chosen = original === null ? [] : [...original.#chosen]
    this.#pending = original === null ? [] : [...original.#pending]
    if (original !== null) return
    run(this.#create(), (error) => {
      if (error !== null) throw error
    })
  }

  /** The state after all writes that ended. */
  get state(): DurableState {
    return this.#state
  }

  /** A copy of the disk. No process may have it open. */
  copy(): SimulatedDisk {
    if (this.#store !== null) throw new Error('the disk is open')
    return new SimulatedDisk(this.#seed, this.#identity, this.#parts, this)
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
    const chosen = yield* chosenIn(store, durable)
    const snapshot = yield* snapshotIn(store, durable)
    const pending = this.#pending
    this.#pending = []
    const model = { identity: this.#identity, state: this.#state, chosen: this.#chosen, pending }
    const survived = checkOpened(model, { identity, durable, snapshot, chosen })
    for (const write of pending.slice(0, survived)) this.#apply(write)
    this.#store = store
    return { durable, snapshot, chosen, isTorn: torn !== null }
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
  read(from: Instance, limitBytes: number): Operation<Batch[] | null> {
    const page = this.#opened().chosen(from, limitBytes)
    return (ended) => run(page, ended)
  }

  /** Begins a snapshot file. */
  draft(): FileDraft {
    return this.#opened().draft()
  }

  /** Goes on with a snapshot that another server sends, or begins it. */
  receive(name: SnapshotName, visit: (bytes: Uint8Array) => void): Operation<FileDraft> {
    return operationOf(this.#opened().receive(name, visit))
  }

  /** Reads a part of a snapshot; `null` when it is not held. Fails with a `StorageError` when it cannot be read. */
  readSnapshot(name: SnapshotName, offsetBytes: number, lengthBytes: number): Operation<Uint8Array | null> {
    const part = this.#opened().readSnapshot(name, offsetBytes, lengthBytes)
    return (ended) => run(part, ended)
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
      keepEveryBytes,
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
    const before = this.#state
    const more: Batch[] = []
    this.#state = afterWrite(before, write, (_, batch) => more.push(batch))
    this.#chosen = withoutCompacted([...this.#chosen, ...more], before, this.#state)
  }
}

function* chosenIn(store: LogStore, { floor, firstUnchosen }: DurableState): Process<readonly Batch[]> {
  const chosen: Batch[] = []
  while (floor + chosen.length < firstUnchosen) {
    const page = yield* store.chosen(floor + chosen.length, pageBytes)
    if (page === null || page.length === 0) break
    chosen.push(...page)
  }
  return chosen
}

/** The bytes of the snapshot. Where the store has none it is left out, and `checkOpened` reports that. */
function* snapshotIn(store: LogStore, { snapshot }: DurableState): Process<Uint8Array | null> {
  if (snapshot === null) return null
  const parts: Uint8Array[] = []
  for (let offset = 0; offset < snapshot.lengthBytes; offset += pageBytes) {
    const part = yield* store.readSnapshot(snapshot, offset, pageBytes)
    if (part === null) return null
    parts.push(part)
  }
  return joined(parts)
}
