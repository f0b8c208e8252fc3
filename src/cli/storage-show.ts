import { basename } from 'node:path'
import { promised, run, until } from '../core/process.ts'
import { visible, visibleJson } from '../core/visible.ts'
import type { ReadableFiles } from '../storage/files.ts'
import { Damage } from '../storage/log/damage.ts'
import { segmentOfName, snapshotFileName } from '../storage/log/layout.ts'
import { type LogVisitor, readLog } from '../storage/log/read-log.ts'
import { decodeRecord, type StoredRecord } from '../storage/log/records.ts'
import { RealFiles } from '../storage/real-files.ts'
import type { TornTail } from '../storage/storage.ts'
import { Failure } from './exit-codes.ts'
import type { LineWriter } from './line-writer.ts'
import { checkStorage } from './storage-check.ts'
import { ownerOf, ownLog } from './storage-directory.ts'

/** A record with its place, as `paxos storage show --json` prints it. */
export type ShownRecord = {
  readonly segment: number
  readonly group: number
  /** True when `head` does not vouch for it. */
  readonly afterHead: boolean
} & StoredRecord

/** The reader of the output has closed its end. */
class NobodyReads extends Error {}

/**
 * Writes each record of the log in `directory` with `format`. Returns the torn tail, if there is one. Throws a `Damage` when the log
 * is damaged, after the records before the damage; and a `Failure` when a server changed the log during the reading.
 */
export async function showStorage(
  directory: string,
  lines: LineWriter,
  format: (record: ShownRecord) => string,
): Promise<TornTail | null> {
  const owner = ownerOf(directory)
  const visit: LogVisitor = ({ file, bytes, isAfterHead }, { group }, offsets) => {
    if (lines.isClosed) throw new NobodyReads()
    const place = { segment: segmentOfName(basename(file)) ?? 0, group, afterHead: isAfterHead }
    for (const offset of offsets) lines.write(format({ ...place, ...decodeRecord(bytes, offset) }))
  }
  try {
    const contents = await promised(readLog(afterDrain(new RealFiles(directory), lines), visit))
    return ownLog(contents, owner, directory).torn
  } catch (error) {
    if (error instanceof NobodyReads) return null
    if (error instanceof Damage) await refuseIfSound(directory)
    throw error
  } finally {
    lines.flush()
  }
}

/** The files, whose reads wait until the lines are written: so only those of one segment are in memory. */
function afterDrain(files: ReadableFiles, lines: LineWriter): ReadableFiles {
  return {
    list: (path) => files.list(path),
    read: (path, offset, lengthBytes) => (ended) => {
      const process = function* () {
        yield* until(lines.drained)
        return yield* until(files.read(path, offset, lengthBytes))
      }
      run(process(), ended)
    },
  }
}

/** Throws a `Failure` when another reading finds no damage: then a server wrote during the first one. */
async function refuseIfSound(directory: string): Promise<void> {
  const { verdict } = await checkStorage(directory)
  if (verdict !== 'damaged')
    throw new Failure(`${directory}: the server changed the log during the reading: show it again`)
}

export const showHeadings = rowOf('SEGMENT', 'GROUP', 'TYPE', 'INSTANCE', 'BALLOT', 'BATCH')

/** The most characters of a batch in a line. */
const batchLength = 100

/** A record as a row. `+` marks what lies after `head`. */
export function formatRecord(record: ShownRecord): string {
  const { segment, group, afterHead, type } = record
  const instance = instanceOf(record) ?? '-'
  const ballot = 'ballot' in record ? `${record.ballot.round}.${record.ballot.node}` : '-'
  const row = rowOf(String(segment), String(group), type, instance, ballot, contentOf(record))
  return afterHead ? `+${row.slice(1)}` : row
}

export function formatRecordJson(record: ShownRecord): string {
  return visibleJson(record)
}

function instanceOf(record: ShownRecord): string | null {
  if ('instance' in record) return String(record.instance)
  return record.type === 'snapshot' ? String(record.snapshot.instance) : null
}

function contentOf(record: ShownRecord): string {
  const content = shownIn(record)
  if (content === null) return ''
  const text = JSON.stringify(content)
  return visible(text.length > batchLength ? `${text.slice(0, batchLength - 1)}…` : text)
}

function shownIn(record: ShownRecord): unknown {
  switch (record.type) {
    case 'identity':
      return record.identity
    case 'accepted':
    case 'chosen':
      return record.batch
    case 'snapshot': {
      const { snapshot, floor, file } = record
      const { lengthBytes, digest } = snapshot
      return { floor, file: snapshotFileName(file), lengthBytes, digest }
    }
    case 'promise':
    case 'chosenAsAccepted':
      return null
  }
}

function rowOf(
  segment: string,
  group: string,
  type: string,
  instance: string,
  ballot: string,
  batch: string,
): string {
  const cells = [
    segment.padEnd(7),
    group.padEnd(7),
    type.padEnd(16),
    instance.padEnd(8),
    ballot.padEnd(6),
    batch,
  ]
  return `  ${cells.join('  ')}`.trimEnd()
}
