import { describe, expect, it } from 'vitest'
import { decodeHead, encodeHead, type Head, headBytes } from '../../../src/storage/log/head.ts'
import { blockBytes, segmentName, segmentOfName, storedFormat } from '../../../src/storage/log/layout.ts'
import { sealed, unsealed } from '../../../src/storage/log/sealed-block.ts'
import {
  decodeHeader,
  encodeHeader,
  type SegmentHeader,
  startOf,
} from '../../../src/storage/log/segment-header.ts'

describe('a sealed block', () => {
  const fact = { text: 'ü "☃"', number: 2 ** 52 }

  it('holds a fact', () => {
    const block = sealed('MAGIC__1', fact, 512)
    expect(block.length).toBe(512)
    expect(unsealed('MAGIC__1', block)).toEqual({ fact })
  })

  it('is refused when any bit of what it holds is flipped', () => {
    const block = sealed('MAGIC__1', fact, 512)
    const usedBytes = block.findLastIndex((byte) => byte !== 0) + 1
    for (let bit = 0; bit < 8 * usedBytes; bit += 1) {
      const flipped = block.slice()
      flipped[bit >> 3]! ^= 1 << (bit % 8)
      expect(unsealed('MAGIC__1', flipped)).toHaveProperty('reason')
    }
  })

  it('states why it holds no fact', () => {
    const block = sealed('MAGIC__1', fact, 512)
    expect(unsealed('MAGIC__1', block.subarray(0, 15))).toEqual({ reason: 'it has only 15 bytes' })
    expect(unsealed('MAGIC__1', block.subarray(0, 20))).toEqual({ reason: 'its checksum is wrong' })
    expect(unsealed('MAGIC__1', new Uint8Array(512))).toEqual({ reason: 'it holds only zeros' })
    expect(unsealed('MAGIC__2', block)).toEqual({ reason: 'it does not begin with MAGIC__2' })
  })

  it('throws when the fact does not fit', () => {
    expect(() => sealed('MAGIC__1', 'x'.repeat(495), 512)).toThrow(RangeError)
    expect(unsealed('MAGIC__1', sealed('MAGIC__1', 'x'.repeat(494), 512))).toEqual({ fact: 'x'.repeat(494) })
  })
})

describe('head', () => {
  const at = (turn: number): Head => ({
    turn,
    synced: { segment: 1, group: turn, endBytes: 4_096 * turn, checksum: turn },
  })

  function file(...turns: readonly number[]): Uint8Array {
    const bytes = new Uint8Array(headBytes)
    for (const turn of turns) {
      const { offset, bytes: block } = encodeHead(at(turn))
      bytes.set(block, offset)
    }
    return bytes
  }

  it('is written in two blocks in turn, and the later turn counts', () => {
    expect([8, 9, 10].map((turn) => encodeHead(at(turn)).offset)).toEqual([0, blockBytes, 0])
    expect(decodeHead(file(9))).toEqual({ head: at(9) })
    expect(decodeHead(file(9, 10))).toEqual({ head: at(10) })
    expect(decodeHead(file(10, 11))).toEqual({ head: at(11) })
  })

  it('is read from the other block when one is damaged or missing', () => {
    const damaged = file(9, 10)
    damaged[50]! ^= 1
    expect(decodeHead(damaged)).toEqual({ head: at(9) })
    expect(decodeHead(file(10, 11).subarray(0, blockBytes))).toEqual({ head: at(10) })
  })

  it('is refused when neither block can be read', () => {
    expect(decodeHead(new Uint8Array(0))).toEqual({
      reason: 'neither of its two blocks can be read (it has only 0 bytes)',
    })
    const damaged = file(10)
    damaged[20]! ^= 1
    expect(decodeHead(damaged)).toEqual({
      reason: 'neither of its two blocks can be read (its checksum is wrong; it holds only zeros)',
    })
  })
})

describe('the header of a segment', () => {
  const header: SegmentHeader = {
    format: storedFormat,
    cluster: 'c1',
    incarnation: 'i1',
    segment: 2,
    salt: 5,
    begun: 'full',
    base: { segment: 1, floor: 0 },
    after: { segment: 1, group: 8, endBytes: 8_192, checksum: 77 },
  }

  it('takes one block, and is decoded as it was encoded', () => {
    expect(encodeHeader(header).length).toBe(blockBytes)
    expect(decodeHeader(encodeHeader(header))).toEqual({ header })
    expect(startOf(header)).toEqual({ segment: 2, group: 8, endBytes: blockBytes, checksum: 77 })
  })

  it('of format 4 is that of a log that has all its segments', () => {
    const { base: _, ...earlier } = { ...header, format: 4 }
    expect(decodeHeader(encodeHeader(earlier as SegmentHeader))).toEqual({
      header: { ...earlier, base: { segment: 1, floor: 0 } },
    })
  })

  it('is refused when it has another format', () => {
    expect(decodeHeader(encodeHeader({ ...header, format: storedFormat + 1 }))).toEqual({
      reason: `its format is ${storedFormat + 1}, and this version reads formats 4 and 5`,
    })
  })
})

describe('the name of a segment', () => {
  it('has its number in eight digits', () => {
    expect(segmentName(12)).toBe('00000012.log')
    expect([1, 12, 99_999_999].map((segment) => segmentOfName(segmentName(segment)))).toEqual([
      1, 12, 99_999_999,
    ])
    for (const other of ['head', '00000000.log', '1.log', '000000001.log', '00000001.log~', 'a0000001.log']) {
      expect(segmentOfName(other)).toBeNull()
    }
  })
})
