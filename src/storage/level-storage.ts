/**
 * Storage on disk, in LevelDB. Each instance has one record: the batch that the acceptor accepted stays in place when it is
 * chosen, so there is no separate log.
 */
import type { Batch, Instance } from '../../machines/batch.ts'
import type { Write } from '../../machines/outputs.ts'
import { afterWrite, type DurableState, nothingDurable } from '../core/durable.ts'
import { messageOf } from '../core/message-of.ts'
import { readContents } from './level-contents.ts'
import { type Database, openLevelDatabase, type Put } from './level-database.ts'
import {
  damage,
  digestWith,
  encodeRecord,
  type InstanceRecord,
  identityKey,
  instanceKey,
  openRecord,
  stateKey,
  storedFormat,
} from './records.ts'
import { type Durable, type Identity, type Storage, StorageError } from './storage.ts'

interface Waiting {
  readonly puts: readonly Put[]
  readonly synced: boolean
  /** The number of chosen batches that this write makes readable in the database. */
  readonly settles: number
  readonly resolve: () => void
  readonly reject: (error: StorageError) => void
}

/**
 * How long a write of the learner waits, so that it can join a write of the acceptor. No role waits for the learner's
 * write, and a separate write would delay the next one of the acceptor.
 */
const lazyWriteMs = 20

export class LevelStorage implements Storage {
  readonly #directory: string
  readonly #openDatabase: (directory: string) => Promise<Database>
  #database: Database | null = null
  #failed: StorageError | null = null
  #isInitialised = false

  /** The state after all requested writes. */
  #state: DurableState = nothingDurable
  /** The number of the last requested write. */
  #count = 0
  /** For each accepted instance at and above `firstUnchosen`, the number of the write that stores its record. */
  #counts = new Map<Instance, number>()
  #settled = 0

  #waiting: Waiting[] = []
  #writing: Promise<void> | null = null
  #lazyWrite: NodeJS.Timeout | null = null
  /** The chosen batches just below `firstUnchosen` that cannot be read from the database yet. */
  #unwritten: Batch[] = []
  /**
   * The records that were written since the last sync. The next write contains them again and is synced: if the machine
   * crashes just after LevelDB has begun a new log, LevelDB may lose an unsynced write and keep a later one.
   */
  #unsynced: readonly Put[] = []

  /** Storage in `directory`, which `open` creates if it does not exist. Only tests pass `openDatabase`. */
  constructor(directory: string, openDatabase = openLevelDatabase) {
    this.#directory = directory
    this.#openDatabase = openDatabase
  }

  get failed(): StorageError | null {
    return this.#failed
  }

