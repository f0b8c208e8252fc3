import type { Write } from '../../machines/outputs.ts'
import { readLog } from '../../src/storage/log/read-log.ts'
import { recordTypes, typeOf } from '../../src/storage/log/records.ts'
import type { LogStore } from '../../src/storage/log-store.ts'
import type { StorageError } from '../../src/storage/storage.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { MemoryFiles } from '../support/memory-files.ts'
import { type Decision, type FileCall, ObservedFiles } from '../support/observed-files.ts'
import { identity } from './fixtures.ts'
import { ended } from './settled.ts'
import { storeOver } from './written-store.ts'

export const isSync = ({ operation, path }: FileCall) => operation === 'sync' && path !== 'log/head'
export const isHead = ({ operation, path }: FileCall) => operation === 'write' && path === 'log/head'
export const isRead = ({ operation }: FileCall) => operation === 'read'

export type Answer = StorageError | null

/** A store that is open and initialised, over files that a test observes. */
export class OpenedStore {
  readonly files: MemoryFiles
  readonly clock = new ManualClock()
  /** What happens to each operation from now on. */
  decide: (call: FileCall) => Decision = () => 'proceed'
  readonly observed: ObservedFiles
  /** The calls of `failed`. */
  readonly reports: StorageError[] = []
  readonly store: LogStore

  /** By default over new files. */
  constructor(files?: MemoryFiles) {
    this.files = files ?? new MemoryFiles()
    this.observed = new ObservedFiles(this.files, (call) => this.decide(call))
    const sizes = { segmentBytes: 1_048_576, aheadBytes: 65_536 }
    const failed = (error: StorageError) => this.reports.push(error)
    this.store = storeOver(this.observed, { clock: this.clock, sizes, failed })
    const { identity: stored } = ended(this.store.open())
    if (stored === null) ended(this.store.initialise(identity))
    this.observed.calls.length = 0
  }

  /** The store as the next process opens it, after this one was killed. */
  startedAnew(): OpenedStore {
    return new OpenedStore(new MemoryFiles(this.files.contents))
  }

  /** Requests a write, and adds to `answers` how it ends. */
  request(write: Write, answers: Answer[] = []): Answer[] {
    this.store.persist(write, (error) => answers.push(error))
    return answers
  }

  /** The types of the records in each group of the log but the first one. */
  get groups(): readonly (readonly string[])[] {
    const names = new Map(Object.entries(recordTypes).map(([name, type]) => [type as number, name]))
    const found: string[][] = []
    ended(
      readLog(new MemoryFiles(this.files.contents), ({ bytes }, _, records) => {
        found.push(records.map((offset) => names.get(typeOf(bytes, offset))!))
      }),
    )
    return found.slice(1)
  }

  /** The number of operations of a kind. */
  count(is: (call: FileCall) => boolean): number {
    return this.observed.calls.filter(is).length
  }
}
