import type { Json } from '../../../machines/batch.ts'
import { blockBytes, isReadFormat, type LogBase, type LogPosition, readFormats, wholeLog } from './layout.ts'
import { sealed, unsealed } from './sealed-block.ts'

/** The first block of a segment. */
export interface SegmentHeader {
  readonly format: number
  readonly cluster: string
  readonly incarnation: string
  readonly segment: number
  /** A random number, with which the checksums of this segment begin: data from elsewhere never fits. */
  readonly salt: number
  /** Why the segment was begun: a server started, the segment before was full, or it begins with a snapshot. */
  readonly begun: 'opened' | 'full' | 'snapshot'
  /** The base of the log from the first group of this segment on. */
  readonly base: LogBase
  /** The log continues in this segment after that place in an earlier one; `null` for the first segment. */
  readonly after: LogPosition | null
}

const magic = 'PXSEGMT3'

export function encodeHeader(header: SegmentHeader): Uint8Array {
  return sealed(magic, header as unknown as Json, blockBytes)
}

/** The header in the first block of a segment, or the reason why it is not one. */
export function decodeHeader(
  bytes: Uint8Array,
): { readonly header: SegmentHeader } | { readonly reason: string } {
  const opened = unsealed(magic, bytes.subarray(0, blockBytes))
  if ('reason' in opened) return opened
  // Format 4 had no base.
  const header = { base: wholeLog, ...(opened.fact as object) } as SegmentHeader
  if (isReadFormat(header.format)) return { header }
  return { reason: `its format is ${header.format}, and this version reads ${readFormats}` }
}

/** The place after the header of a segment, where its first group begins. */
export function startOf({ segment, after }: SegmentHeader): LogPosition {
  return { segment, group: after?.group ?? 0, endBytes: blockBytes, checksum: after?.checksum ?? 0 }
}
