/** Reads a log and judges it. Reading changes nothing. */
import { type Process, until } from '../../core/process.ts'
import type { ReadableFiles } from '../files.ts'
import type { TornTail } from '../storage.ts'
import { type Bytes, isSameBytes } from './bytes.ts'
import { Damage } from './damage.ts'
import type { GroupHeader } from './group.ts'
import { decodeHead, type Head, headBytes } from './head.ts'
import { intact } from './intact.ts'
import { latestPart, type StoredPart } from './kept-part.ts'
import {
  blockBytes,
  headName,
  type LogBase,
  type LogPosition,
  logDirectory,
  mostSegmentBytes,
  numberOfPartFile,
  numberOfSnapshotFile,
  pathOf,
  samePosition,
  segmentName,
  segmentOfName,
} from './layout.ts'
import { type Leftovers, leftoversOf } from './leftovers.ts'
import { baseOf, LogIndex } from './log-index.ts'
import { decodeRecord, lengthOf, recordTypes, type StoredSnapshot, typeOf } from './records.ts'
import {
  type FollowsRule,
  type GroupVisitor,
  type SegmentScan,
  type SegmentToScan,
  scanSegment,
  whyNotNext,
} from './scan.ts'
import { decodeHeader, type SegmentHeader, startOf } from './segment-header.ts'
import { checkSnapshotFile, type SnapshotRule, whyNotSnapshot } from './snapshot-check.ts'

/** A segment that is a part of the log. */
export interface SegmentSummary {
  readonly file: string
  readonly begun: SegmentHeader['begun']
  readonly groups: number
  readonly records: number
  /** The end of its last group. */
  readonly endBytes: number
}

export interface LogContents {
  /** The state at `head`. It does not contain the records of `tail`. */
  readonly index: LogIndex
  readonly head: Head
  /** The records after `head`, which may be in the cache of the operating system only. */
  readonly tail: readonly Bytes[]
  /** A write that was interrupted, or damage after `head` that cannot be told from one. */
  readonly torn: TornTail | null
  readonly cluster: string
  readonly incarnation: string
  readonly segments: readonly SegmentSummary[]
  /** The snapshot after the records of `tail`; `null` when there is none. */
  readonly snapshot: StoredSnapshot | null
  /** The base with which the log goes on in the segment `nextSegment`, into which `tail` is written again. */
  readonly base: LogBase
  /** What is kept of a snapshot that another server sends; `null` for nothing. */
  readonly kept: StoredPart | null
  readonly leftovers: Leftovers
  /** The numbers of the segments from `base` on. */
  readonly numbers: readonly number[]
  /** A number that no segment has. */
  readonly nextSegment: number
  /** A number that no snapshot file has. */
  readonly nextSnapshot: number
}

/** Receives each group of the log in order. */
export type LogVisitor = (
  segment: { readonly file: string; readonly bytes: Bytes; readonly isAfterHead: boolean },
  header: GroupHeader,
  records: readonly number[],
) => void

/** The decisions of the reader. A test may replace each. */
export interface LogRules {
  readonly whyNotNext: FollowsRule
  /** Whether a log may end before the place that `head` names, when it does. */
  readonly mayEndBeforeHead: () => boolean
  readonly whyNotSnapshot: SnapshotRule
}

/** The default rules. */
export const logRules: LogRules = { whyNotNext, mayEndBeforeHead: () => false, whyNotSnapshot }

/**
 * Reads the log; `null` when there is none. Throws a `Damage` when a part of what `head` names is missing, does not fit or cannot be
 * read, and when a group after it is bad but cannot be the last one.
 */
export function* readLog(
  files: ReadableFiles,
  visit: LogVisitor = () => undefined,
  rules: LogRules = logRules,
): Process<LogContents | null> {
  const names = yield* intact(until(files.list(logDirectory)), logDirectory)
  return names === null ? null : yield* new LogReader(files, names, visit, rules).read()
}

class LogReader {
  readonly #files: ReadableFiles
  readonly #visit: LogVisitor
  readonly #rules: LogRules
  readonly #numbers: readonly number[]
  readonly #snapshots: readonly number[]
  readonly #parts: readonly number[]
  #index = new LogIndex()
  readonly #summaries: SegmentSummary[] = []
  readonly #tail: Bytes[] = []
  #isAfterHead = false
  /** Records after the place where the log left the segment before. The next segment must begin with them. */
  #left: LeftRecords | null = null

