/** The snapshot files of a store in files: the drafts that are being written, the present snapshot and the one before it. */
import type { SnapshotName } from '../../machines/snapshot-name.ts'
import { type Process, run, until } from '../core/process.ts'
import { Sha256 } from '../core/sha256.ts'
import type { Files } from './files.ts'
import { Damage } from './log/damage.ts'
import { intact } from './log/intact.ts'
import { logDirectory, pathOf, snapshotFileName } from './log/layout.ts'
import type { StoredSnapshot } from './log/records.ts'
import { type DraftKind, type SealedSnapshot, sealedAs } from './snapshot-draft.ts'
import { StorageError } from './storage.ts'

/** Calls back with the error, or with `null` and the result. */
export type DraftEnded<T> = (error: StorageError | null, result?: T) => void

export interface SnapshotFilesOptions {
  readonly files: Files
  /** Why no file may be written now; `null` when one may. */
  readonly refusal: () => StorageError | null
  /** Records a failed write, and returns its error. */
  readonly fail: (error: Error) => StorageError
  readonly error: (reason: string) => StorageError
}

/** As `SnapshotDraft` in snapshot-draft.ts, with callbacks. */
export class FileDraft {
  readonly kind: DraftKind
  readonly file: number
  readonly #options: SnapshotFilesOptions
  readonly #path: string
  readonly #hash = new Sha256()
  readonly #steps: (() => void)[] = []
  readonly #idle: (() => void)[] = []
  #isBusy = false
  #isCreated = false
  #isDiscarded = false
  #lengthBytes = 0
  #writtenBytes = 0
  #sealed: SealedSnapshot | null = null
  /** True from the moment when a write names it. */
  isNamed = false

  constructor(kind: DraftKind, file: number, options: SnapshotFilesOptions) {
    this.kind = kind
    this.file = file
    this.#options = options
    this.#path = pathOf(snapshotFileName(file))
  }

  get lengthBytes(): number {
    return this.#lengthBytes
  }

  /** `null` until `seal` has ended. */
  get sealed(): SealedSnapshot | null {
    return this.#isDiscarded ? null : this.#sealed
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

  /** Waits for the operations that were requested, and closes the file. */
  *close(): Process {
    if (this.#isBusy) yield* until<void>((ended) => this.#idle.push(() => ended(null)))
    if (this.#isCreated) yield* until(this.#options.files.close(this.#path))
  }

  *#append(bytes: Uint8Array): Process {
    this.#checkIsOpen()
    yield* this.#create()
    yield* until(this.#options.files.write(this.#path, this.#writtenBytes, bytes))
    this.#hash.update(bytes)
    this.#writtenBytes += bytes.length
  }

  *#seal(): Process<SealedSnapshot> {
    this.#checkIsOpen()
    const { files } = this.#options
    yield* this.#create()
    yield* until(files.sync(this.#path))
    yield* until(files.syncDirectory(logDirectory))
    yield* until(files.close(this.#path))
    this.#sealed = { lengthBytes: this.#writtenBytes, digest: this.#hash.hex() }
    return this.#sealed
  }

  *#discard(): Process {
    if (this.isNamed || this.#isDiscarded) return
    this.#isDiscarded = true
    if (!this.#isCreated) return
    const { files } = this.#options
    yield* until(files.close(this.#path))
    yield* until(files.remove(this.#path))
  }

  *#create(): Process {
    if (this.#isCreated) return
    yield* until(this.#options.files.create(this.#path))
    this.#isCreated = true
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

export class SnapshotFiles {
  readonly #options: SnapshotFilesOptions
  #drafts: FileDraft[] = []
  #present: StoredSnapshot | null = null
  #before: StoredSnapshot | null = null
  /** Files that nothing needs once `head` names the present snapshot. */
  #obsolete: string[] = []
  #nextFile = 1

  constructor(options: SnapshotFilesOptions) {
    this.#options = options
  }

  /** The store was opened with this snapshot. */
  opened(present: StoredSnapshot | null, nextFile: number): void {
    this.#present = present
    this.#nextFile = nextFile
  }

  draft(kind: DraftKind): FileDraft {
    for (const draft of this.#drafts) if (draft.kind === kind) draft.discard()
    this.#drafts = this.#drafts.filter((draft) => draft.kind !== kind)
    const draft = new FileDraft(kind, this.#nextFile, this.#options)
    this.#nextFile += 1
    this.#drafts.push(draft)
    return draft
  }

  /** A write names a sealed draft, which is not discarded from now on. Throws when there is none. */
  name(name: SnapshotName): FileDraft {
    const draft = sealedAs(this.#drafts, name)
    draft.isNamed = true
    this.#drafts = this.#drafts.filter((each) => each !== draft)
    return draft
  }

  /** The log holds this snapshot from now on. The one before it stays readable, and the one before that becomes obsolete. */
  use(present: StoredSnapshot): void {
    if (this.#before !== null) this.#obsolete.push(pathOf(snapshotFileName(this.#before.file)))
    this.#before = this.#present
    this.#present = present
  }

  /** Returns the paths of the obsolete files, once each. */
  takeObsolete(): readonly string[] {
    return this.#obsolete.splice(0)
  }

  /** Reads a part of a snapshot; `null` when it is not held. Throws a `Damage` when it cannot be read or the file is too short. */
  *read(name: SnapshotName, offsetBytes: number, lengthBytes: number): Process<Uint8Array | null> {
    const stored = this.#held(name)
    if (stored === null) return null
    const path = pathOf(snapshotFileName(stored.file))
    const expectedBytes = Math.max(0, Math.min(lengthBytes, name.lengthBytes - offsetBytes))
    if (expectedBytes === 0) return new Uint8Array(0)
    try {
      const read = this.#options.files.read(path, offsetBytes, expectedBytes)
      const bytes = yield* intact(until(read), path, offsetBytes)
      if (bytes.length === expectedBytes) return bytes
      throw new Damage(path, offsetBytes + bytes.length, 'the file ends there, but the snapshot is longer')
    } catch (error) {
      // It was deleted during the reading.
      if (this.#held(name) === null) return null
      throw error
    }
  }

  /** Waits for the operations on drafts, and closes their files. */
  *close(): Process {
    for (const draft of this.#drafts) yield* draft.close()
  }

  #held({ instance, digest }: SnapshotName): StoredSnapshot | null {
    const isIt = (stored: StoredSnapshot | null) =>
      stored?.snapshot.digest === digest && stored.snapshot.instance === instance
    return [this.#present, this.#before].find(isIt) ?? null
  }
}
