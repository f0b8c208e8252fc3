/**
 * Groups: the writes that share one sync. A group has a header and records. The checksum of a group covers the checksum of the
 * group before and the place of the group, so that a missing, repeated, exchanged or misplaced group does not fit.
 */
import { crc32 } from 'node:zlib'
import { type Bytes, readNumber, readUint32, writeNumber, writeUint32 } from './bytes.ts'
import { type LogPosition, wholeBlocks } from './layout.ts'

/** Magic word, number of records, length of the records in bytes, number of the group (8), previous checksum, checksum. */
const headerBytes = 28
const magic = 0x33475850
const checksumOffset = 24

/** The place of a group in its segment, and the salt of that segment. */
export interface GroupPlace {
  readonly segment: number
  readonly salt: number
  readonly offset: number
}

/** The length of a group with these records, in whole blocks. */
export function groupBytes(records: readonly Uint8Array[]): number {
  return wholeBlocks(records.reduce((sum, { length }) => sum + length, headerBytes))
}

/** The bytes of a group, in whole blocks, and its checksum. The group follows `before`. */
export function encodeGroup(
  before: Pick<LogPosition, 'group' | 'checksum'>,
  place: GroupPlace,
  records: readonly Uint8Array[],
): { readonly bytes: Bytes; readonly checksum: number } {
  const lengthBytes = records.reduce((sum, { length }) => sum + length, 0)
  const bytes = new Uint8Array(wholeBlocks(headerBytes + lengthBytes))
  writeUint32(bytes, 0, magic)
  writeUint32(bytes, 4, records.length)
  writeUint32(bytes, 8, lengthBytes)
  writeNumber(bytes, 12, before.group + 1)
  writeUint32(bytes, 20, before.checksum)
  let offset = headerBytes
  for (const record of records) {
    bytes.set(record, offset)
    offset += record.length
  }
  const checksum = checksumOf(bytes, 0, place, lengthBytes)
  writeUint32(bytes, checksumOffset, checksum)
  return { bytes, checksum }
}

/** The offset of the first record in a group. */
export const firstRecordOffset = headerBytes

/** The number of records of the group at the beginning of `bytes`. */
export function recordCountOf(bytes: Bytes): number {
  return readUint32(bytes, 4)
}

/** A group as its header describes it. */
export interface GroupHeader {
  readonly group: number
  readonly previous: number
  readonly checksum: number
  readonly records: number
  /** The end of its last record, and the end of its last block. */
  readonly recordsEnd: number
  readonly endBytes: number
}

/** The group at `place.offset` of the segment `bytes`, or the reason why there is none. Does not compare it with its predecessor. */
export function decodeGroup(
  bytes: Bytes,
  place: GroupPlace,
): { readonly header: GroupHeader } | { readonly reason: string } {
  const { offset } = place
  if (offset + headerBytes > bytes.length) return { reason: 'the file ends within the header of a group' }
  if (readUint32(bytes, offset) !== magic) return { reason: 'there is no group' }
  const lengthBytes = readUint32(bytes, offset + 8)
  const recordsEnd = offset + headerBytes + lengthBytes
  if (recordsEnd > bytes.length) return { reason: 'the file ends within a group' }
  const checksum = checksumOf(bytes, offset, place, lengthBytes)
  if (checksum !== readUint32(bytes, offset + checksumOffset))
    return { reason: 'the checksum of a group is wrong' }
  return {
    header: {
      group: readNumber(bytes, offset + 12),
      previous: readUint32(bytes, offset + 20),
      checksum,
      records: readUint32(bytes, offset + 4),
      recordsEnd,
      endBytes: offset + wholeBlocks(headerBytes + lengthBytes),
    },
  }
}

function checksumOf(
  bytes: Bytes,
  offset: number,
  { segment, salt, offset: place }: GroupPlace,
  lengthBytes: number,
): number {
  writeNumber(scratch, 0, segment)
  writeNumber(scratch, 8, place)
  const header = crc32(bytes.subarray(offset, offset + checksumOffset), crc32(scratch, salt))
  return crc32(bytes.subarray(offset + headerBytes, offset + headerBytes + lengthBytes), header)
}

const scratch = new Uint8Array(16)
