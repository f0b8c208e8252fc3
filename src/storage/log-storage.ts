import { randomInt } from 'node:crypto'
import type { Batch, Instance } from '../../machines/batch.ts'
import type { Write } from '../../machines/outputs.ts'
import type { SnapshotName } from '../../machines/snapshot-name.ts'
import { promised } from '../core/process.ts'
import type { DraftEnded, FileDraft } from './file-draft.ts'
import type { LogSizes } from './log/log-writer.ts'
import { LogStore } from './log-store.ts'
import { RealFiles } from './real-files.ts'
import type { SealedSnapshot, SnapshotDraft } from './snapshot-draft.ts'
import type { Identity, OpenedStorage, OwnerCheck, Storage, StorageError } from './storage.ts'

export interface LogStorageOptions {
  readonly sizes?: LogSizes
  /** As in `LogStoreOptions`. */
  readonly keepEveryBytes?: number
  /** Called when the storage is closed. */
  readonly closed?: () => Promise<void>
}

/** The storage of a live server: a log in a directory of the file system. */
export class LogStorage implements Storage {
  readonly whenFailed: Promise<StorageError>
  readonly #store: LogStore
  readonly #closed: () => Promise<void>
  #opening: Promise<unknown> = Promise.resolve()
  #closing: Promise<void> | null = null

  /**
   * Storage below `directory`, which must exist. The caller makes sure that no other process uses the directory until `closed` is
   * called.
   */
  constructor(
    directory: string,
    { sizes, keepEveryBytes, closed = async () => undefined }: LogStorageOptions = {},
  ) {
    this.#closed = closed
    let fail: (error: StorageError) => void = () => undefined
    this.whenFailed = new Promise((resolve) => {
      fail = resolve
    })
    this.#store = new LogStore({
      files: new RealFiles(directory),
      directory,
      after: (delayMs, action) => {
        const timer = setTimeout(action, delayMs)
        return () => clearTimeout(timer)
      },
      salt: () => randomInt(2 ** 32),
      failed: fail,
      ...(sizes === undefined ? {} : { sizes }),
      ...(keepEveryBytes === undefined ? {} : { keepEveryBytes }),
    })
  }

  get failed(): StorageError | null {
    return this.#store.failed
  }

  open(check?: OwnerCheck): Promise<OpenedStorage> {
    this.#closing = null
    const opened = promised(this.#store.open(check))
    this.#opening = opened.catch(() => undefined)
    return opened
  }

  initialise(identity: Identity): Promise<void> {
    return promised(this.#store.initialise(identity))
  }

  persist(write: Write): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#store.persist(write, (error) => {
        if (error === null) resolve()
        else reject(error)
      })
    })
  }

  chosen(from: Instance, limitBytes: number): Promise<Batch[] | null> {
    return promised(this.#store.chosen(from, limitBytes))
  }

  draft(): SnapshotDraft {
    return new PromisedDraft(this.#store.draft())
  }

  async receive(name: SnapshotName, visit: (bytes: Uint8Array) => void): Promise<SnapshotDraft> {
    return new PromisedDraft(await promised(this.#store.receive(name, visit)))
  }

  readSnapshot(name: SnapshotName, offsetBytes: number, lengthBytes: number): Promise<Uint8Array | null> {
    return promised(this.#store.readSnapshot(name, offsetBytes, lengthBytes))
  }

  close(): Promise<void> {
    this.#closing ??= this.#opening.then(() => promised(this.#store.close())).finally(this.#closed)
    return this.#closing
  }
}

class PromisedDraft implements SnapshotDraft {
  readonly #draft: FileDraft

  constructor(draft: FileDraft) {
    this.#draft = draft
  }

  get lengthBytes(): number {
    return this.#draft.lengthBytes
  }

  append(bytes: Uint8Array): Promise<void> {
    return settling((ended) => this.#draft.append(bytes, ended))
  }

  seal(): Promise<SealedSnapshot> {
    return settling((ended) => this.#draft.seal(ended))
  }

  discard(): Promise<void> {
    return settling((ended) => this.#draft.discard(ended))
  }
}

function settling<T>(begin: (ended: DraftEnded<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    begin((error, result) => {
      if (error === null) resolve(result as T)
      else reject(error)
    })
  })
}