  constructor(files: ReadableFiles, names: readonly string[], visit: LogVisitor, rules: LogRules) {
    this.#files = files
    this.#rules = rules
    this.#visit = visit
    this.#numbers = names.flatMap((name) => segmentOfName(name) ?? []).sort((a, b) => a - b)
    this.#snapshots = names.flatMap((name) => numberOfSnapshotFile(name) ?? [])
    this.#parts = names.flatMap((name) => numberOfPartFile(name) ?? [])
  }

  *read(): Process<LogContents> {
    const head = yield* this.#head()
    const chain = yield* this.#chainTo(head.synced.segment)
    const own = chain.at(-1)!
    this.#index = new LogIndex(own.base.floor)
    const before = chain.slice(0, -1)
    for (const [place, header] of before.entries()) {
      const until = chain[place + 1]!.after!
      const { end, stopped } = yield* this.#scan(header, until, null)
      if (stopped !== 'reached') throw this.#ended(end, stopped, until)
    }
    const last = yield* this.#scan(own, null, head.synced)
    if (!this.#isAfterHead && !this.#rules.mayEndBeforeHead()) {
      throw this.#ended(last.end, last.stopped, head.synced)
    }
    const { torn, headers } = yield* this.#afterHead(own, last)
    const nextSegment = (this.#numbers.at(-1) ?? 0) + 1
    const later = this.#snapshotInTail()
    const base = later === null ? own.base : baseOf(this.#index, later.floor, nextSegment)
    const snapshot = later ?? this.#index.snapshot
    if (snapshot !== null) yield* checkSnapshotFile(this.#files, snapshot, this.#rules.whyNotSnapshot)
    const { cluster, incarnation } = own
    const used = [...chain, ...headers].map(({ segment }) => segment)
    const named = [this.#index.snapshot, later].flatMap((stored) => stored?.file ?? [])
    const parts = this.#parts.filter((file) => this.#snapshots.includes(file) && !named.includes(file))
    const kept = yield* latestPart(this.#files, parts)
    return {
      index: this.#index,
      head,
      tail: this.#tail,
      torn,
      cluster,
      incarnation,
      segments: this.#summaries,
      snapshot,
      base,
      kept,
      numbers: used.filter((segment) => segment >= base.segment),
      leftovers: leftoversOf({
        segments: this.#numbers,
        used,
        base,
        snapshots: this.#snapshots,
        named,
        parts: this.#parts,
        kept: kept?.file ?? null,
      }),
      nextSegment,
      nextSnapshot: Math.max(0, ...this.#snapshots) + 1,
    }
  }

  #snapshotInTail(): StoredSnapshot | null {
    const records = this.#tail.filter((record) => typeOf(record, 0) === recordTypes.snapshot)
    const last = records.length === 0 ? null : decodeRecord(records.at(-1)!, 0)
    return last?.type === 'snapshot' ? last : null
  }

  *#head(): Process<Head> {
    const path = pathOf(headName)
    const decoded = decodeHead(yield* intact(until(this.#files.read(path, 0, headBytes)), path))
    if ('reason' in decoded) throw new Damage(path, 0, decoded.reason)
    return decoded.head
  }

  /** The headers of the segments from the base of the log, which `last` names, to `last`. Each names its predecessor. */
  *#chainTo(last: number): Process<readonly SegmentHeader[]> {
    const own = yield* this.#header(last)
    const first = own.base.segment
    const chain = [own]
    for (let successor = own; successor.segment > first; successor = chain[0]!) {
      const number = successor.after?.segment ?? 0
      if (number < first) {
        const file = pathOf(segmentName(successor.segment))
        throw new Damage(file, 0, `it follows segment ${number}, and the log begins with segment ${first}`)
      }
      const header = yield* this.#header(number)
      if (!isSameStore(header, successor)) {
        throw new Damage(pathOf(segmentName(number)), 0, 'it belongs to another store than the next segment')
      }
      chain.unshift(header)
    }
    return chain
  }

  /** The header of a segment that must be there. */
  *#header(segment: number): Process<SegmentHeader> {
    const decoded = yield* this.#tryHeader(segment)
    if ('header' in decoded) return decoded.header
    throw new Damage(pathOf(segmentName(segment)), 0, `its header is bad: ${decoded.reason}`)
  }

  *#tryHeader(segment: number): Process<ReturnType<typeof decodeHeader>> {
    const path = pathOf(segmentName(segment))
    const decoded = decodeHeader(yield* intact(until(this.#files.read(path, 0, blockBytes)), path))
    if ('reason' in decoded) return decoded
    const { segment: named, after } = decoded.header
    // A complete header is not torn, so a wrong one is damage after `head` too.
    if (named !== segment) throw new Damage(path, 0, `it is segment ${named}`)
    const isInOrder = after === null ? segment === 1 : after.segment < segment
    if (!isInOrder) throw new Damage(path, 0, `it follows segment ${after?.segment ?? 'none'}`)
    return decoded
  }

  /**
   * Reads the segments after the one that `head` names. Only a segment that was begun because the one before was full is a part
   * of the log. A server that opened the log does not vote before `head` names its new segment, so nothing depends on that segment
   * before.
   */
  *#afterHead(
    own: SegmentHeader,
    last: SegmentScan,
  ): Process<{ readonly torn: TornTail | null; readonly headers: readonly SegmentHeader[] }> {
    const headers: SegmentHeader[] = []
    let { end, stopped } = last
    let unreadable: TornTail | null = null
    for (const number of this.#numbers.filter((each) => each > own.segment)) {
      const decoded = yield* this.#tryHeader(number)
      if ('reason' in decoded) {
        const { reason } = decoded
        unreadable = { file: pathOf(segmentName(number)), offset: 0, reason: `its header is bad: ${reason}` }
        continue
      }
      const { header } = decoded
      if (!isSameStore(header, own)) {
        throw new Damage(
          pathOf(segmentName(number)),
          0,
          'it belongs to another store than the segment before',
        )
      }
      if (header.begun === 'opened') {
        yield* this.#refuseInForce(header, own)
        continue
      }
      if (stopped !== 'clean' || !samePosition(header.after!, end))
        throw this.#ended(end, stopped, header.after!)
      ;({ end, stopped } = yield* this.#scan(header, null, null))
      headers.push(header)
    }
    if (typeof stopped === 'string') return { torn: unreadable, headers }
    const file = pathOf(segmentName(end.segment))
    const { offset, reason, laterGroup } = stopped
    if (laterGroup !== null) {
      throw new Damage(file, offset, `${reason}, but group ${laterGroup} after it is complete`)
    }
    return { torn: { file, offset, reason }, headers }
  }

  /** Throws when a segment after `head` was begun at a start that ended: then `head` is an older copy. */
  *#refuseInForce(header: SegmentHeader, own: SegmentHeader): Process {
    const { segment, salt, after } = header
    const file = pathOf(segmentName(segment))
    const bytes = yield* this.#segmentBytes(file)
    const { end } = this.#scanBytes({ bytes, salt, start: startOf(header), until: null }, () => undefined)
    // The start itself writes one group; more were written only after `head` had named this segment.
    const isInForce = end.group > after!.group + 1 || after!.segment > own.segment
    if (!isInForce) return
    throw new Damage(
      pathOf(headName),
      0,
      `it names segment ${own.segment}, but the log goes on in segment ${segment}: it is older than the log`,
    )
  }

  *#segmentBytes(file: string): Process<Bytes> {
    const bytes = yield* intact(until(this.#files.read(file, 0, mostSegmentBytes + 1)), file)
    if (bytes.length <= mostSegmentBytes) return bytes
    throw new Damage(file, mostSegmentBytes, 'no segment is that long')
  }

  /** Reads and scans a segment up to `end`, or to its last group. After the place `head`, groups belong to the tail. */
  *#scan(header: SegmentHeader, end: LogPosition | null, head: LogPosition | null): Process<SegmentScan> {
    const { segment, salt, begun } = header
    const file = pathOf(segmentName(segment))
    const bytes = yield* this.#segmentBytes(file)
    const start = startOf(header)
    let groups = 0
    let records = 0
    const visit: GroupVisitor = (group, place, offsets) => {
      groups += 1
      if (groups === 1) this.#refuseLost(bytes, offsets)
      records += offsets.length
      this.#visit({ file, bytes, isAfterHead: this.#isAfterHead }, group, offsets)
      if (this.#isAfterHead) this.#keep(bytes, offsets)
      else this.#apply(file, bytes, segment, offsets)
      if (head !== null && samePosition(place, head)) this.#isAfterHead = true
    }
    const scan = this.#scanBytes({ bytes, salt, start, until: end }, visit)
    // Zeros are written ahead, so a file never ended within the zeros that fill its last synced block.
    const syncedBytes = (end ?? head)?.endBytes ?? 0
    if (bytes.length < syncedBytes && !this.#rules.mayEndBeforeHead()) {
      throw new Damage(file, bytes.length, `the file ends there, but it was synced up to byte ${syncedBytes}`)
    }
    if (end !== null) this.#left = this.#recordsFrom(file, bytes, salt, scan.end)
    this.#index.release()
    this.#summaries.push({ file, begun, groups, records, endBytes: scan.end.endBytes })
    return scan
  }

  /** The records of the complete groups from `start` on. */
  #recordsFrom(file: string, bytes: Bytes, salt: number, start: LogPosition): LeftRecords {
    const records: Bytes[] = []
    this.#scanBytes({ bytes, salt, start, until: null }, (_, __, offsets) => {
      records.push(...offsets.map((offset) => new Uint8Array(recordAt(bytes, offset))))
    })
    return { file, offset: start.endBytes, records }
  }

  /**
   * Throws when a complete group after the place where the log left the segment before is missing at the beginning of this one. A
   * start writes all of them again, so another process has written them since then.
   */
  #refuseLost(bytes: Bytes, offsets: readonly number[]): void {
    const left = this.#left
    this.#left = null
    if (left === null || left.records.length === 0) return
    const written = offsets.map((offset) => recordAt(bytes, offset))
    const first = written.findIndex((_, place) =>
      left.records.every((record, index) => isSameBytes(record, written[place + index] ?? nothing)),
    )
    if (first >= 0) return
    throw new Damage(
      left.file,
      left.offset,
      'the log goes on in the next segment without the complete groups that are there: two processes used the directory at once',
    )
  }

  #scanBytes(segment: Omit<SegmentToScan, 'whyNot'>, visit: GroupVisitor): SegmentScan {
    return scanSegment({ ...segment, whyNot: this.#rules.whyNotNext }, visit)
  }

  #apply(file: string, bytes: Bytes, segment: number, offsets: readonly number[]): void {
    for (const offset of offsets) {
      const refusal = this.#index.apply(bytes, offset, segment, 0)
      if (refusal !== null) throw new Damage(file, offset, refusal)
    }
  }

  #keep(bytes: Bytes, offsets: readonly number[]): void {
    for (const offset of offsets) {
      this.#tail.push(new Uint8Array(recordAt(bytes, offset)))
    }
  }

  /** The damage when a segment ends before a place that it must reach. */
  #ended(end: LogPosition, stopped: SegmentScan['stopped'], expected: LogPosition): Damage {
    const file = pathOf(segmentName(end.segment))
    const where =
      expected.segment === end.segment
        ? `group ${expected.group}, at byte ${expected.endBytes}`
        : `group ${expected.group} in segment ${expected.segment}`
    if (end.group >= expected.group) {
      return new Damage(file, end.endBytes, `the log does not pass ${where}, up to which it was synced`)
    }
    const why = typeof stopped === 'string' ? 'only zeros follow, or nothing' : stopped.reason
    return new Damage(
      file,
      end.endBytes,
      `the log ends after group ${end.group} (${why}), but it was synced up to ${where}`,
    )
  }
}

interface LeftRecords {
  readonly file: string
  readonly offset: number
  readonly records: readonly Bytes[]
}

const nothing = new Uint8Array(0)

function recordAt(bytes: Bytes, offset: number): Bytes {
  return bytes.subarray(offset, offset + lengthOf(bytes, offset))
}

function isSameStore(a: SegmentHeader, b: SegmentHeader): boolean {
  return a.cluster === b.cluster && a.incarnation === b.incarnation
}
