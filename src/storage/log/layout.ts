import type { Instance } from '../../../machines/batch.ts'

/**
 * The layout of a store. `log/` holds segments, `00000001.log` and so on, the file `head`, snapshot files, `00000001.snapshot` and
 * so on, and `00000001.receiving` beside a snapshot file that another server sends. A segment begins with a header of
 * one block. Groups follow; each begins at the boundary of a block, so that no sector that was synced is written again. The file
 * is written ahead with zeros, because a sync of a file that does not grow is cheaper.
 *
 * Models: etcd's `wal`, hashicorp/raft-wal, the journal of TigerBeetle.
 */
export const blockBytes = 4_096

/**
 * The format of all files of a server. Format 1 (version 0.1.0) and format 2 kept their records in LevelDB. In format 3 a batch did
 * not group its requests by session. Format 4 had no snapshots: a store of it is a store of format 5 without one, so it is read, too.
 */
export const storedFormat = 5

/** The formats that this version reads, for messages. */
export const readFormats = 'formats 4 and 5'

/** True for a format that this version reads. It writes `storedFormat`. */
export function isReadFormat(format: unknown): boolean {
  return format === storedFormat || format === 4
}

/** A segment is longer than usual only if one group is. No group comes near this size. */
export const mostSegmentBytes = 2 ** 30

export const logDirectory = 'log'
/** The log is created under this name and then renamed, so that it exists with all its files or not at all. */
export const unfinishedLogDirectory = 'log.new'
export const headName = 'head'

/** The name of a segment. Segments are numbered from 1. */
export function segmentName(segment: number): string {
  return `${String(segment).padStart(8, '0')}.log`
}

/** The number of the segment with this name, or `null` if it is not the name of a segment. */
export function segmentOfName(name: string): number | null {
  const segment = Number(/^(\d{8,15})\.log$/.exec(name)?.[1] ?? 0)
  return segment > 0 && segmentName(segment) === name ? segment : null
}

/** The name of a snapshot file. They are numbered from 1, in the order in which they were begun. */
export function snapshotFileName(number: number): string {
  return `${String(number).padStart(8, '0')}.snapshot`
}

/** The number of the snapshot file with this name, or `null` if it is not the name of one. */
export function numberOfSnapshotFile(name: string): number | null {
  const number = Number(/^(\d{8,15})\.snapshot$/.exec(name)?.[1] ?? 0)
  return number > 0 && snapshotFileName(number) === name ? number : null
}

/** The name of the file that says what is kept of the snapshot in the file with this number, while another server sends it. */
export function partFileName(number: number): string {
  return `${String(number).padStart(8, '0')}.receiving`
}

/** The number in such a name, or `null` if it is another name. */
export function numberOfPartFile(name: string): number | null {
  const number = Number(/^(\d{8,15})\.receiving$/.exec(name)?.[1] ?? 0)
  return number > 0 && partFileName(number) === name ? number : null
}

export function pathOf(name: string): string {
  return `${logDirectory}/${name}`
}

/** `bytes` rounded up to a whole number of blocks. */
export function wholeBlocks(bytes: number): number {
  return Math.ceil(bytes / blockBytes) * blockBytes
}

/** Where the reading of a log begins: all before it is in a snapshot, and was written again after it. */
export interface LogBase {
  /** The first segment that is read. Those before it are no part of the log any more, and may be deleted. */
  readonly segment: number
  /** The first instance whose chosen batch is read. */
  readonly floor: Instance
}

/** The base of a log that has all its segments. */
export const wholeLog: LogBase = { segment: 1, floor: 0 }

/** A place between two groups: the end of a group, or of the header of a segment. */
export interface LogPosition {
  readonly segment: number
  /** The number of the last group before it. Groups are numbered from 1, through all segments. */
  readonly group: number
  readonly endBytes: number
  /** The checksum of that group; 0 before group 1. */
  readonly checksum: number
}

export function samePosition(a: LogPosition, b: LogPosition): boolean {
  return (
    a.segment === b.segment && a.group === b.group && a.endBytes === b.endBytes && a.checksum === b.checksum
  )
}
