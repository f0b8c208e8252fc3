import type { Batch, ChosenBatch, Instance } from '../../machines/batch.ts'
import type { Write } from '../../machines/outputs.ts'
import type { SnapshotName } from '../../machines/snapshot-name.ts'
import { batchBytes } from '../core/batch-bytes.ts'
import { afterWrite, type DurableState, isSyncedAtOnce, nothingDurable } from '../core/durable.ts'
import { messageOf } from '../core/message-of.ts'
import { type Process, run, until } from '../core/process.ts'
import { StartError } from '../core/start-error.ts'
import type { FileDraft } from './file-draft.ts'
import type { Files } from './files.ts'
import { pageEnd, readChosen } from './log/chosen-pages.ts'
import { firstRecordOffset, recordCountOf } from './log/group.ts'
import { logDirectory } from './log/layout.ts'
import { removeAll } from './log/leftovers.ts'
import { baseOf, LogIndex } from './log/log-index.ts'
import {
  type LogOwner,
  type LogSizes,
  type LogWriter,
  usualSizes,
  type WrittenGroup,
} from './log/log-writer.ts'
import { type LogContents, readLog } from './log/read-log.ts'
import { lengthOf, type StoredSnapshot } from './log/records.ts'
import { baseRecords, recordsOf } from './log/records-of-write.ts'
import { SegmentFiles } from './log/segment-files.ts'
import { type After, Upkeep } from './log/upkeep.ts'
import { SnapshotFiles } from './snapshot-files.ts'
import { type Identity, type OpenedStorage, type OwnerCheck, StorageError } from './storage.ts'
import { type StoreParts, usualStoreParts } from './store-parts.ts'
import { reasonOf } from './write-failure.ts'
import { recordsIn, type WaitingWrite, type WriteEnded, WriteQueue } from './write-queue.ts'

export interface LogStoreOptions {
  readonly files: Files
  /** The directory of the files, for messages. */
  readonly directory: string
  readonly after: After
  /** Returns a random number of 32 bits. */
  readonly salt: () => number
  readonly sizes?: LogSizes
  /** What is kept of a received snapshot is made durable each time when so many bytes have arrived; 1 MiB by default. */
  readonly keepEveryBytes?: number
  readonly parts?: StoreParts
  /** Receives the error of the first failed write or sync, at once. The server must halt. */
  readonly failed?: (error: StorageError) => void
}

/**
 * A store in a log of its own. It uses no promises, and receives its files and its timers, so that it runs in virtual time as it
 * does on a disk. All operations end by callbacks; see src/core/process.ts.
 */
export class LogStore {
  readonly #options: LogStoreOptions
  readonly #parts: StoreParts
  readonly #files: Files
  #status: 'closed' | 'opening' | 'open' | 'initialised' = 'closed'
  #failed: StorageError | null = null
  /** The state after all requested writes. */
  #state: DurableState = nothingDurable
  /** The state after all groups that were synced. */
  #index = new LogIndex()
  #writer: LogWriter | null = null
  readonly #waiting = new WriteQueue()
  /** The chosen batches whose group is not synced yet. They follow those of `#index`. */
  #unwritten: ChosenBatch[] = []
  #isWriting = false
  readonly #segments: SegmentFiles
  #upkeep: Upkeep | null = null
  #idle: (() => void)[] = []
  readonly #snapshots: SnapshotFiles

