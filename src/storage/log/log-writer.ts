import { joined } from '../../core/bytes.ts'
import { type Process, until } from '../../core/process.ts'
import type { Files } from '../files.ts'
import type { Bytes } from './bytes.ts'
import { GroupBuffer } from './group.ts'
import { encodeHead, headBytes } from './head.ts'
import {
  blockBytes,
  headName,
  type LogBase,
  type LogPosition,
  logDirectory,
  segmentName,
  storedFormat,
  unfinishedLogDirectory,
  wholeLog,
} from './layout.ts'
import type { StoredRecord } from './records.ts'
import { encodeHeader, type SegmentHeader, startOf } from './segment-header.ts'

/** The sizes of a log. Tests use smaller ones, so that segments change often. */
export interface LogSizes {
  /** A group that would end after this size begins a new segment. */
  readonly segmentBytes: number
  /** A segment is written ahead with zeros in steps of this size, a whole number of blocks. */
  readonly aheadBytes: number
}

export const usualSizes: LogSizes = { segmentBytes: 16 * 1_024 * 1_024, aheadBytes: 512 * 1_024 }

/** The store to which a log belongs. */
export interface LogOwner {
  readonly cluster: string
  readonly incarnation: string
}

/** A group that was written and synced, with its place. The next group changes `bytes`. */
export interface WrittenGroup {
  readonly bytes: Bytes
  readonly segment: number
  readonly offset: number
}

/** Records, or the bytes of records. */
export type Records = readonly (StoredRecord | Bytes)[]

export interface LogWriterOptions {
  readonly files: Files
  readonly sizes: LogSizes
  readonly owner: LogOwner
  /** Returns a random number of 32 bits. */
  readonly salt: () => number
}

/**
 * Writes groups, one at a time, and the file `head`. After an error nothing may be written any more: after a failed sync the
 * contents of a file are unknown.
 */
export class LogWriter {
  readonly #options: LogWriterOptions
  readonly #group = new GroupBuffer()
  #directory: string = logDirectory
  #header: SegmentHeader | null = null
  #end: LogPosition = { segment: 0, group: 0, endBytes: 0, checksum: 0 }
  /** The length of the file of the present segment. It holds zeros after `#end`. */
  #lengthBytes = 0
  /** The number of the last write of `head`. */
  #turn: number

  /** `turn` is the number of the last write of `head`; 0 for a new log. */
  constructor(options: LogWriterOptions, turn: number) {
    this.#options = options
    this.#turn = turn
  }

  /** The place after the last group that was synced. */
  get end(): LogPosition {
    return this.#end
  }

