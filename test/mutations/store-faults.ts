/** Faults of the store. They are planted in the files that it uses, in its writer and in the rules of its reader. */
import { type Process, until } from '../../src/core/process.ts'
import type { Files } from '../../src/storage/files.ts'
import { partRules } from '../../src/storage/log/kept-part.ts'
import { type LogBase, pathOf, segmentName } from '../../src/storage/log/layout.ts'
import {
  LogWriter,
  type LogWriterOptions,
  type Records,
  type WrittenGroup,
} from '../../src/storage/log/log-writer.ts'
import { logRules } from '../../src/storage/log/read-log.ts'
import { type StoreParts, usualStoreParts } from '../../src/storage/store-parts.ts'
import type { Mutation } from './mutation.ts'

function faultyStore(name: string, parts: Partial<StoreParts>): Mutation {
  return { name, plant: (settings) => ({ ...settings, storeParts: { ...usualStoreParts, ...parts } }) }
}

function faultyFiles(name: string, change: (files: Files) => Partial<Files>): Mutation {
  return faultyStore(name, { files: (files) => ({ ...files, ...change(files) }) })
}

const isSegment = (path: string) => path.endsWith('.log')

/** Writes `head` before the sync of the group that it names. */
class EarlyHeadWriter extends LogWriter {
  override *append(records: Records): Process<WrittenGroup> {
    yield* this.writeHead(this.placeAfter(records))
    return yield* super.append(records)
  }
}

/** Does not sync the segment in which it writes again what an opened log must not forget. */
class UnsyncedOpeningWriter extends LogWriter {
  readonly #opening: { isOpening: boolean }

  constructor(options: LogWriterOptions, turn: number) {
    const opening = { isOpening: false }
    const { sync } = options.files
    const files: Files = {
      ...options.files,
      sync: (path) => (opening.isOpening && isSegment(path) ? (ended) => ended(null) : sync(path)),
    }
    super({ ...options, files }, turn)
    this.#opening = opening
  }

  override *continueIn(...segment: Parameters<LogWriter['continueIn']>): Process<WrittenGroup> {
    this.#opening.isOpening = true
    const group = yield* super.continueIn(...segment)
    this.#opening.isOpening = false
    return group
  }
}

/** The segment before this one. */
function segmentBefore(path: string): string {
  const [digits = ''] = /\d+/.exec(path) ?? []
  return path.replace(digits, String(Number(digits) - 1).padStart(digits.length, '0'))
}

/** Removes the segments before the base before the segment with the snapshot is synced. */
class EarlyRemovalWriter extends LogWriter {
  readonly #files: Files

  constructor(options: LogWriterOptions, turn: number) {
    super(options, turn)
    this.#files = options.files
  }

  override *appendBase(records: Records, base: LogBase): Process<WrittenGroup> {
    if (base.segment > this.end.segment)
      yield* until(this.#files.remove(pathOf(segmentName(this.end.segment))))
    return yield* super.appendBase(records, base)
  }
}

/** Leaves the votes out of the group from which the log begins. */
class VotelessWriter extends LogWriter {
  override *appendBase(records: Records, base: LogBase): Process<WrittenGroup> {
    const isVote = (record: Records[number]) =>
      'type' in record && (record.type === 'promise' || record.type === 'accepted')
    return yield* super.appendBase(
      records.filter((record) => !isVote(record)),
      base,
    )
  }
}

/** Takes the segment with the snapshot for the first one that is needed. */
class TaillessWriter extends LogWriter {
  override *appendBase(records: Records, { floor }: LogBase): Process<WrittenGroup> {
    return yield* super.appendBase(records, { segment: this.nextSegment, floor })
  }
}

const isSnapshot = (path: string) => path.endsWith('.snapshot')

export const storeFaults: readonly Mutation[] = [
  faultyStore('writes head before the sync that it vouches for', {
    writer: (options, turn) => new EarlyHeadWriter(options, turn),
  }),
  faultyStore('lets a log end before head', { rules: { ...logRules, mayEndBeforeHead: () => true } }),
  faultyFiles('takes a failed read for the end of the file', ({ read }) => ({
    read: (path, offset, lengthBytes) => (ended) =>
      read(
        path,
        offset,
        lengthBytes,
      )((error, bytes) =>
        error === null || !isSegment(path) ? ended(error, bytes) : ended(null, new Uint8Array(0)),
      ),
  })),
  faultyFiles('acknowledges a group before its sync', ({ sync }) => ({
    sync: (path) => (ended) => {
      sync(path)(() => undefined)
      ended(null)
    },
  })),
  faultyFiles('takes a failed sync for a success', ({ sync }) => ({
    sync: (path) => (ended) => sync(path)(() => ended(null)),
  })),
  faultyFiles('removes a segment before the next one is synced', ({ create, remove }) => ({
    create: (path) => (ended) => {
      if (!isSegment(path)) create(path)(ended)
      else remove(segmentBefore(path))(() => create(path)(ended))
    },
  })),
  faultyStore('makes nothing durable when it opens', {
    writer: (options, turn) => new UnsyncedOpeningWriter(options, turn),
  }),
  faultyStore('deletes what a snapshot contains before the snapshot is durable', {
    writer: (options, turn) => new EarlyRemovalWriter(options, turn),
  }),
  faultyFiles('names a snapshot whose file is not synced', ({ sync }) => ({
    sync: (path) => (isSnapshot(path) ? (ended) => ended(null) : sync(path)),
  })),
  faultyStore('forgets its votes with the segments that it deletes', {
    writer: (options, turn) => new VotelessWriter(options, turn),
  }),
  faultyStore('deletes the batches of the tail', {
    writer: (options, turn) => new TaillessWriter(options, turn),
  }),
  faultyFiles('records what it has kept of a snapshot before that is synced', ({ sync }) => ({
    // The sync before the file with the record is written; the one of the whole file comes after the last record.
    sync: (path) => (isSnapshot(path) ? (ended) => ended(null) : sync(path)),
  })),
  faultyStore('goes on with what it has kept of another snapshot', {
    partRules: { ...partRules, goesOnWith: () => true },
  }),
  faultyStore('goes on with what it has kept, whatever the disk made of it', {
    partRules: { ...partRules, areKept: () => true },
  }),
  faultyStore('starts from a snapshot whose bytes do not match', {
    rules: { ...logRules, whyNotSnapshot: () => null },
  }),
]
