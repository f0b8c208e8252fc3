import { describe, expect, it } from 'vitest'
import { decodeGroup, firstRecordOffset, GroupBuffer, recordCountOf } from '../../../src/storage/log/group.ts'
import { blockBytes } from '../../../src/storage/log/layout.ts'
import { encodeRecord, type StoredRecord } from '../../../src/storage/log/records.ts'
import { ballot, batch } from '../fixtures.ts'

const place = { segment: 3, salt: 4_000_000_001, offset: 2 * blockBytes }
const before = { group: 2 ** 33, checksum: 0xfedc_ba98 }
const records: readonly StoredRecord[] = [
  { type: 'promise', ballot: ballot(7) },
  { type: 'accepted', instance: 4, ballot: ballot(7), batch: batch('a') },
]

function sealed(content: readonly (StoredRecord | Uint8Array)[] = records) {
  const group = new GroupBuffer()
  group.clear()
  for (const record of content) group.add(record)
  return group.seal(before, place)
}

/** A segment that holds `bytes` at the place of the group. */
function segment(bytes: Uint8Array, offset = place.offset): Uint8Array {
  const all = new Uint8Array(offset + bytes.length + blockBytes)
  all.set(bytes, offset)
  return all
}

describe('a group', () => {
  it('is decoded as it was encoded', () => {
    const { bytes, checksum } = sealed()
    expect(recordCountOf(bytes)).toBe(2)
    const lengthBytes = records.reduce((sum, record) => sum + encodeRecord(record).length, 0)
    expect(decodeGroup(segment(bytes), place)).toEqual({
      header: {
        group: before.group + 1,
        previous: before.checksum,
        checksum,
        records: 2,
        recordsEnd: place.offset + firstRecordOffset + lengthBytes,
        endBytes: place.offset + blockBytes,
      },
    })
  })

  it('has the same bytes from records and from the bytes of records', () => {
    expect(sealed(records.map(encodeRecord)).bytes).toEqual(sealed().bytes)
  })

  it('can be empty', () => {
    const decoded = decodeGroup(segment(sealed([]).bytes), place)
    expect(decoded).toMatchObject({ header: { records: 0, endBytes: place.offset + blockBytes } })
  })

  it('takes whole blocks, and no block more', () => {
    const least = encodeRecord({ type: 'chosen', instance: 0, batch: batch('') }).length
    const fitting = blockBytes - firstRecordOffset - least
    for (const [more, blocks] of [
      [0, 1],
      [1, 2],
    ] as const) {
      const record: StoredRecord = { type: 'chosen', instance: 0, batch: batch('x'.repeat(fitting + more)) }
      const { bytes } = sealed([record])
      expect(bytes.length).toBe(blocks * blockBytes)
      expect(decodeGroup(segment(bytes), place)).toMatchObject({
        header: { endBytes: place.offset + blocks * blockBytes },
      })
    }
  })

  it('holds nothing of the group before it in the same buffer', () => {
    const group = new GroupBuffer()
    for (const length of [2_000_000, 20_000, 10]) {
      group.clear()
      group.add({ type: 'chosen', instance: 0, batch: batch('x'.repeat(length)) })
      const alone = sealed([{ type: 'chosen', instance: 0, batch: batch('x'.repeat(length)) }])
      expect(Buffer.compare(group.seal(before, place).bytes, alone.bytes)).toBe(0)
    }
  })

  it.each([
    ['segment', { ...place, segment: 4 }],
    ['salt', { ...place, salt: place.salt + 1 }],
  ])('does not fit another %s', (_, other) => {
    expect(decodeGroup(segment(sealed().bytes), other)).toEqual({
      reason: 'the checksum of a group is wrong',
    })
  })

  it('does not fit another offset', () => {
    const { bytes } = sealed()
    for (let block = 0; block < 40; block += 1) {
      const offset = block * blockBytes
      const isThere = 'header' in decodeGroup(segment(bytes, offset), { ...place, offset })
      expect(isThere).toBe(offset === place.offset)
    }
  })

  it('is refused when any bit up to the end of its records is flipped', () => {
    const { bytes } = sealed()
    const decoded = decodeGroup(segment(bytes), place)
    const endBytes = 'header' in decoded ? decoded.header.recordsEnd - place.offset : 0
    for (let bit = 0; bit < 8 * endBytes; bit += 1) {
      const flipped = bytes.slice()
      flipped[bit >> 3]! ^= 1 << (bit % 8)
      expect(decodeGroup(segment(flipped), place)).toHaveProperty('reason')
    }
  })

  it('is refused when the file ends before its records do', () => {
    const whole = segment(sealed([{ type: 'chosen', instance: 0, batch: batch('x'.repeat(5_000)) }]).bytes)
    const cut = (length: number) => decodeGroup(whole.subarray(0, place.offset + length), place)
    expect(cut(firstRecordOffset - 1)).toEqual({ reason: 'the file ends within the header of a group' })
    expect(cut(firstRecordOffset)).toEqual({ reason: 'the file ends within a group' })
    expect(cut(blockBytes)).toEqual({ reason: 'the file ends within a group' })
  })
})
