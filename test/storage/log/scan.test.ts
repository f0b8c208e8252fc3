import { describe, expect, it } from 'vitest'
import { GroupBuffer } from '../../../src/storage/log/group.ts'
import { blockBytes, type LogPosition } from '../../../src/storage/log/layout.ts'
import type { StoredRecord } from '../../../src/storage/log/records.ts'
import { type SegmentScan, scanSegment, whyNotNext } from '../../../src/storage/log/scan.ts'
import { ballot } from '../fixtures.ts'

const salt = 77
const start: LogPosition = { segment: 2, group: 5, endBytes: blockBytes, checksum: 123 }
const promise = (round: number): StoredRecord => ({ type: 'promise', ballot: ballot(round) })

/** A segment with a group for each of `groups`, and a block of zeros; and the places after each. */
function segment(...groups: readonly (readonly (StoredRecord | Uint8Array)[])[]) {
  const bytes = new Uint8Array((groups.length + 2) * blockBytes)
  const ends: LogPosition[] = [start]
  for (const records of groups) {
    const before = ends.at(-1)!
    const group = new GroupBuffer()
    group.clear()
    for (const record of records) group.add(record)
    const sealed = group.seal(before, { segment: 2, salt, offset: before.endBytes })
    bytes.set(sealed.bytes, before.endBytes)
    ends.push({
      segment: 2,
      group: before.group + 1,
      endBytes: before.endBytes + sealed.bytes.length,
      checksum: sealed.checksum,
    })
  }
  return { bytes, ends }
}

function scan(bytes: Uint8Array, until: LogPosition | null = null): SegmentScan & { groups: number[] } {
  const groups: number[] = []
  const scanned = scanSegment({ bytes, salt, start, until, whyNot: whyNotNext }, ({ group }) =>
    groups.push(group),
  )
  return { ...scanned, groups }
}

describe('a scan of a segment', () => {
  it('finds all groups, with their records, up to the zeros or the end of the file', () => {
    const { bytes, ends } = segment([promise(1)], [promise(2), promise(3)], [])
    const counts: number[] = []
    scanSegment({ bytes, salt, start, until: null, whyNot: whyNotNext }, (_, end, records) => {
      expect(end).toEqual(ends[counts.length + 1])
      counts.push(records.length)
    })
    expect(counts).toEqual([1, 2, 0])
    const all = { end: ends[3], stopped: 'clean', groups: [6, 7, 8] }
    expect(scan(bytes)).toEqual(all)
    expect(scan(bytes.subarray(0, ends[3]!.endBytes))).toEqual(all)
  })

  it('stops where the log leaves the segment', () => {
    const { bytes, ends } = segment([promise(1)], [promise(2)])
    expect(scan(bytes, ends[1])).toEqual({ end: ends[1], stopped: 'reached', groups: [6] })
    expect(scan(bytes, start)).toEqual({ end: start, stopped: 'reached', groups: [] })
    expect(scan(bytes, { ...ends[1]!, checksum: 1 }).stopped).toBe('clean')
  })

  it('reports a bad group, and whether a later one is complete', () => {
    const { bytes, ends } = segment([promise(1)], [promise(2)], [promise(3)])
    bytes[ends[1]!.endBytes + 40]! ^= 1
    const reason = 'the checksum of a group is wrong'
    expect(scan(bytes).stopped).toEqual({ offset: ends[1]!.endBytes, reason, laterGroup: 8 })
    bytes[ends[2]!.endBytes + 40]! ^= 1
    expect(scan(bytes).stopped).toEqual({ offset: ends[1]!.endBytes, reason, laterGroup: null })
  })

  it('reports a group whose predecessor is missing', () => {
    const { bytes, ends } = segment([promise(1)], [promise(2)])
    bytes.fill(0, ends[0]!.endBytes, ends[1]!.endBytes)
    expect(scan(bytes).stopped).toEqual({ offset: blockBytes, reason: 'there is no group', laterGroup: 7 })
  })

  it('refuses a group with the number or the checksum of another predecessor', () => {
    const { bytes } = segment([promise(1)])
    const from = (other: Partial<LogPosition>) =>
      scanSegment(
        { bytes, salt, start: { ...start, ...other }, until: null, whyNot: whyNotNext },
        () => undefined,
      )
    expect(from({ group: 6 }).stopped).toMatchObject({ reason: 'group 6 follows group 6' })
    expect(from({ checksum: 124 }).stopped).toMatchObject({
      reason: 'group 6 does not continue group 5: its checksum differs',
    })
  })

  it('refuses a group whose records do not fill it', () => {
    const { bytes } = segment([new Uint8Array(11)])
    expect(scan(bytes).stopped).toMatchObject({ reason: 'a record is cut' })
    const unknown = segment([new Uint8Array(12)])
    expect(scan(unknown.bytes).stopped).toMatchObject({ reason: 'a record has the unknown type 0' })
  })
})
