import { describe, expect, it } from 'vitest'
import { nothingDurable } from '../../../src/core/durable.ts'
import { ChosenIndex } from '../../../src/storage/log/chosen-index.ts'
import { pageEnd } from '../../../src/storage/log/chosen-pages.ts'
import { LogIndex } from '../../../src/storage/log/log-index.ts'
import { encodeRecord, type StoredRecord } from '../../../src/storage/log/records.ts'
import { ballot, batch, identity, record, snapshotName } from '../fixtures.ts'

describe('the index of chosen batches', () => {
  it('keeps every place when it grows', () => {
    const index = new ChosenIndex()
    for (let instance = 0; instance < 5_000; instance += 1)
      index.push(instance % 7, 3 * instance, instance + 1)
    expect(index.count).toBe(5_000)
    for (let instance = 0; instance < 5_000; instance += 1) {
      expect(index.at(instance)).toEqual({
        segment: instance % 7,
        offset: 3 * instance,
        lengthBytes: instance + 1,
      })
      expect(index.lengthBytesAt(instance)).toBe(instance + 1)
    }
  })

  it('forgets batches below a floor, and the memory for them', () => {
    const index = new ChosenIndex()
    for (let instance = 0; instance < 5_000; instance += 1) index.push(instance % 7, instance, instance + 1)
    index.dropBelow(4_990)
    index.dropBelow(10)
    expect([index.floor, index.count]).toEqual([4_990, 5_000])
    expect(index.at(4_990)).toEqual({ segment: 4_990 % 7, offset: 4_990, lengthBytes: 4_991 })
    expect([index.firstSegmentFrom(0), index.firstSegmentFrom(4_998), index.firstSegmentFrom(5_000)]).toEqual(
      [0, 0, null],
    )
    index.push(9, 1, 2)
    expect(index.at(5_000)).toEqual({ segment: 9, offset: 1, lengthBytes: 2 })
    index.dropBelow(7_000)
    index.push(1, 2, 3)
    expect([index.floor, index.count, index.lengthBytesAt(7_000)]).toEqual([7_000, 7_001, 3])
  })

  it('gives pages within a limit, of at least one batch', () => {
    const index = new ChosenIndex()
    for (const lengthBytes of [10, 20, 30, 40]) index.push(1, 0, lengthBytes)
    expect([0, 10, 29, 30, 59, 60, 1_000].map((limit) => pageEnd(index, 0, limit))).toEqual([
      1, 1, 1, 2, 2, 3, 4,
    ])
    expect(pageEnd(index, 3, 0)).toBe(4)
    expect(pageEnd(index, 4, 100)).toBe(4)
    expect(pageEnd(index, 9, 100)).toBe(9)
  })
})

describe('the index of a log', () => {
  function applied(...records: readonly StoredRecord[]) {
    const index = new LogIndex()
    let offset = 0
    const refusals = records.map((each) => {
      const bytes = encodeRecord(each)
      const refusal = index.apply(bytes, 0, 3, offset)
      offset += bytes.length
      return refusal
    })
    return { index, refusals: refusals.filter((refusal) => refusal !== null) }
  }
  const accepted = (instance: number, round: number, name: string): StoredRecord => ({
    type: 'accepted',
    ...record(instance, round, name),
  })

  it('holds the state that the records describe, and what must be written again', () => {
    const { index, refusals } = applied(
      { type: 'identity', identity },
      { type: 'promise', ballot: ballot(1) },
      accepted(1, 1, 'b'),
      accepted(0, 1, 'a'),
      accepted(2, 1, 'old'),
      { type: 'promise', ballot: ballot(2) },
      accepted(2, 2, 'new'),
      { type: 'chosenAsAccepted', instance: 0 },
      { type: 'chosen', instance: 1, batch: batch('other') },
      accepted(0, 2, 'late'),
    )
    expect(refusals).toEqual([])
    expect(index.identity).toEqual(identity)
    expect(index.durable).toEqual({
      ...nothingDurable,
      promised: ballot(2),
      accepted: [record(2, 2, 'new')],
      firstUnchosen: 2,
    })
    expect(index.votes).toEqual([
      encodeRecord({ type: 'promise', ballot: ballot(2) }),
      encodeRecord(accepted(2, 2, 'new')),
    ])
    const lengths = [accepted(0, 1, 'a'), { type: 'chosen', instance: 1, batch: batch('other') } as const]
    expect([0, 1].map((instance) => index.chosen.lengthBytesAt(instance))).toEqual(
      lengths.map((each) => encodeRecord(each).length),
    )
  })

  const chosenAt = (instance: number): StoredRecord => ({ type: 'chosen', instance, batch: batch('a') })
  const snapshotAt = (instance: number, floor: number): StoredRecord => ({
    type: 'snapshot',
    snapshot: snapshotName(instance),
    floor,
    file: 1,
  })

  it('holds a snapshot, and what follows its floor', () => {
    const { index, refusals } = applied(
      ...[0, 1, 2].map(chosenAt),
      accepted(5, 1, 'f'),
      snapshotAt(2, 1),
      snapshotAt(5, 5),
      chosenAt(5),
    )
    expect(refusals).toEqual([])
    expect(index.durable).toEqual({
      ...nothingDurable,
      firstUnchosen: 6,
      snapshot: snapshotName(5),
      floor: 5,
    })
  })

  it('that begins at a floor passes over the chosen batches below it, and misses none above', () => {
    expect(applied(chosenAt(0), chosenAt(1), chosenAt(2)).index.durable.firstUnchosen).toBe(3)
    const index = new LogIndex(2)
    const refusalOf = (instance: number) => index.apply(encodeRecord(chosenAt(instance)), 0, 1, 0)
    expect([1, 0, 2, 4].map(refusalOf)).toEqual([
      null,
      null,
      null,
      'instance 4 is recorded as chosen, and the first unchosen one is 3',
    ])
    expect(index.durable).toMatchObject({ firstUnchosen: 3, floor: 2 })
  })

  it('refuses a snapshot that is older than the one before, or whose tail is missing', () => {
    expect(applied(snapshotAt(3, 3), snapshotAt(2, 2)).refusals).toEqual([
      'the snapshot of instance 2 follows that of instance 3',
    ])
    expect(applied(chosenAt(0), snapshotAt(3, 0)).refusals).toEqual([
      'chosen batches from 0 to below 3 must be held, and the first missing one is 1',
    ])
  })

  it('refuses a chosen record that does not continue', () => {
    const chosen = (instance: number): StoredRecord => ({ type: 'chosen', instance, batch: batch('a') })
    expect(applied(chosen(0), chosen(2)).refusals).toEqual([
      'instance 2 is recorded as chosen, and the first unchosen one is 1',
    ])
    expect(applied(chosen(0), chosen(0)).refusals).toEqual([
      'instance 0 is recorded as chosen, and the first unchosen one is 1',
    ])
    expect(applied({ type: 'chosenAsAccepted', instance: 0 }).refusals).toEqual([
      'instance 0 is recorded as chosen as accepted, and no accepted record is there',
    ])
  })
})
