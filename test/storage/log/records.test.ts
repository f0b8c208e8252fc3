import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { batchBytes, keepBatchBytes } from '../../../src/core/batch-bytes.ts'
import { utf8 } from '../../../src/core/bytes.ts'
import {
  decodeRecord,
  encodeRecord,
  instanceOf,
  lengthOf,
  refusalOfRecord,
  refusalOfShape,
  type StoredRecord,
} from '../../../src/storage/log/records.ts'
import { ballot, batch, identity, snapshotName } from '../fixtures.ts'

const number = fc.oneof(fc.nat(), fc.constantFrom(0, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER))
const anyBallot = fc.record({ round: number, node: number })
const anyBatch = fc.string({ unit: 'binary' }).map(batch)
const anyRecord: fc.Arbitrary<StoredRecord> = fc.oneof(
  fc.constant({ type: 'identity' as const, identity }),
  fc.record({ type: fc.constant('promise' as const), ballot: anyBallot }),
  fc.record({ type: fc.constant('accepted' as const), instance: number, ballot: anyBallot, batch: anyBatch }),
  fc.record({ type: fc.constant('chosen' as const), instance: number, batch: anyBatch }),
  fc.record({ type: fc.constant('chosenAsAccepted' as const), instance: number }),
  fc.record({
    type: fc.constant('snapshot' as const),
    snapshot: number.map((at) => snapshotName(at)),
    floor: number,
    file: number,
  }),
)

describe('a record', () => {
  it('is decoded as it was encoded, between other bytes too', () => {
    fc.assert(
      fc.property(anyRecord, fc.nat({ max: 9 }), (record, before) => {
        const encoded = encodeRecord(record)
        const bytes = new Uint8Array(before + encoded.length + 5).fill(0xee)
        bytes.set(encoded, before)
        const end = before + encoded.length
        expect(lengthOf(bytes, before)).toBe(encoded.length)
        expect(refusalOfRecord(bytes, before, end)).toBeNull()
        expect(decodeRecord(bytes, before)).toEqual(record)
        if ('instance' in record) expect(instanceOf(bytes, before)).toBe(record.instance)
      }),
    )
  })

  it('holds the bytes from which its batch was decoded, and gives a copy of them back', () => {
    const written = utf8(` ${JSON.stringify(batch('é'))}\n`)
    const received = keepBatchBytes(batch('é'), written)
    for (const record of [
      { type: 'accepted', instance: 3, ballot: ballot(7), batch: received },
      { type: 'chosen', instance: 3, batch: received },
    ] as const) {
      const encoded = encodeRecord(record)
      expect(encoded.subarray(-written.length)).toEqual(written)
      const decoded = decodeRecord(encoded, 0)
      expect(decoded).toEqual(record)
      encoded.fill(0)
      if (!('batch' in decoded)) throw new Error('no batch')
      const bytes = batchBytes(decoded.batch)
      expect(bytes).toEqual(written)
      expect(bytes.buffer.byteLength).toBe(written.length)
    }
  })

  const examples: readonly StoredRecord[] = [
    { type: 'identity', identity },
    { type: 'promise', ballot: ballot(7) },
    { type: 'accepted', instance: 3, ballot: ballot(7), batch: batch('a') },
    { type: 'chosen', instance: 3, batch: batch('a') },
    { type: 'chosenAsAccepted', instance: 3 },
    { type: 'snapshot', snapshot: snapshotName(3), floor: 2, file: 1 },
  ]

  it.each(examples)('of type $type is refused when any bit is flipped', (record) => {
    const encoded = encodeRecord(record)
    for (let bit = 0; bit < 8 * encoded.length; bit += 1) {
      const flipped = encoded.slice()
      flipped[bit >> 3]! ^= 1 << (bit % 8)
      expect(refusalOfRecord(flipped, 0, flipped.length)).toMatch(/^(a record|the checksum of a record) /)
    }
  })

  it.each(examples)('of type $type is refused when it is cut', (record) => {
    const encoded = encodeRecord(record)
    for (let length = 0; length < encoded.length; length += 1) {
      expect(refusalOfRecord(encoded, 0, length)).toBe('a record is cut')
      expect(refusalOfRecord(encoded.subarray(0, length), 0, length)).toBe('a record is cut')
    }
  })

  it('is refused by its shape when its type is unknown, or its content is too short for its type', () => {
    const unknown = encodeRecord({ type: 'chosenAsAccepted', instance: 3 })
    unknown[4] = 9
    expect(refusalOfShape(unknown, 0, unknown.length)).toBe('a record has the unknown type 9')
    const short = encodeRecord({ type: 'chosenAsAccepted', instance: 3 })
    short[8]! -= 1
    expect(refusalOfShape(short, 0, short.length)).toBe('a record is too short')
  })
})