  /** Creates a log with one group. A crash leaves no log, or the whole one. */
  *create(records: Records): Process<WrittenGroup> {
    const { files } = this.#options
    this.#directory = unfinishedLogDirectory
    yield* until(files.remove(this.#directory))
    yield* until(files.makeDirectory(this.#directory))
    this.#collect(records)
    const group = yield* this.#begin({ segment: 1, begun: 'opened', after: null, base: wholeLog })
    yield* until(files.create(this.#pathOf(headName)))
    yield* until(files.write(this.#pathOf(headName), 0, new Uint8Array(headBytes)))
    yield* this.writeHead()
    yield* until(files.syncDirectory(this.#directory))
    yield* until(files.rename(this.#directory, logDirectory))
    yield* until(files.syncDirectory('.'))
    this.#directory = logDirectory
    return group
  }

  /**
   * Continues a log after `after`, the place that `head` names, in the new segment `segment` with one group. Then both blocks of
   * `head` name that segment. `base` is the base of the log from then on.
   */
  *continueIn(segment: number, after: LogPosition, base: LogBase, records: Records): Process<WrittenGroup> {
    this.#collect(records)
    // The last write of `head` may be in the cache of the operating system only. Were it lost after the new segment is durable, an
    // earlier `head` would not fit that segment.
    yield* this.#writeHead(after)
    const group = yield* this.#begin({ segment, begun: 'opened', after, base })
    // If one block of `head` is damaged later, the other one names this segment, too.
    yield* this.writeHead()
    yield* this.writeHead()
    return group
  }

  /** Appends a group and syncs it. */
  *append(records: Records): Process<WrittenGroup> {
    const { files, sizes } = this.#options
    const { segment, endBytes: offset } = this.#end
    this.#collect(records)
    const endBytes = offset + this.#group.lengthBytes
    if (endBytes > sizes.segmentBytes) return yield* this.#beginNext('full', this.#header!.base)
    const { bytes, end } = this.#sealed()
    const path = this.#pathOf(segmentName(segment))
    yield* until(files.write(path, offset, bytes))
    yield* this.#writeAhead(path, endBytes)
    yield* until(files.sync(path))
    this.#end = end
    return { bytes, segment, offset }
  }

  /**
   * Appends a group that holds a snapshot and all that must not be forgotten, in a new segment, and syncs it. From then on `base` is
   * the base of the log: when `head` names that segment, the segments before the base are not needed any more.
   */
  *appendBase(records: Records, base: LogBase): Process<WrittenGroup> {
    this.#collect(records)
    return yield* this.#beginNext('snapshot', base)
  }

  /** The base of the log from the present segment on. */
  get base(): LogBase {
    return this.#header!.base
  }

  /** The number that the next segment gets. */
  get nextSegment(): number {
    return this.#end.segment + 1
  }

  /** The place after a group with these records, if it were appended now. */
  protected placeAfter(records: Records): LogPosition {
    this.#collect(records)
    return this.#sealed().end
  }

  /** The bytes of the collected group, and the place after it. */
  #sealed(): { readonly bytes: Bytes; readonly end: LogPosition } {
    const { salt } = this.#header!
    const { segment, group, endBytes: offset } = this.#end
    const { bytes, checksum } = this.#group.seal(this.#end, { segment, salt, offset })
    return { bytes, end: { segment, group: group + 1, endBytes: offset + bytes.length, checksum } }
  }

  /** Writes and syncs `head`: the log was synced up to `synced`. */
  *writeHead(synced = this.#end): Process {
    this.#turn += 1
    yield* this.#writeHead(synced)
  }

  *#writeHead(synced: LogPosition): Process {
    const { files } = this.#options
    const { offset, bytes } = encodeHead({ turn: this.#turn, synced })
    yield* until(files.write(this.#pathOf(headName), offset, bytes))
    yield* until(files.sync(this.#pathOf(headName)))
  }

  /** Closes the files. */
  *close(): Process {
    const { files } = this.#options
    yield* until(files.close(this.#pathOf(headName)))
    yield* until(files.close(this.#pathOf(segmentName(this.#end.segment))))
  }

  #collect(records: Records): void {
    this.#group.clear()
    for (const record of records) this.#group.add(record)
  }

  /** Begins the next segment with the collected records, and closes the present one. */
  *#beginNext(begun: 'full' | 'snapshot', base: LogBase): Process<WrittenGroup> {
    const { segment } = this.#end
    const group = yield* this.#begin({ segment: segment + 1, begun, after: this.#end, base })
    yield* until(this.#options.files.close(this.#pathOf(segmentName(segment))))
    return group
  }

  /** Creates a segment with the collected records as its first group, and syncs it and its entry in the directory. */
  *#begin(begin: Pick<SegmentHeader, 'segment' | 'begun' | 'after' | 'base'>): Process<WrittenGroup> {
    const { files, owner } = this.#options
    const { cluster, incarnation } = owner
    const salt = this.#options.salt()
    const header = { format: storedFormat, cluster, incarnation, ...begin, salt }
    const { segment } = header
    const { group, endBytes: offset, checksum: previous } = startOf(header)
    const { bytes, checksum } = this.#group.seal({ group, checksum: previous }, { segment, salt, offset })
    const endBytes = offset + bytes.length
    const path = this.#pathOf(segmentName(segment))
    yield* until(files.create(path))
    yield* until(files.write(path, 0, joined([encodeHeader(header), bytes])))
    this.#lengthBytes = endBytes
    // A start writes nothing ahead, so that many starts need little space.
    if (begin.begun !== 'opened') yield* this.#writeAhead(path, endBytes)
    yield* until(files.sync(path))
    yield* until(files.syncDirectory(this.#directory))
    this.#header = header
    this.#end = { segment, group: group + 1, endBytes, checksum }
    return { bytes, segment, offset }
  }

  /** Writes zeros after `endBytes` when the file ends there. */
  *#writeAhead(path: string, endBytes: number): Process {
    if (endBytes < this.#lengthBytes) return
    const { files, sizes } = this.#options
    const lengthBytes = Math.ceil((endBytes + blockBytes) / sizes.aheadBytes) * sizes.aheadBytes
    yield* until(files.write(path, endBytes, zeros(lengthBytes - endBytes)))
    this.#lengthBytes = lengthBytes
  }

  #pathOf(name: string): string {
    return `${this.#directory}/${name}`
  }
}

let shared = new Uint8Array(0)

function zeros(lengthBytes: number): Uint8Array {
  if (shared.length < lengthBytes) shared = new Uint8Array(lengthBytes)
  return shared.subarray(0, lengthBytes)
}
