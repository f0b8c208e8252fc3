import type { Batch, Instance } from '../../machines/batch.ts'
import type { Write } from '../../machines/outputs.ts'
import { batchBytes } from '../core/batch-bytes.ts'
import { afterWrite, type DurableState, nothingDurable } from '../core/durable.ts'
import { messageOf } from '../core/message-of.ts'
import { type Process, run, until } from '../core/process.ts'
import { StartError } from '../core/start-error.ts'
import type { Files } from './files.ts'
import { pageEnd, readChosen } from './log/chosen-pages.ts'
import { firstRecordOffset, recordCountOf } from './log/group.ts'
import { logDirectory, pathOf } from './log/layout.ts'
import { LogIndex } from './log/log-index.ts'
import {
  type LogOwner,
  type LogSizes,
  type LogWriter,
  usualSizes,
  type WrittenGroup,
} from './log/log-writer.ts'
import { type LogContents, readLog } from './log/read-log.ts'
import { lengthOf, type StoredRecord } from './log/records.ts'
import { recordsOf } from './log/records-of-write.ts'
import { type After, Upkeep } from './log/upkeep.ts'
import { type Identity, type OpenedStorage, type OwnerCheck, StorageError } from './storage.ts'
import { type StoreParts, usualStoreParts } from './store-parts.ts'

export interface LogStoreOptions {
  readonly files: Files
  /** The directory of the files, for messages. */
  readonly directory: string
  readonly after: After
  /** Returns a random number of 32 bits. */
  readonly salt: () => number
  readonly sizes?: LogSizes
  readonly parts?: StoreParts
  /** Receives the error of the first failed write or sync, at once. The server must halt. */
  readonly failed?: (error: StorageError) => void
}

type Ended = (error: StorageError | null) => void

interface Waiting {
  readonly records: readonly StoredRecord[]
  /** True for a write of the acceptor, for which a role waits. */
  readonly isAwaited: boolean
  readonly chosen: number
  readonly ended: Ended
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
  #waiting: Waiting[] = []
  /** The chosen batches whose group is not synced yet. They follow those of `#index`. */
  #unwritten: Batch[] = []
  #isWriting = false
  #upkeep: Upkeep | null = null
  #idle: (() => void)[] = []

