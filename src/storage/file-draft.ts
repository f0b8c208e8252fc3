/** A snapshot file that is being written. */
import type { SnapshotName } from '../../machines/snapshot-name.ts'
import { type Process, run, until } from '../core/process.ts'
import type { Files } from './files.ts'
import { encodePart, type KeptPart, type PartRules } from './log/kept-part.ts'
import { logDirectory, partFileName, pathOf, snapshotFileName } from './log/layout.ts'
import { Sha256 } from './sha256.ts'
import type { SealedSnapshot } from './snapshot-draft.ts'
import { StorageError } from './storage.ts'

/** Calls back with the error, or with `null` and the result. */
export type DraftEnded<T> = (error: StorageError | null, result?: T) => void

export interface DraftOptions {
  readonly files: Files
  /** A received snapshot is synced, and what is kept of it is recorded, each time when so many bytes have arrived. */
  readonly keepEveryBytes: number
  readonly partRules: PartRules
  /** Why no file may be written now; `null` when one may. */
  readonly refusal: () => StorageError | null
  /** Records a failed write, and returns its error. */
  readonly fail: (error: Error) => StorageError
  readonly error: (reason: string) => StorageError
}

/** The size of the reads in which a kept part is verified. */
const readBytes = 65_536

/** As `SnapshotDraft` in snapshot-draft.ts, with callbacks. */
export class FileDraft {
  readonly file: number
  /** The snapshot that another server sends; `null` for one that this server draws. */
  readonly received: SnapshotName | null
  readonly #options: DraftOptions
  readonly #path: string
  readonly #partPath: string
  readonly #hash = new Sha256()
  readonly #steps: (() => void)[] = []
  readonly #idle: (() => void)[] = []
  #isBusy = false
  #isCreated = false
  #isDiscarded = false
  #lengthBytes = 0
  #writtenBytes = 0
  /** How often the part was recorded, and with how many bytes. */
  #turn = 0
  #keptBytes = 0
  #sealed: SealedSnapshot | null = null
  /** True from the moment when a write names it. */
  isNamed = false

  constructor(file: number, received: SnapshotName | null, options: DraftOptions) {
    this.file = file
    this.received = received
    this.#options = options
    this.#path = pathOf(snapshotFileName(file))
    this.#partPath = pathOf(partFileName(file))
  }

  get lengthBytes(): number {
    return this.#lengthBytes
  }

  /** `null` until `seal` has ended. */
  get sealed(): SealedSnapshot | null {
    return this.#isDiscarded ? null : this.#sealed
  }

