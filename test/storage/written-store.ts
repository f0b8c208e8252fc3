/** Builds a store in memory and keeps copies of its files at every moment, with what each copy must still hold. */
import type { Batch } from '../../machines/batch.ts'
import type { Write } from '../../machines/outputs.ts'
import { afterWrite, type DurableState, nothingDurable } from '../../src/core/durable.ts'
import type { Files } from '../../src/storage/files.ts'
import type { LogSizes } from '../../src/storage/log/log-writer.ts'
import { LogStore } from '../../src/storage/log-store.ts'
import type { StorageError } from '../../src/storage/storage.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { type Contents, MemoryFiles } from '../support/memory-files.ts'
import { type Decision, type FileCall, ObservedFiles } from '../support/observed-files.ts'
import { identity } from './fixtures.ts'
import { persistWhole } from './sealed.ts'
import { ended, settled } from './settled.ts'

/** Segments of three blocks of groups, so that they change often. */
export const tinySizes: LogSizes = { segmentBytes: 16_384, aheadBytes: 4_096 }

/** The files at one moment. */
export interface Moment {
  /** What was done before it. */
  readonly after: string
  readonly contents: Contents
  /** The place in `states` of the state that `head` vouches for. */
  readonly vouched: number
  /** The place in `states` of the last state that was requested. */
  readonly requested: number
}

export interface WrittenStore {
  /** The state after each group. */
  readonly states: readonly DurableState[]
  /** All batches that were chosen, by instance. */
  readonly chosen: readonly Batch[]
  readonly moments: readonly Moment[]
}

export interface StoreOptions {
  readonly clock?: ManualClock
  readonly sizes?: LogSizes
  readonly failed?: (error: StorageError) => void
}

/** A store over `files`, which `clock` gives time. */
export function storeOver(
  files: Files,
  { clock = new ManualClock(), sizes = tinySizes, failed = () => undefined }: StoreOptions = {},
): LogStore {
  return new LogStore({ files, directory: 'd', after: clock.after, salt: nextSalt, sizes, failed })
}

/** Every segment of a test has a salt of its own, of ten digits: so the headers of all stores have the same length. */
function nextSalt(): number {
  salts += 1
  return 4_000_000_000 + salts
}

let salts = 0

export class StoreBuilder implements WrittenStore {
  readonly states: DurableState[] = [nothingDurable]
  readonly chosen: Batch[] = []
  readonly moments: Moment[] = []
  #files = new MemoryFiles()
  #clock = new ManualClock()
  #store: LogStore
  #doing = 'initialise'
  #vouched = 0
  #requested = 0
  #decide: (call: FileCall) => Decision = () => 'proceed'

  constructor() {
    this.#store = this.#storeOver(new MemoryFiles())
    ended(this.#store.open())
    ended(this.#store.initialise(identity))
  }

  /** The state after all writes. */
  get state(): DurableState {
    return this.states.at(-1)!
  }

  /** Stores `writes` as one group: those of the learner first, and then one of the acceptor or of a snapshot. */
  group(...writes: readonly Write[]): this {
    this.#doing = `group ${this.states.length}`
    let { state } = this
    this.#requested = this.states.length
    for (const [place, write] of writes.entries()) {
      state = afterWrite(state, write, (instance, batch) => {
        this.chosen[instance] = batch
      })
      persistWhole(this.#store, write, (error) => {
        if (error !== null) throw error
        if (place === writes.length - 1) this.states.push(state)
      })
    }
    if (this.state !== state) throw new Error('the last write of a group must be one that is written at once')
    return this
  }

  /** Lets time pass, so that `head` is written. */
  rest(): this {
    this.#doing = 'rest'
    this.#clock.advance(100)
    return this
  }

  /** Every later write of `head` never ends. Only `kill` can follow the groups after it. */
  withoutHead(): this {
    this.#decide = ({ operation, path }) =>
      operation === 'write' && path === 'log/head' ? 'hang' : 'proceed'
    return this
  }

  /** Begins to store a write, and stops with the second half of its group unwritten. */
  tear(write: Write): this {
    this.#doing = 'torn group'
    const before = this.#files.contents
    this.#decide = ({ operation }) => (operation === 'write' ? 'hangDone' : 'proceed')
    this.#store.persist(write, () => undefined)
    const after = new Map(this.#files.contents)
    for (const [path, bytes] of after) {
      const old = before.get(path) ?? new Uint8Array()
      if (old === bytes) continue
      const from = bytes.findIndex((byte, place) => byte !== old[place])
      const to = bytes.findLastIndex((byte, place) => byte !== old[place])
      const torn = bytes.slice()
      torn.fill(0, Math.floor((from + to) / 1_024) * 512)
      after.set(path, torn)
    }
    this.#files = new MemoryFiles(after)
    this.#note()
    return this
  }

  /** Ends the process and begins to open the store anew, up to the moment when `head` would name its new segment. */
  beginOpening(): this {
    this.#doing = 'unfinished opening'
    this.#store = this.#storeOver(new MemoryFiles(this.#files.contents))
    this.withoutHead()
    if (settled(this.#store.open()).status !== 'waiting') throw new Error('the opening did not wait')
    this.#note()
    return this
  }

  /** Ends the process and opens the store anew. */
  reopen(): this {
    this.#doing = 'opening'
    this.#store = this.#storeOver(new MemoryFiles(this.#files.contents))
    ended(this.#store.open())
    this.#note()
    return this
  }

  /** Closes the store. */
  close(): this {
    this.#doing = 'close'
    ended(this.#store.close())
    this.#note()
    return this
  }

  #storeOver(files: MemoryFiles): LogStore {
    this.#files = files
    this.#clock = new ManualClock()
    this.#decide = () => 'proceed'
    const observed = new ObservedFiles(files, (call) => {
      this.#note()
      return this.#decide(call)
    })
    return storeOver(observed, { clock: this.#clock })
  }

  /** Keeps a copy of the files if their bytes changed. */
  #note(): void {
    const last = this.moments.at(-1)?.contents ?? new Map()
    const contents = new Map(
      [...this.#files.contents].map(([path, bytes]) => [path, known(last, path, bytes)]),
    )
    if (!contents.has('log/head') || isSame(contents, last)) return
    if (contents.get('log/head') !== last.get('log/head')) this.#vouched = this.states.length - 1
    this.moments.push({
      after: this.#doing,
      contents,
      vouched: this.#vouched,
      requested: this.#requested,
    })
  }
}

/** The same bytes as in `last`, if they are equal. */
function known(last: Contents, path: string, bytes: Uint8Array): Uint8Array {
  const old = last.get(path)
  return old !== undefined && Buffer.compare(old, bytes) === 0 ? old : bytes
}

function isSame(a: Contents, b: Contents): boolean {
  return a.size === b.size && [...a].every(([path, bytes]) => b.get(path) === bytes)
}
