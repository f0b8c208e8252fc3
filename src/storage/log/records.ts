/**
 * The records of a log. A record is a checksum of all that follows (4 bytes), a type (4 bytes), the length of the content (4 bytes),
 * and the content. Numbers are little-endian. The batch is at the end of the content, as the bytes of JSON that its proposer made.
 */
import { crc32 } from 'node:zlib'
import type { Ballot } from '../../../machines/ballot.ts'
import type { Batch, Instance } from '../../../machines/batch.ts'
import type { SnapshotName } from '../../../machines/snapshot-name.ts'
import { batchBytes, keepBatchBytes } from '../../core/batch-bytes.ts'
import { textOf, utf8 } from '../../core/bytes.ts'
import type { Identity } from '../storage.ts'
import { type Bytes, readNumber, readUint32, writeNumber, writeUint32 } from './bytes.ts'

export const recordTypes = {
  identity: 1,
  promise: 2,
  accepted: 3,
  chosen: 4,
  chosenAsAccepted: 5,
  snapshot: 6,
} as const

/** A snapshot that the store holds. */
export interface StoredSnapshot {
  readonly snapshot: SnapshotName
  /** The first instance whose chosen batch is held beside it. */
  readonly floor: Instance
  /** The number of its file. */
  readonly file: number
}

export type StoredRecord =
  | { readonly type: 'identity'; readonly identity: Identity }
  | { readonly type: 'promise'; readonly ballot: Ballot }
  | {
      readonly type: 'accepted'
      readonly instance: Instance
      readonly ballot: Ballot
      readonly batch: Batch
    }
  | { readonly type: 'chosen'; readonly instance: Instance; readonly batch: Batch }
  /** The batch of the last accepted record of `instance` is the chosen one. */
  | { readonly type: 'chosenAsAccepted'; readonly instance: Instance }
  | ({ readonly type: 'snapshot' } & StoredSnapshot)

/** The offsets within the content of a record; see `writeRecord`. */
const typeOffset = 4
const lengthOffset = 8
const prefixBytes = 12
const numberBytes = 8
const ballotBytes = 2 * numberBytes
const acceptedPrefixBytes = prefixBytes + numberBytes + ballotBytes
const chosenPrefixBytes = prefixBytes + numberBytes

const none: Bytes = new Uint8Array(0)

/** The JSON at the end of a record, in UTF-8. */
export function jsonIn(record: StoredRecord): Bytes {
  switch (record.type) {
    case 'identity':
      return utf8(JSON.stringify(record.identity))
    case 'accepted':
    case 'chosen':
      return batchBytes(record.batch)
    case 'snapshot': {
      const { snapshot, floor, file } = record
      return utf8(JSON.stringify({ snapshot, floor, file }))
    }
    case 'promise':
    case 'chosenAsAccepted':
      return none
  }
}

/** The most bytes of a record with this JSON. */
export function mostBytes(json: Bytes): number {
  return acceptedPrefixBytes + json.length
}

/** Writes `record`, whose JSON is `json`, at `offset`. Returns the offset after it. There must be room for `mostBytes`. */
export function writeRecord(bytes: Bytes, offset: number, record: StoredRecord, json: Bytes): number {
  const jsonOffset = writeNumbers(bytes, offset + prefixBytes, record)
  bytes.set(json, jsonOffset)
  const end = jsonOffset + json.length
  writeUint32(bytes, offset + typeOffset, recordTypes[record.type])
  writeUint32(bytes, offset + lengthOffset, end - offset - prefixBytes)
  writeUint32(bytes, offset, checksumOf(bytes, offset, end))
  return end
}

function writeNumbers(bytes: Bytes, offset: number, record: StoredRecord): number {
  switch (record.type) {
    case 'identity':
    case 'snapshot':
      return offset
    case 'promise':
      return writeBallot(bytes, offset, record.ballot)
    case 'accepted':
      return writeBallot(bytes, writeNumber(bytes, offset, record.instance), record.ballot)
    case 'chosen':
    case 'chosenAsAccepted':
      return writeNumber(bytes, offset, record.instance)
  }
}

/** The bytes of `record`. */
export function encodeRecord(record: StoredRecord): Bytes {
  const json = jsonIn(record)
  const bytes = new Uint8Array(mostBytes(json))
  return bytes.slice(0, writeRecord(bytes, 0, record, json))
}