  /** The files that hold it: its bytes, and what is kept of them while they arrive. */
  get paths(): readonly string[] {
    return this.received === null ? [this.#path] : [this.#path, this.#partPath]
  }

  append(bytes: Uint8Array, ended: DraftEnded<void>): void {
    this.#lengthBytes += bytes.length
    this.#then(this.#append(bytes), ended)
  }

  seal(ended: DraftEnded<SealedSnapshot>): void {
    this.#then(this.#seal(), ended)
  }

  discard(ended: DraftEnded<void> = () => undefined): void {
    if (this.isNamed) ended(null)
    else this.#then(this.#discard(), ended)
  }

  /**
   * Goes on with what an earlier process kept of the snapshot, and passes it to `visit`. Returns false when the file does not hold these
   * bytes; then the draft must be discarded. Nothing may be appended before it returns.
   */
  *goOn(kept: KeptPart, visit: (bytes: Uint8Array) => void): Process<boolean> {
    const { turn, keptBytes } = kept
    this.#isCreated = true
    for (let offset = 0; offset < keptBytes; ) {
      const refusal = this.#options.refusal()
      if (refusal !== null) throw refusal
      const part = yield* this.#read(offset, Math.min(readBytes, keptBytes - offset))
      if (part === null) return false
      this.#hash.update(part)
      visit(part)
      offset += part.length
    }
    if (!this.#options.partRules.areKept(this.#hash.soFar(), kept)) return false
    // What follows the kept bytes is written again, but nothing would shorten a file that is longer than the snapshot.
    if ((yield* this.#read(kept.snapshot.lengthBytes, 1)) !== null) return false
    this.#turn = turn
    this.#keptBytes = keptBytes
    this.#writtenBytes = keptBytes
    this.#lengthBytes = keptBytes
    return true
  }

  /** Waits for the operations that were requested, and closes the files. */
  *close(): Process {
    if (this.#isBusy) yield* until<void>((ended) => this.#idle.push(() => ended(null)))
    if (!this.#isCreated) return
    for (const path of this.paths) yield* until(this.#options.files.close(path))
  }

  *#append(bytes: Uint8Array): Process {
    this.#checkIsOpen()
    yield* this.#create()
    yield* until(this.#options.files.write(this.#path, this.#writtenBytes, bytes))
    this.#hash.update(bytes)
    this.#writtenBytes += bytes.length
    if (this.#writtenBytes - this.#keptBytes >= this.#options.keepEveryBytes) yield* this.#keep()
  }

  *#seal(): Process<SealedSnapshot> {
    this.#checkIsOpen()
    const { files } = this.#options
    yield* this.#create()
    if (this.received === null || this.#writtenBytes === this.#keptBytes) yield* until(files.sync(this.#path))
    else yield* this.#keep()
    yield* until(files.syncDirectory(logDirectory))
    yield* until(files.close(this.#path))
    this.#sealed = { lengthBytes: this.#writtenBytes, digest: this.#hash.hex() }
    return this.#sealed
  }

  /** Syncs what has arrived, and then records it, so that a later process goes on there. */
  *#keep(): Process {
    const snapshot = this.received
    if (snapshot === null) return
    const { files } = this.#options
    yield* until(files.sync(this.#path))
    if (this.#turn === 0) yield* until(files.create(this.#partPath))
    this.#turn += 1
    const part = { turn: this.#turn, snapshot, keptBytes: this.#writtenBytes, digest: this.#hash.soFar() }
    const { offset, bytes } = encodePart(part)
    yield* until(files.write(this.#partPath, offset, bytes))
    yield* until(files.sync(this.#partPath))
    if (this.#turn === 1) yield* until(files.syncDirectory(logDirectory))
    this.#keptBytes = this.#writtenBytes
  }

  *#discard(): Process {
    if (this.isNamed || this.#isDiscarded) return
    this.#isDiscarded = true
    if (!this.#isCreated) return
    const { files } = this.#options
    for (const path of this.paths) {
      yield* until(files.close(path))
      yield* until(files.remove(path))
    }
  }

  *#create(): Process {
    if (this.#isCreated) return
    yield* until(this.#options.files.create(this.#path))
    this.#isCreated = true
  }

  /** `null` when the bytes cannot be read, or when the file ends before them: they are received again. */
  *#read(offset: number, lengthBytes: number): Process<Uint8Array | null> {
    try {
      const bytes = yield* until(this.#options.files.read(this.#path, offset, lengthBytes))
      return bytes.length === lengthBytes ? bytes : null
    } catch {
      return null
    }
  }

  #checkIsOpen(): void {
    if (this.#isDiscarded) throw this.#options.error(`the snapshot file ${this.#path} was discarded`)
    if (this.#sealed !== null) throw this.#options.error(`the snapshot file ${this.#path} is sealed`)
  }

  /** Runs `step` after those before it. An error of the file system ends the store, and one of the store itself does not. */
  #then<T>(step: Process<T>, ended: DraftEnded<T>): void {
    this.#steps.push(() => {
      const refusal = this.#options.refusal()
      const settle: DraftEnded<T> = (error, result) => {
        ended(error, result)
        this.#next()
      }
      if (refusal !== null) settle(refusal)
      else {
        run(step, (error, result) => {
          if (error === null) settle(null, result)
          else settle(error instanceof StorageError ? error : this.#options.fail(error))
        })
      }
    })
    if (!this.#isBusy) this.#next()
  }

  #next(): void {
    const step = this.#steps.shift()
    this.#isBusy = step !== undefined
    if (step !== undefined) step()
    else for (const notify of this.#idle.splice(0)) notify()
  }
}
