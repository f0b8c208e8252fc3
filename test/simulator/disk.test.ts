import { describe, expect, test } from 'vitest'
import { foundingMembers } from '../../machines/members.ts'
import type { Write } from '../../machines/outputs.ts'
import { nothingDurable } from '../../src/core/durable.ts'
import { run } from '../../src/core/process.ts'
import { type Opened, SimulatedDisk } from '../../src/simulator/disk.ts'
import type { FileCall } from '../../src/simulator/files.ts'
import { Timeline } from '../../src/simulator/timeline.ts'
import { ballot, batch } from '../support/role.ts'

const identity = {
  cluster: 'c',
  node: 0,
  incarnation: 'founder-0',
  members: foundingMembers([{ id: 0, address: 'server-0:1' }]),
}
const promise = (round: number): Write => ({ by: 'acceptor', promised: ballot(round, 0), accepted: [] })
const chosen = (instance: number): Write => ({
  by: 'learner',
  chosen: [{ instance, batch: batch(`batch ${instance}`) }],
})
const syncMs = 10

/** A disk in a process of its own, which ends with `crash`. */
function diskOf() {
  const timeline = new Timeline()
  const disk = new SimulatedDisk(1, identity)
  const reported: string[] = []
  let processes = 0
  const open = () => {
    processes += 1
    const own = processes
    const after = (delayMs: number, action: () => void) =>
      timeline.schedule(delayMs, () => {
        if (own === processes) action()
      })
    const later = (call: FileCall, act: () => void, ended: () => void) =>
      after(call === 'sync' ? syncMs : 0, () => {
        act()
        ended()
      })
    const outcome: { opened?: Opened; error?: Error } = {}
    const process = {
      files: (files: SimulatedDisk['files']) => files.session(later),
      after,
      failed: ({ message }: Error) => reported.push(message),
    }
    run(disk.open(process), (error, opened) => {
      if (error === null) outcome.opened = opened!
      else outcome.error = error
    })
    while (outcome.opened === undefined && outcome.error === undefined && timeline.advance());
    if (outcome.error !== undefined) throw outcome.error
    return outcome.opened!
  }
  return {
    timeline,
    disk,
    reported,
    open,
    write: (write: Write, name: string) => disk.persist(write, () => reported.push(name)),
    crash: (...unsynced: Parameters<SimulatedDisk['crash']>) => {
      processes += 1
      disk.crash(...unsynced)
    },
  }
}

describe('a simulated disk', () => {
  test('syncs a write of an acceptor, and then reports it', () => {
    const { disk, timeline, reported, open, write } = diskOf()
    expect(open()).toEqual({
      durable: nothingDurable,
      snapshot: null,
      chosen: [],
      isTorn: false,
    })
    write(promise(1), 'promise')
    expect(disk.state.promised).toBeNull()
    expect(disk.unsynced).toBe(1)
    while (timeline.advance());
    expect(reported).toEqual(['promise'])
    expect(disk.state.promised).toEqual(ballot(1, 0))
    expect(disk.unsynced).toBe(0)
  })

  test('holds after a crash what was synced', () => {
    const { timeline, open, write, crash } = diskOf()
    open()
    write(promise(1), 'promise')
    write(chosen(0), 'chosen')
    while (timeline.advance());
    write(promise(2), 'lost')
    crash('lost')
    const { durable, chosen: kept } = open()
    expect(durable).toEqual({ ...nothingDurable, promised: ballot(1, 0), firstUnchosen: 1 })
    expect(kept).toEqual([batch('batch 0')])
  })

  test('holds a write that was in flight when it reached the disk, and when it reached the cache', () => {
    for (const unsynced of ['kept', 'cached'] as const) {
      const { open, write, crash, timeline } = diskOf()
      open()
      write(promise(1), 'promise')
      timeline.advance()
      crash(unsynced)
      expect(open().durable.promised).toEqual(ballot(1, 0))
    }
  })

  test('makes durable what it read from the cache', () => {
    const { timeline, disk, reported, open, write, crash } = diskOf()
    open()
    disk.files.failLater({ call: 'sync', code: 'EIO', calls: 0 })
    write(promise(1), 'promise')
    while (timeline.advance());
    expect(reported).toEqual([expect.stringContaining('a write failed: EIO')])
    crash('cached')
    expect(open().durable.promised).toEqual(ballot(1, 0))
    crash('lost')
    expect(open().durable.promised).toEqual(ballot(1, 0))
  })

  test('reads pages of chosen batches', () => {
    const { timeline, disk, open, write } = diskOf()
    open()
    for (const instance of [0, 1, 2]) write(chosen(instance), 'chosen')
    while (timeline.advance());
    const pages: unknown[] = []
    disk.read(1, 100_000)((error, page) => pages.push(error ?? page))
    while (timeline.advance());
    expect(pages).toEqual([[batch('batch 1'), batch('batch 2')]])
  })

  test('breaks invariant 15 when it opens with less than was synced', () => {
    const { timeline, disk, open, write, crash } = diskOf()
    open()
    write(promise(1), 'promise')
    while (timeline.advance());
    write(promise(2), 'promise')
    while (timeline.advance());
    crash('lost')
    const other = diskOf()
    other.open()
    for (const path of disk.files.paths) disk.files.damage(path, null)
    for (const path of other.disk.files.paths) disk.files.damage(path, other.disk.files.bytesOf(path))
    expect(open).toThrow('invariant 15 (storage): the store of server 0 opened with the promise null')
  })
})