  constructor(options: LogStoreOptions) {
    this.#options = options
    this.#parts = options.parts ?? usualStoreParts
    this.#files = this.#parts.files(options.files)
    this.#segments = new SegmentFiles(this.#files)
    this.#snapshots = new SnapshotFiles({
      files: this.#files,
      keepEveryBytes: options.keepEveryBytes ?? 1_048_576,
      partRules: this.#parts.partRules,
      refusal: () => this.#refusal(),
      fail: (error) => this.#stop(error),
      error: (reason) => this.#error(reason),
    })
  }

  /** The error of the first failed write, which fails all later writes too; `null` while no write has failed. */
  get failed(): StorageError | null {
    return this.#failed
  }

  /**
   * Opens and verifies the store, and makes durable what it read: the promise, the accepted records and everything after `head`
   * are written again and synced. Before that it calls `check`. Throws the error of `check`, or a `StorageError` that names the
   * directory and the reason.
   */
  *open(check: OwnerCheck = () => undefined): Process<OpenedStorage> {
    if (this.#status !== 'closed') throw this.#error('it is open already')
    if (this.#failed !== null) throw this.#failed
    this.#status = 'opening'
    try {
      const contents = yield* readLog(this.#files, undefined, this.#parts.rules)
      if (contents === null) this.#status = 'open'
      if (contents === null) return { identity: null, ...nothingDurable, torn: null }
      const { index, torn } = contents
      if (index.identity === null) throw new Error('it holds no identity')
      check(index.identity)
      yield* this.#continue(contents)
      this.#state = index.durable
      yield* this.#forgetParts()
      index.keepPlacesOnly()
      this.#status = 'initialised'
      return { identity: index.identity, ...this.#state, torn }
    } catch (error) {
      this.#status = 'closed'
      throw error === this.#failed || error instanceof StartError
        ? error
        : this.#error(messageOf(error), error)
    }
  }

  /** Stores and syncs the identity. Throws a `StorageError` when the store holds one, or when the write fails. */
  *initialise(identity: Identity): Process {
    if (this.#status === 'closed' || this.#status === 'opening') throw this.#error('it is not open')
    if (this.#status === 'initialised' || this.#isWriting) {
      throw this.#error('it holds the data of a server already. Give an empty directory')
    }
    this.#isWriting = true
    this.#index.keepPlacesOnly()
    const writer = this.#writerFor(identity, 0)
    try {
      this.#apply(yield* writer.create([{ type: 'identity', identity }]))
    } catch (error) {
      throw this.#fail(error)
    } finally {
      this.#isWriting = false
      this.#notifyIdle()
    }
    this.#use(writer)
    this.#status = 'initialised'
  }

  /**
   * Stores `write`, and calls `ended` when it is synced, or with the error. Writes are stored in the order of the calls, each whole
   * or not at all. Those that are requested during another write share one sync. `chosen` reads them from the moment of the call. A
   * snapshot must have been sealed before.
   */
  persist(write: Write, ended: WriteEnded): void {
    const refusal = this.#refusal()
    if (refusal !== null) {
      ended(refusal)
      return
    }
    const before = this.#state
    const unwritten = this.#unwritten.length
    try {
      this.#state = afterWrite(before, write, (instance, batch) => this.#unwritten.push({ instance, batch }))
      const named = write.by === 'snapshot' ? this.#snapshots.name(write.snapshot) : null
      const isAwaited = isSyncedAtOnce(write)
      const chosen = this.#unwritten.length - unwritten
      this.#waiting.push({ ...this.#recordsOf(write, before, named), isAwaited, chosen, ended })
    } catch (error) {
      this.#state = before
      this.#unwritten.length = unwritten
      ended(this.#error(messageOf(error), error))
      return
    }
    if (isSyncedAtOnce(write)) this.#writeNext()
    else this.#upkeep?.arm()
  }

  /** Begins a snapshot file; see `SnapshotStorage` in snapshot-draft.ts. */
  draft(): FileDraft {
    return this.#snapshots.draft()
  }

  /** Goes on with a snapshot that another server sends, or begins it; see `SnapshotStorage` in snapshot-draft.ts. */
  *receive(name: SnapshotName, visit: (bytes: Uint8Array) => void): Process<FileDraft> {
    const refusal = this.#refusal()
    if (refusal !== null) throw refusal
    try {
      return yield* this.#snapshots.receive(name, visit)
    } catch (error) {
      throw error instanceof StorageError ? error : this.#stop(error as Error)
    }
  }

  /** Reads a part of a snapshot; see `SnapshotStorage` in snapshot-draft.ts. */
  *readSnapshot(name: SnapshotName, offsetBytes: number, lengthBytes: number): Process<Uint8Array | null> {
    this.#checkIsOpen()
    try {
      return yield* this.#snapshots.read(name, offsetBytes, lengthBytes)
    } catch (error) {
      throw this.#error(messageOf(error), error)
    }
  }

  /**
   * Reads the chosen batches from `from` on, in order and without a gap: a page of at most `limitBytes` of JSON, but at least one
   * batch if one is chosen. `null` when the batch of `from` was deleted. Throws a `StorageError` when one of them is damaged or cannot
   * be read.
   */
  *chosen(from: Instance, limitBytes: number): Process<Batch[] | null> {
    this.#checkIsOpen()
    if (from < this.#state.floor) return null
    const { chosen } = this.#index
    const written = chosen.count
    const unwritten = this.#unwritten.filter(({ instance }) => instance >= from)
    const to = pageEnd(chosen, from, limitBytes)
    let page: Batch[]
    try {
      page = yield* readChosen(this.#files, chosen, from, to)
    } catch (error) {
      // Its segment was deleted during the reading.
      if (from < this.#state.floor) return null
      throw this.#error(messageOf(error), error)
    }
    if (to < written) return page
    let bytes = page.reduce((sum, batch) => sum + batchBytes(batch).length, 0)
    for (const { batch } of unwritten) {
      bytes += batchBytes(batch).length
      if (bytes > limitBytes && page.length > 0) break
      page.push(batch)
    }
    return page
  }

  /** Finishes all requested writes, writes `head`, and closes the files. Throws a `StorageError` when a write fails. */
  *close(): Process {
    if (this.#status === 'closed') return
    while (this.#isBusy || !this.#waiting.isEmpty) {
      if (!this.#isWriting && !this.#waiting.isEmpty) this.#writeNext()
      else yield* until<void>((ended) => this.#idle.push(() => ended(null)))
    }
    this.#upkeep?.end()
    this.#status = 'closed'
    if (this.#writer === null) return
    try {
      try {
        if (this.#failed === null && this.#upkeep?.headLags === true) yield* this.#writer.writeHead()
      } finally {
        yield* this.#snapshots.close()
        yield* this.#writer.close()
      }
    } catch (error) {
      throw this.#fail(error)
    }
  }

  /**
   * Removes the files that are no part of the log. Then writes again what must not be forgotten, into a new segment: it may be in the
   * cache of the operating system only.
   */
  *#continue(contents: LogContents): Process {
    const files = this.#files
    const { index, head, tail, leftovers, base, nextSegment } = contents
    this.#index = index
    this.#segments.opened(contents.numbers)
    const writer = this.#writerFor(contents, head.turn)
    try {
      // On a full disk the remains of failed starts are removed first. The log does not contain them.
      yield* removeAll(files, leftovers.unused)
      if (leftovers.unused.length > 0) yield* until(files.syncDirectory(logDirectory))
      this.#apply(yield* writer.continueIn(nextSegment, head.synced, base, [...index.votes, ...tail]))
      yield* removeAll(files, leftovers.compacted)
    } catch (error) {
      throw this.#fail(error)
    }
    this.#snapshots.opened(contents.snapshot, contents.kept, contents.nextSnapshot)
    this.#use(writer)
  }

  /** What is kept of a snapshot is of no use any more when the batches below it are known. */
  *#forgetParts(): Process {
    try {
      yield* this.#snapshots.forgetBelow(this.#state.firstUnchosen)
    } catch (error) {
      throw this.#fail(error)
    }
  }

  #writerFor({ cluster, incarnation }: LogOwner, turn: number): LogWriter {
    const { salt, sizes = usualSizes } = this.#options
    return this.#parts.writer({ files: this.#files, sizes, owner: { cluster, incarnation }, salt }, turn)
  }

  #use(writer: LogWriter): void {
    this.#writer = writer
    this.#upkeep = new Upkeep(writer, {
      after: this.#options.after,
      isWriting: () => this.#isWriting,
      hasWaiting: () => !this.#waiting.isEmpty,
      writeWaiting: () => this.#writeNext(),
      ended: (error) => {
        if (error !== null) this.#writesFailed([], error)
        this.#notifyIdle()
      },
    })
  }

  /** The records of a write, and its snapshot. */
  #recordsOf(
    write: Write,
    before: DurableState,
    draft: FileDraft | null,
  ): Pick<WaitingWrite, 'records' | 'snapshot'> {
    if (draft === null || write.by !== 'snapshot')
      return { records: recordsOf(write, before), snapshot: null }
    const { floor } = this.#state
    const snapshot = { snapshot: write.snapshot, floor, file: draft.file }
    return { records: baseRecords(snapshot, this.#index.identity!, this.#state), snapshot }
  }

  *#append(group: readonly WaitingWrite[]): Process<WrittenGroup> {
    const records = recordsIn(group)
    const snapshot = group[0]?.snapshot ?? null
    const writer = this.#writer!
    if (snapshot === null) return yield* writer.append(records)
    return yield* writer.appendBase(records, baseOf(this.#index, snapshot.floor, writer.nextSegment))
  }

  /** Writes waiting writes as one group. */
  #writeNext(): void {
    if (this.#isWriting) return
    const group = this.#waiting.takeGroup()
    this.#isWriting = true
    run(this.#append(group), (error, written) => {
      this.#isWriting = false
      const failed = error ?? this.#failed
      if (failed === null) this.#groupEnded(group, written!)
      else this.#writesFailed(group, failed)
      this.#notifyIdle()
    })
  }

  #groupEnded(group: readonly WaitingWrite[], written: WrittenGroup): void {
    this.#apply(written)
    for (const { chosen, snapshot, ended } of group) {
      this.#unwritten.splice(0, chosen)
      if (snapshot !== null) this.#compact(snapshot)
      ended(null)
    }
    if (this.#waiting.isAwaited) this.#writeNext()
    this.#upkeep?.groupEnded()
  }

  #writesFailed(group: readonly WaitingWrite[], error: Error): void {
    const failed = this.#fail(error)
    const refused = [...group, ...this.#waiting.takeAll()]
    for (const { ended } of refused) ended(failed)
  }

  /** The log holds a new snapshot: when `head` names it, what is in it can be deleted. */
  #compact(snapshot: StoredSnapshot): void {
    this.#snapshots.use(snapshot)
    const { base } = this.#writer!
    this.#upkeep!.vouchTwice(() => {
      this.#segments.remove(base, this.#snapshots.takeObsolete(), (error) => {
        if (error !== null) this.#stop(error)
        this.#notifyIdle()
      })
    })
  }

  #apply({ bytes, segment, offset: baseOffset }: WrittenGroup): void {
    this.#segments.wrote(segment)
    let offset = firstRecordOffset
    for (let count = recordCountOf(bytes); count > 0; count -= 1) {
      const refusal = this.#index.apply(bytes, offset, segment, baseOffset)
      if (refusal !== null) throw new Error(refusal)
      offset += lengthOf(bytes, offset)
    }
  }

  /** A write failed, for which no waiting one is written. */
  #stop(error: Error): StorageError {
    const failed = this.#fail(error)
    this.#writesFailed([], error)
    return failed
  }

  #checkIsOpen(): void {
    if (this.#status === 'closed' || this.#status === 'opening') throw this.#error('it is not open')
  }

  get #isBusy(): boolean {
    return this.#isWriting || this.#segments.isRemoving || this.#upkeep?.isWritingHead === true
  }

  #notifyIdle(): void {
    const idle = this.#idle
    this.#idle = []
    for (const notify of idle) notify()
  }

  /** Why no write is possible now; `null` when one is. */
  #refusal(): StorageError | null {
    if (this.#failed !== null) return this.#failed
    if (this.#status === 'closed' || this.#status === 'opening') return this.#error('it is not open')
    return this.#status === 'open' ? this.#error('it is not initialised: no write is allowed yet') : null
  }

  /** Records a failed write. The file must not be written again, since the contents of the disk are unknown. */
  #fail(error: unknown): StorageError {
    const reason = reasonOf(error)
    if (this.#failed !== null) return this.#failed
    this.#failed = this.#error(reason, error)
    this.#upkeep?.end()
    this.#options.failed?.(this.#failed)
    return this.#failed
  }

  #error(reason: string, cause?: unknown): StorageError {
    return new StorageError(this.#options.directory, reason, cause)
  }
}
