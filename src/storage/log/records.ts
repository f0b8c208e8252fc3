/**
 * The records of a log. A record is a type (4 bytes), the length of its content (4 bytes), a checksum of both and of the content
 * (4 bytes), and the content. Numbers are little-endian. The batch is at the end of the content, in the bytes of its JSON.
 */
import { crc32 } from 'node:zlib'
import type { Ballot } from '../../../machines/ballot.ts'
import type { Batch, Instance } from '../../../machines/batch.ts'
import { textOf, utf8 } from '../../core/bytes.ts'
import { memoByIdentity } from '../../core/memo.ts'
import type { Identity } from '../storage.ts'
import { type Bytes, readNumber, readUint32, writeNumber, writeUint32 } from './bytes.ts'

export const recordTypes = { identity: 1, promise: 2, accepted: 3, chosen: 4, chosenAsAccepted: 5 } as const

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

/** The offsets within the content of a record; see `encodeRecord`. */
const prefixBytes = 12
const numberBytes = 8
const ballotBytes = 2 * numberBytes
const acceptedPrefixBytes = prefixBytes + numberBytes + ballotBytes
const chosenPrefixBytes = prefixBytes + numberBytes

/** The JSON of a batch in UTF-8. A batch is encoded once. */
export const batchBytes = memoByIdentity((batch: Batch) => utf8(JSON.stringify(batch)))

/** The bytes of `record`. */
export function encodeRecord(record: StoredRecord): Bytes {
  switch (record.type) {
    case 'identity':
      return made(record.type, [], utf8(JSON.stringify(record.identity)))
    case 'promise':
      return made(record.type, [record.ballot.round, record.ballot.node], nothing)
    case 'accepted': {
      const { instance, ballot, batch } = record
      return made(record.type, [instance, ballot.round, ballot.node], batchBytes(batch))
    }
    case 'chosen':
      return made(record.type, [record.instance], batchBytes(record.batch))
    case 'chosenAsAccepted':
      return made(record.type, [record.instance], nothing)
  }
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
  const lengthBytes = lengthOf(bytes, offset)
  return checksumOf(bytes, offset, lengthBytes) === readUint32(bytes, offset + 8)
    ? null
    : 'the checksum of a record is wrong'
}

/** The least length of a record of each type. */
const shortest: Readonly<Record<number, number>> = {
  [recordTypes.identity]: prefixBytes,
  [recordTypes.promise]: prefixBytes + ballotBytes,
  [recordTypes.accepted]: acceptedPrefixBytes,
  [recordTypes.chosen]: chosenPrefixBytes,
  [recordTypes.chosenAsAccepted]: chosenPrefixBytes,
}

export function typeOf(bytes: Bytes, offset: number): number {
  return readUint32(bytes, offset)
}

/** The length of the record at `offset` in bytes. */
export function lengthOf(bytes: Bytes, offset: number): number {
  return prefixBytes + readUint32(bytes, offset + 4)
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
      const batch = json(bytes, offset + acceptedPrefixBytes, end) as Batch
      return {
        type: 'accepted',
        instance: instanceOf(bytes, offset),
        ballot: readBallot(bytes, offset + prefixBytes + numberBytes),
        batch,
      }
    }
    case recordTypes.chosen: {
      const batch = json(bytes, offset + chosenPrefixBytes, end) as Batch
      return { type: 'chosen', instance: instanceOf(bytes, offset), batch }
    }
    default:
      return { type: 'chosenAsAccepted', instance: instanceOf(bytes, offset) }
  }
}

const nothing = new Uint8Array(0)

function made(type: keyof typeof recordTypes, numbers: readonly number[], text: Bytes): Bytes {
  const contentBytes = numbers.length * numberBytes + text.length
  const record = new Uint8Array(prefixBytes + contentBytes)
  writeUint32(record, 0, recordTypes[type])
  writeUint32(record, 4, contentBytes)
  let offset = prefixBytes
  for (const number of numbers) offset = writeNumber(record, offset, number)
  record.set(text, offset)
  writeUint32(record, 8, checksumOf(record, 0, record.length))
  return record
}

/** The checksum of all bytes of a record but its checksum. */
function checksumOf(bytes: Bytes, offset: number, lengthBytes: number): number {
  const typeAndLength = crc32(bytes.subarray(offset, offset + 8))
  return crc32(bytes.subarray(offset + prefixBytes, offset + lengthBytes), typeAndLength)
}

function json(bytes: Bytes, from: number, to: number): unknown {
  return JSON.parse(textOf(bytes.subarray(from, to)))
}

function readBallot(bytes: Bytes, offset: number): Ballot {
  return { round: readNumber(bytes, offset), node: readNumber(bytes, offset + numberBytes) }
}
