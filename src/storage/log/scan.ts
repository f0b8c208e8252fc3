/** Scans the bytes of a segment: a pure function from bytes to groups and to the reason of the end. */
import { type Bytes, isZeroFrom } from './bytes.ts'
import { decodeGroup, firstRecordOffset, type GroupHeader, type GroupPlace } from './group.ts'
import { blockBytes, type LogPosition, samePosition } from './layout.ts'
import { lengthOf, refusalOfShape } from './records.ts'

export interface SegmentScan {
  /** The place after the last group that fits. */
  readonly end: LogPosition
  /** `clean`: only zeros follow. `reached`: the place `until` was reached. */
  readonly stopped: 'clean' | 'reached' | BadGroup
}

/** The bytes after the last group that fits, which are neither zeros nor a group that fits. */
export interface BadGroup {
  readonly offset: number
  readonly reason: string
  /** The number of a later group that is complete: then the bad group was synced before it. `null` when there is none. */
  readonly laterGroup: number | null
}

/** Decides whether a group follows the group before. A test may replace it. */
export type FollowsRule = (before: LogPosition, header: GroupHeader) => string | null

/** Why the group of `header` does not follow `before`; `null` when it does. */
export function whyNotNext(before: LogPosition, { group, previous }: GroupHeader): string | null {
  if (group !== before.group + 1) return `group ${group} follows group ${before.group}`
  if (previous === before.checksum) return null
  return `group ${group} does not continue group ${before.group}: its checksum differs`
}

export interface SegmentToScan {
  readonly bytes: Bytes
  readonly salt: number
  /** The place after the header of the segment. */
  readonly start: LogPosition
  /** Where the log leaves this segment; `null` for the last segment. */
  readonly until: LogPosition | null
  readonly whyNot: FollowsRule
}

/** Receives each group that fits, and the offsets of its records in `bytes`. */
export type GroupVisitor = (header: GroupHeader, end: LogPosition, records: readonly number[]) => void

/** Scans from `start` to `until`, or to the first group that does not fit its predecessor. */
export function scanSegment(
  { bytes, salt, start, until, whyNot }: SegmentToScan,
  visit: GroupVisitor,
): SegmentScan {
  let end = start
  for (;;) {
    if (until !== null && samePosition(end, until)) return { end, stopped: 'reached' }
    const place = { segment: start.segment, salt, offset: end.endBytes }
    const next = nextGroup(bytes, place, end, whyNot)
    if ('reason' in next) {
      const { reason } = next
      const isClean = end.endBytes >= bytes.length || isZeroFrom(bytes, end.endBytes)
      if (isClean) return { end, stopped: 'clean' }
      const laterGroup = groupAfter(bytes, place, end.group + 1)
      return { end, stopped: { offset: end.endBytes, reason, laterGroup } }
    }
    const { header, records } = next
    const { group, checksum, endBytes } = header
    end = { segment: start.segment, group, endBytes, checksum }
    visit(header, end, records)
  }
}

/** The group at `place`, if it is complete and follows `before`. */
function nextGroup(
  bytes: Bytes,
  place: GroupPlace,
  before: LogPosition,
  whyNot: FollowsRule,
): { readonly header: GroupHeader; readonly records: readonly number[] } | { readonly reason: string } {
  const decoded = decodeGroup(bytes, place)
  if ('reason' in decoded) return decoded
  const { header } = decoded
  const reason = whyNot(before, header)
  if (reason !== null) return { reason }
  const records: number[] = []
  let offset = place.offset + firstRecordOffset
  for (let count = 0; count < header.records; count += 1) {
    const refusal = refusalOfShape(bytes, offset, header.recordsEnd)
    if (refusal !== null) return { reason: refusal }
    records.push(offset)
    offset += lengthOf(bytes, offset)
  }
  return { header, records }
}

/** The number of a complete group with at least the number `least`, after `place`. */
function groupAfter(bytes: Bytes, { segment, salt, offset }: GroupPlace, least: number): number | null {
  for (let next = offset + blockBytes; next < bytes.length; next += blockBytes) {
    const decoded = decodeGroup(bytes, { segment, salt, offset: next })
    if ('header' in decoded && decoded.header.group >= least) return decoded.header.group
  }
  return null
}
