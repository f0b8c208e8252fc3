import { describe, expect, test } from 'vitest'
import type { Write } from '../../machines/outputs.ts'
import { SimulatedDisk } from '../../src/simulator/disk.ts'
import { Timeline } from '../../src/simulator/timeline.ts'
import { ballot, batch } from '../support/role.ts'

const promise = (round: number): Write => ({ by: 'acceptor', promised: ballot(round, 0), accepted: [] })
const chosen = (instance: number): Write => ({
  by: 'learner',
  chosen: [{ instance, batch: batch(`batch ${instance}`) }],
})

function diskOf(syncMs = 10) {
  const timeline = new Timeline()
  const disk = new SimulatedDisk(timeline, () => syncMs)
  const told: string[] = []
  return {
    timeline,
    disk,
    told,
    write: (write: Write, name: string) =>
      disk.persist(write, () => told.push(`${name} at ${timeline.nowMs}`)),
  }
}

describe('a simulated disk', () => {
  test('syncs what an acceptor writes, and reports it then', () => {
    const { disk, timeline, told, write } = diskOf()
    write(promise(1), 'promise')
    expect(disk.state.promised).toBeNull()
    expect(disk.isSyncing).toBe(true)
    while (timeline.advance());
    expect(told).toEqual(['promise at 10'])
    expect(disk.state.promised).toEqual(ballot(1, 0))
    expect(disk.unsynced).toBe(0)
  })

  test("keeps a learner's write for the next sync, and can read it at once", () => {
    const { disk, timeline, told, write } = diskOf()
    write(chosen(0), 'chosen')
    while (timeline.advance());
    expect(disk.state.firstUnchosen).toBe(0)
    expect(disk.chosen(0, 10)).toHaveLength(1)
    write(promise(1), 'promise')
    while (timeline.advance());
    expect(disk.state.firstUnchosen).toBe(1)
    expect(told).toEqual(['chosen at 10', 'promise at 10'])
  })

  test('joins what is written during a sync into the next one', () => {
    const { timeline, told, write } = diskOf()
    write(promise(1), 'first')
    write(promise(2), 'second')
    write(promise(3), 'third')
    while (timeline.advance());
    expect(told).toEqual(['first at 10', 'second at 20', 'third at 20'])
  })

  test.each([
    { survived: 0, promised: null, firstUnchosen: 0 },
    { survived: 1, promised: ballot(1, 0), firstUnchosen: 0 },
    { survived: 2, promised: ballot(1, 0), firstUnchosen: 1 },
    { survived: 9, promised: ballot(2, 0), firstUnchosen: 1 },
  ])('keeps the first $survived writes of those that a crash found not synced', ({ survived, ...kept }) => {
    const { disk, timeline, told, write } = diskOf()
    write(promise(1), 'first')
    write(chosen(0), 'chosen')
    write(promise(2), 'second')
    disk.crash(survived)
    while (timeline.advance());
    expect(told).toEqual([])
    expect(disk.state).toMatchObject(kept)
    expect(disk.chosen(0, 10)).toHaveLength(kept.firstUnchosen)
  })

  test.each([
    { survived: 0, promised: null },
    { survived: 5, promised: ballot(1, 0) },
  ])('fails a sync: nobody is told that it was stored, and $survived writes got there', ({
    survived,
    promised,
  }) => {
    const { disk, timeline, told, write } = diskOf()
    disk.failSync(survived, () => told.push('failed'))
    write(promise(1), 'first')
    write(promise(2), 'what was to be in the next sync')
    while (timeline.advance());
    expect(told).toEqual(['failed'])
    expect(disk.state.promised).toEqual(promised)
  })

  test('forgets that it was to fail', () => {
    const { disk, timeline, told, write } = diskOf()
    disk.failSync(0, () => told.push('failed'))
    disk.forgetFaults()
    write(promise(1), 'first')
    while (timeline.advance());
    expect(told).toEqual(['first at 10'])
  })

  test('tells once when a sync begins, and how long it takes', () => {
    const { disk, timeline, told, write } = diskOf(7)
    disk.atNextSync((syncMs) => told.push(`begins, takes ${syncMs}`))
    write(promise(1), 'first')
    while (timeline.advance());
    write(promise(2), 'second')
    while (timeline.advance());
    expect(told).toEqual(['begins, takes 7', 'first at 7', 'second at 14'])
  })
})