  async open(): Promise<Durable> {
    if (this.#database !== null) throw this.#error('it is open already')
    const database = await this.#openDatabase(this.#directory)
    try {
      const { identity, count, counts, settled, ...state } = await readContents(database)
      this.#state = state
      this.#count = count
      this.#counts = new Map(counts)
      this.#settled = settled
      this.#unwritten = []
      this.#unsynced = []
      this.#failed = null
      this.#isInitialised = identity !== null
      this.#database = database
      return { identity, ...state }
    } catch (error) {
      await database.close()
      throw this.#error(messageOf(error), error)
    }
  }

  initialise(identity: Identity): Promise<void> {
    const refusal = this.#refusal()
    if (refusal !== null) return Promise.reject(refusal)
    if (this.#isInitialised) {
      return Promise.reject(this.#error('it holds the data of a server already. Give an empty directory'))
    }
    this.#isInitialised = true
    this.#count += 1
    const record = put(identityKey, encodeRecord(this.#count, { format: storedFormat, ...identity }))
    return this.#enqueue([record], { synced: true, settles: 0 })
  }

  persist(write: Write): Promise<void> {
    const refusal = this.#refusal()
    if (refusal !== null) return Promise.reject(refusal)
    if (!this.#isInitialised) {
      return Promise.reject(this.#error('it is not initialised: no write is allowed yet'))
    }
    const before = this.#state
    let after: DurableState
    try {
      after = afterWrite(before, write, () => undefined)
    } catch (error) {
      return Promise.reject(this.#error(messageOf(error), error))
    }
    this.#state = after
    this.#count += 1
    const count = this.#count
    switch (write.by) {
      case 'acceptor': {
        const open = write.accepted.filter(({ instance }) => instance >= after.firstUnchosen)
        for (const { instance } of open) this.#counts.set(instance, count)
        return this.#enqueue(
          open.map(({ instance, ballot, batch }) => putInstance(count, instance, { ballot, batch })),
          { synced: true, settles: 0 },
        )
      }
      case 'learner': {
        const puts = write.chosen.flatMap(({ instance, batch }) => {
          const accepted = before.accepted.find((record) => record.instance === instance)
          const isStored = accepted !== undefined && sameBatch(accepted.batch, batch)
          this.#settled = digestWith(this.#settled, isStored ? this.#counts.get(instance)! : count)
          this.#counts.delete(instance)
          this.#unwritten.push(batch)
          return isStored ? [] : [putInstance(count, instance, { ballot: null, batch })]
        })
        return this.#enqueue(puts, { synced: false, settles: write.chosen.length })
      }
    }
    return write satisfies never
  }

  async chosen(from: Instance, limitBytes: number): Promise<Batch[]> {
    const database = this.#opened()
    const { firstUnchosen } = this.#state
    const unwritten = [...this.#unwritten]
    const firstUnwritten = firstUnchosen - unwritten.length
    const page: Batch[] = []
    let bytes = 0
    const takes = (json: string) => {
      bytes += Buffer.byteLength(json)
      return page.length === 0 || bytes <= limitBytes
    }
    if (from < firstUnwritten) {
      const entries = database.iterator({
        gte: instanceKey(from),
        lt: instanceKey(firstUnwritten),
        highWaterMarkBytes: Math.max(limitBytes, 1),
      })
      try {
        for (let next = from; next < firstUnwritten; ) {
          const read = await entries.nextv(Math.min(firstUnwritten - next, 1_000))
          if (read.length === 0) throw damage(`the record ${instanceKey(next)} is missing`)
          for (const [key, text] of read) {
            if (key !== instanceKey(next)) throw damage(`the record ${instanceKey(next)} is missing`)
            const { json } = openRecord(key, text)
            if (!takes(json)) return page
            page.push((JSON.parse(json) as InstanceRecord).batch)
            next += 1
          }
        }
      } catch (error) {
        throw this.#error(messageOf(error), error)
      } finally {
        await entries.close()
      }
    }
    for (const batch of unwritten.slice(Math.max(0, from - firstUnwritten))) {
      if (!takes(JSON.stringify(batch))) break
      page.push(batch)
    }
    return page
  }

  async close(): Promise<void> {
    const database = this.#database
    if (database === null) return
    do {
      this.#writeLazily()
      await this.#writing
    } while (this.#writing !== null || this.#waiting.length > 0)
    if (this.#database === null) return
    this.#database = null
    try {
      if (this.#failed === null && this.#unsynced.length > 0) {
        await database.batch([...this.#unsynced], { sync: true })
      }
    } catch (error) {
      throw this.#error(`the last write failed: ${messageOf(error)}`, error)
    } finally {
      await database.close()
    }
  }

  /** Queues `puts` for the next write. */
  #enqueue(
    puts: readonly Put[],
    { synced, settles }: { readonly synced: boolean; readonly settles: number },
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ puts, synced, settles, resolve, reject })
      if (synced) this.#writing ??= this.#writeAll()
      else this.#lazyWrite ??= setTimeout(() => this.#writeLazily(), lazyWriteMs)
    })
  }

  #writeLazily(): void {
    if (this.#lazyWrite !== null) clearTimeout(this.#lazyWrite)
    this.#lazyWrite = null
    if (this.#waiting.length > 0) this.#writing ??= this.#writeAll()
  }

  /** Starts at once: the sync then runs in parallel to the rest of this turn of the event loop. */
  async #writeAll(): Promise<void> {
    await this.#writeBatch()
    // Writes that were requested in response to this one form the next one.
    for (await null; this.#waiting.some(({ synced }) => synced); await null) await this.#writeBatch()
    this.#writing = null
  }

  async #writeBatch(): Promise<void> {
    const group = this.#waiting
    this.#waiting = []
    const puts = [...this.#unsynced, ...group.flatMap((waiting) => waiting.puts)].filter(
      ({ key }) => key !== stateKey,
    )
    puts.push(this.#statePut())
    const sync = this.#unsynced.length > 0 || group.some(({ synced }) => synced)
    try {
      if (this.#failed !== null) throw this.#failed
      await this.#opened().batch(puts, { sync })
    } catch (error) {
      this.#failed ??= this.#error(
        `a write failed: ${messageOf(error)}. Restart the server when the disk works again`,
        error,
      )
      for (const { reject } of group) reject(this.#failed)
      return
    }
    this.#unsynced = sync ? [] : puts
    for (const { settles, resolve } of group) {
      this.#unwritten.splice(0, settles)
      resolve()
    }
  }

  /** The state record after all requested writes. */
  #statePut(): Put {
    const { promised, firstUnchosen } = this.#state
    return put(
      stateKey,
      encodeRecord(this.#count, {
        promised,
        firstUnchosen,
        accepted: [...this.#counts],
        settled: this.#settled,
      }),
    )
  }

  /** Why no write is possible now; `null` when one is. */
  #refusal(): StorageError | null {
    return this.#failed ?? (this.#database === null ? this.#error('it is not open') : null)
  }

  #opened(): Database {
    if (this.#database === null) throw this.#error('it is not open')
    return this.#database
  }

  #error(reason: string, cause?: unknown): StorageError {
    return new StorageError(this.#directory, reason, cause)
  }
}

function put(key: string, value: string): Put {
  return { type: 'put', key, value }
}

function putInstance(count: number, instance: Instance, record: InstanceRecord): Put {
  return put(instanceKey(instance), encodeRecord(count, record))
}

/** True when both are stored as the same text. Most often they are one object. */
function sameBatch(a: Batch, b: Batch): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b)
}