/**
 * Why there is no record at `offset`, judged by its type and its length; `null` when there may be one. It must end at or before
 * `endBytes`.
 */
export function refusalOfShape(bytes: Bytes, offset: number, endBytes: number): string | null {
  if (offset + prefixBytes > endBytes) return 'a record is cut'
  const lengthBytes = lengthOf(bytes, offset)
  if (offset + lengthBytes > endBytes) return 'a record is cut'
  const least = shortest[typeOf(bytes, offset)]
  if (least === undefined) return `a record has the unknown type ${typeOf(bytes, offset)}`
  return lengthBytes < least ? 'a record is too short' : null
}

/** Why there is no record at `offset`, judged by its checksum too; `null` when there is one. */
export function refusalOfRecord(bytes: Bytes, offset: number, endBytes: number): string | null {
  const refusal = refusalOfShape(bytes, offset, endBytes)
  if (refusal !== null) return refusal
  const checksum = checksumOf(bytes, offset, offset + lengthOf(bytes, offset))
  return checksum === readUint32(bytes, offset) ? null : 'the checksum of a record is wrong'
}

/** The least length of a record of each type. */
const shortest: Readonly<Record<number, number>> = {
  [recordTypes.identity]: prefixBytes,
  [recordTypes.promise]: prefixBytes + ballotBytes,
  [recordTypes.accepted]: acceptedPrefixBytes,
  [recordTypes.chosen]: chosenPrefixBytes,
  [recordTypes.chosenAsAccepted]: chosenPrefixBytes,
  [recordTypes.snapshot]: prefixBytes,
}

export function typeOf(bytes: Bytes, offset: number): number {
  return readUint32(bytes, offset + typeOffset)
}

/** The length of the record at `offset` in bytes. */
export function lengthOf(bytes: Bytes, offset: number): number {
  return prefixBytes + readUint32(bytes, offset + lengthOffset)
}

/** The instance of a record that has one. */
export function instanceOf(bytes: Bytes, offset: number): Instance {
  return readNumber(bytes, offset + prefixBytes)
}

/** Decodes the record at `offset`, which `refusalOfRecord` did not refuse. */
export function decodeRecord(bytes: Bytes, offset: number): StoredRecord {
  const end = offset + lengthOf(bytes, offset)
  switch (typeOf(bytes, offset)) {
    case recordTypes.identity:
      return { type: 'identity', identity: json(bytes, offset + prefixBytes, end) as Identity }
    case recordTypes.promise:
      return { type: 'promise', ballot: readBallot(bytes, offset + prefixBytes) }
    case recordTypes.accepted: {
      const batch = batchIn(bytes, offset + acceptedPrefixBytes, end)
      return {
        type: 'accepted',
        instance: instanceOf(bytes, offset),
        ballot: readBallot(bytes, offset + prefixBytes + numberBytes),
        batch,
      }
    }
    case recordTypes.chosen: {
      const batch = batchIn(bytes, offset + chosenPrefixBytes, end)
      return { type: 'chosen', instance: instanceOf(bytes, offset), batch }
    }
    case recordTypes.snapshot:
      return { type: 'snapshot', ...(json(bytes, offset + prefixBytes, end) as StoredSnapshot) }
    default:
      return { type: 'chosenAsAccepted', instance: instanceOf(bytes, offset) }
  }
}

/** The checksum of a record, whose end is `end`. */
function checksumOf(bytes: Bytes, offset: number, end: number): number {
  return crc32(bytes.subarray(offset + typeOffset, end))
}

/** Keeps a copy of the bytes of the batch, because the rest of the segment must not stay in memory with them. */
function batchIn(bytes: Bytes, from: number, to: number): Batch {
  return keepBatchBytes(json(bytes, from, to) as Batch, new Uint8Array(bytes.subarray(from, to)))
}

function json(bytes: Bytes, from: number, to: number): unknown {
  return JSON.parse(textOf(bytes.subarray(from, to)))
}

function readBallot(bytes: Bytes, offset: number): Ballot {
  return { round: readNumber(bytes, offset), node: readNumber(bytes, offset + numberBytes) }
}

/** Returns the offset after the ballot. */
function writeBallot(bytes: Bytes, offset: number, { round, node }: Ballot): number {
  return writeNumber(bytes, writeNumber(bytes, offset, round), node)
}
