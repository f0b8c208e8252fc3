/**
 * Groups: the writes that share one sync. A group has a header and records. The checksum of a group covers the checksum of the
 * group before and the place of the group, so that a missing, repeated, exchanged or misplaced group does not fit.
 */
import { crc32 } from 'node:zlib'
import { type Bytes, readNumber, readUint32, writeNumber, writeUint32 } from './bytes.ts'
import { blockBytes, type LogPosition, wholeBlocks } from './layout.ts'
import { jsonIn, mostBytes, type StoredRecord, writeRecord } from './records.ts'

/** Magic word, checksum, number of records, length of the records in bytes, number of the group (8), previous checksum. */
const headerBytes = 28
const magic = 0x33475850
/** The checksum covers the group from here on. */
const checkedOffset = 8

/** The place of a group in its segment, and the salt of that segment. */
export interface GroupPlace {
  readonly segment: number
  readonly salt: number
  readonly offset: number
}

/** The records of one group, in a buffer that the next group uses again. */
export class GroupBuffer {
  #bytes: Bytes = new Uint8Array(firstCapacity)
  #records = 0
  #recordsEnd = headerBytes

  /** Removes all records. The bytes that `seal` returned change from now on. */
  clear(): void {
    if (this.#bytes.length > keptCapacity) this.#bytes = new Uint8Array(firstCapacity)
    this.#records = 0
    this.#recordsEnd = headerBytes
  }

  /** Adds a record, or the bytes of one. */
  add(record: StoredRecord | Bytes): void {
    if (record instanceof Uint8Array) {
      this.#reserve(record.length)
      this.#bytes.set(record, this.#recordsEnd)
      this.#recordsEnd += record.length
    } else {
      const json = jsonIn(record)
      this.#reserve(mostBytes(json))
      this.#recordsEnd = writeRecord(this.#bytes, this.#recordsEnd, record, json)
    }
    this.#records += 1
  }

  /** The length of the group in whole blocks. */
  get lengthBytes(): number {
    return wholeBlocks(this.#recordsEnd)
  }

  /** The bytes of the group, in whole blocks, and its checksum. The group follows `before`. */
  seal(
    before: Pick<LogPosition, 'group' | 'checksum'>,
    place: GroupPlace,
  ): { readonly bytes: Bytes; readonly checksum: number } {
    const bytes = this.#bytes.subarray(0, this.lengthBytes)
    bytes.fill(0, this.#recordsEnd)
    writeUint32(bytes, 0, magic)
    writeUint32(bytes, 8, this.#records)
    writeUint32(bytes, 12, this.#recordsEnd - headerBytes)
    writeNumber(bytes, 16, before.group + 1)
    writeUint32(bytes, 24, before.checksum)
    const checksum = checksumOf(bytes, 0, place, this.#recordsEnd)
    writeUint32(bytes, 4, checksum)
    return { bytes, checksum }
  }

  #reserve(lengthBytes: number): void {
    const least = wholeBlocks(this.#recordsEnd + lengthBytes)
    if (least <= this.#bytes.length) return
    const larger = new Uint8Array(Math.max(least, 2 * this.#bytes.length))
    larger.set(this.#bytes.subarray(0, this.#recordsEnd))
    this.#bytes = larger
  }
}

const firstCapacity = 16 * blockBytes
/** A buffer that a large group made larger than this is not kept. */
const keptCapacity = 256 * blockBytes

/** The offset of the first record in a group. */
export const firstRecordOffset = headerBytes

/** The number of records of the group at the beginning of `bytes`. */
export function recordCountOf(bytes: Bytes): number {
  return readUint32(bytes, 8)
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
  const lengthBytes = readUint32(bytes, offset + 12)
  const recordsEnd = offset + headerBytes + lengthBytes
  if (recordsEnd > bytes.length) return { reason: 'the file ends within a group' }
  const checksum = checksumOf(bytes, offset, place, recordsEnd)
  if (checksum !== readUint32(bytes, offset + 4)) return { reason: 'the checksum of a group is wrong' }
  return {
    header: {
      group: readNumber(bytes, offset + 16),
      previous: readUint32(bytes, offset + 24),
      checksum,
      records: readUint32(bytes, offset + 8),
      recordsEnd,
      endBytes: offset + wholeBlocks(headerBytes + lengthBytes),
    },
  }
}

/** The checksum begins with a number that is another one for each block of a segment, and for each salt. */
function checksumOf(bytes: Bytes, offset: number, place: GroupPlace, recordsEnd: number): number {
  const block = place.offset / blockBytes
  const first = (place.salt + Math.imul(place.segment, 0x9e3779b1) + Math.imul(block, 0x85ebca6b)) >>> 0
  return crc32(bytes.subarray(offset + checkedOffset, recordsEnd), first)
}