  constructor(options: LogStoreOptions) {
    this.#options = options
    this.#parts = options.parts ?? usualStoreParts
    this.#files = this.#parts.files(options.files)
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
   * or not at all. Those that are requested during another write share one sync. `chosen` reads them from the moment of the call.
   */
  persist(write: Write, ended: Ended): void {
    const refusal = this.#refusal()
    if (refusal !== null) {
      ended(refusal)
      return
    }
    const before = this.#state
    try {
      this.#state = afterWrite(before, write, (_, batch) => this.#unwritten.push(batch))
    } catch (error) {
      this.#unwritten.length = before.firstUnchosen - this.#index.chosen.count
      ended(this.#error(messageOf(error), error))
      return
    }
    const isAwaited = write.by === 'acceptor'
    const chosen = this.#state.firstUnchosen - before.firstUnchosen
    this.#waiting.push({ records: recordsOf(write, before), isAwaited, chosen, ended })
    if (isAwaited) this.#writeNext()
    else this.#upkeep?.arm()
  }

  /**
   * Reads the chosen batches from `from` on, in order and without a gap: a page of at most `limitBytes` of JSON, but at least one
   * batch if one is chosen. Throws a `StorageError` when one of them is damaged or cannot be read.
   */
  *chosen(from: Instance, limitBytes: number): Process<Batch[]> {
    if (this.#status === 'closed' || this.#status === 'opening') throw this.#error('it is not open')
    const { chosen } = this.#index
    const written = chosen.count
    const unwritten = [...this.#unwritten]
    const to = pageEnd(chosen, from, limitBytes)
    let page: Batch[]
    try {
      page = yield* readChosen(this.#files, chosen, from, to)
    } catch (error) {
      throw this.#error(messageOf(error), error)
    }
    if (to < written) return page
    let bytes = page.reduce((sum, batch) => sum + batchBytes(batch).length, 0)
    for (const batch of unwritten.slice(Math.max(0, from - written))) {
      bytes += batchBytes(batch).length
      if (bytes > limitBytes && page.length > 0) break
      page.push(batch)
    }
    return page
  }

  /** Finishes all requested writes, writes `head`, and closes the files. Throws a `StorageError` when a write fails. */
  *close(): Process {
    if (this.#status === 'closed') return
    while (this.#isWriting || this.#upkeep?.isWritingHead === true || this.#waiting.length > 0) {
      if (!this.#isWriting && this.#waiting.length > 0) this.#writeNext()
      else yield* until<void>((ended) => this.#idle.push(() => ended(null)))
    }
    this.#upkeep?.end()
    this.#status = 'closed'
    if (this.#writer === null) return
    try {
      try {
        if (this.#failed === null && this.#upkeep?.headLags === true) yield* this.#writer.writeHead()
      } finally {
        yield* this.#writer.close()
      }
    } catch (error) {
      throw this.#fail(error)
    }
  }

  /**
   * Removes the segments that are no part of the log. Then writes again what must not be forgotten, into a new segment: it may be in
   * the cache of the operating system only.
   */
  *#continue({ index, head, tail, superseded, nextSegment, ...owner }: LogContents): Process {
    const files = this.#files
    this.#index = index
    const writer = this.#writerFor(owner, head.turn)
    try {
      // On a full disk the remains of failed starts are removed first. The log does not contain them.
      for (const name of superseded) yield* until(files.remove(pathOf(name)))
      if (superseded.length > 0) yield* until(files.syncDirectory(logDirectory))
      this.#apply(yield* writer.continueIn(nextSegment, head.synced, [...index.votes, ...tail]))
    } catch (error) {
      throw this.#fail(error)
    }
    this.#use(writer)
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
      hasWaiting: () => this.#waiting.length > 0,
      writeWaiting: () => this.#writeNext(),
      ended: (error) => {
        if (error !== null) this.#writesFailed([], error)
        this.#notifyIdle()
      },
    })
  }

  /** Writes all waiting writes as one group. */
  #writeNext(): void {
    if (this.#isWriting) return
    const group = this.#waiting
    this.#waiting = []
    this.#isWriting = true
    const records = group.length === 1 ? group[0]!.records : group.flatMap((waiting) => waiting.records)
    run(this.#writer!.append(records), (error, written) => {
      this.#isWriting = false
      const failed = error ?? this.#failed
      if (failed === null) this.#groupEnded(group, written!)
      else this.#writesFailed(group, failed)
      this.#notifyIdle()
    })
  }

  #groupEnded(group: readonly Waiting[], written: WrittenGroup): void {
    this.#apply(written)
    for (const { chosen, ended } of group) {
      this.#unwritten.splice(0, chosen)
      ended(null)
    }
    if (this.#waiting.some(({ isAwaited }) => isAwaited)) this.#writeNext()
    this.#upkeep?.groupEnded()
  }

  #writesFailed(group: readonly Waiting[], error: Error): void {
    const failed = this.#fail(error)
    const refused = [...group, ...this.#waiting]
    this.#waiting = []
    for (const { ended } of refused) ended(failed)
  }

  #apply({ bytes, segment, offset: baseOffset }: WrittenGroup): void {
    let offset = firstRecordOffset
    for (let count = recordCountOf(bytes); count > 0; count -= 1) {
      const refusal = this.#index.apply(bytes, offset, segment, baseOffset)
      if (refusal !== null) throw new Error(refusal)
      offset += lengthOf(bytes, offset)
    }
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

/** Why a write failed, and what to do. */
function reasonOf(error: unknown): string {
  const text = messageOf(error)
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return `the disk is full (${text}). Restart the server when there is space`
    case 'EACCES':
    case 'EPERM':
      return `a write is not permitted (${text}). Give the user of the server write access, and restart the server`
    case 'EROFS':
      return `the file system is read-only (${text}). Mount it writable, and restart the server`
    default:
      return `a write failed: ${text}. Restart the server when the disk works again`
  }
}
