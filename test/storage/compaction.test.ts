/** What a store in files does with its segments and snapshot files. */
import { beforeEach, describe, expect, it } from 'vitest'
import { readLog } from '../../src/storage/log/read-log.ts'
import { MemoryFiles } from '../support/memory-files.ts'
import type { FileCall } from '../support/observed-files.ts'
import {
  accepting,
  ballot,
  batch,
  compacting,
  learning,
  record,
  snapshotBytes,
  snapshotName,
} from './fixtures.ts'
import { type Answer, OpenedStore } from './opened-store.ts'
import { persistWhole } from './sealed.ts'
import { ended, settled } from './settled.ts'
import { storeOver } from './written-store.ts'

let on: OpenedStore

beforeEach(() => {
  on = new OpenedStore()
})

const pathsOf = (files: MemoryFiles) => [...files.contents.keys()].sort()

function compact(instance: number, floor: number, answers: Answer[] = []): Answer[] {
  persistWhole(on.store, compacting(instance, floor), (error) => answers.push(error))
  return answers
}

/** The calls since the last time, without reads and closes. */
function calls(): readonly string[] {
  const isShown = ({ operation }: FileCall) => operation !== 'read' && operation !== 'close'
  return on.observed.calls
    .splice(0)
    .filter(isShown)
    .map(({ operation, path }) => `${operation} ${path}`)
}

describe('a snapshot', () => {
  it('is durable before the log names it, and that before head does, and only then is deleted what it contains', () => {
    on.request(learning(0, 'a', 'b'))
    on.request(accepting(1, record(2, 1, 'c')))
    calls()
    expect(compact(2, 2)).toEqual([null])
    expect(calls()).toEqual([
      'create log/00000001.snapshot',
      'write log/00000001.snapshot',
      'write log/00000001.snapshot',
      'sync log/00000001.snapshot',
      'syncDirectory log',
      'create log/00000002.log',
      'write log/00000002.log',
      'write log/00000002.log',
      'sync log/00000002.log',
      'syncDirectory log',
      'write log/head',
      'sync log/head',
      'write log/head',
      'sync log/head',
      'remove log/00000001.log',
    ])
    expect(pathsOf(on.files)).toEqual(['log/00000001.snapshot', 'log/00000002.log', 'log/head'])
    expect(on.count(({ path }) => path.endsWith('.snapshot'))).toBe(0)
  })

  it('begins a segment with all that the server must not forget', () => {
    on.request(learning(0, 'a', 'b'))
    on.request(accepting(7, record(2, 7, 'c'), record(5, 7, 'f')))
    compact(1, 0)
    expect(on.groups.at(-1)).toEqual(['identity', 'snapshot', 'promise', 'accepted', 'accepted'])
    compact(2, 2)
    const { promised, accepted } = ended(storeOver(new MemoryFiles(on.files.contents)).open())
    expect([promised, accepted]).toEqual([ballot(7), [record(2, 7, 'c'), record(5, 7, 'f')]])
  })

  it('is answered before head names it, and no vote waits for that', () => {
    on.decide = ({ operation, path }) => (operation === 'write' && path === 'log/head' ? 'hold' : 'proceed')
    on.request(learning(0, 'a'))
    expect(compact(1, 1)).toEqual([null])
    expect(on.request(accepting(1))).toEqual([null])
    expect(pathsOf(on.files)).toContain('log/00000001.log')
    on.observed.release()
    expect(pathsOf(on.files)).toContain('log/00000001.log')
    on.observed.release()
    expect(pathsOf(on.files)).not.toContain('log/00000001.log')
  })

  it('deletes the file of the snapshot before the one before it', () => {
    on.request(learning(0, 'a', 'b', 'c'))
    for (const instance of [1, 2, 3]) compact(instance, instance)
    const snapshots = pathsOf(on.files).filter((path) => path.endsWith('.snapshot'))
    expect(snapshots).toEqual(['log/00000002.snapshot', 'log/00000003.snapshot'])
    const next = on.startedAnew()
    expect(pathsOf(next.files).filter((path) => path.endsWith('.snapshot'))).toEqual([
      'log/00000003.snapshot',
    ])
  })

  it('keeps the segment of a batch that was chosen as accepted, although the choice is in a later one', () => {
    on.request(accepting(1, record(0, 1, 'a'), record(1, 1, 'b'), record(2, 1, 'c')))
    compactNothing()
    on.request(learning(0, 'a', 'b', 'c'))
    on.request(accepting(2))
    compact(2, 1)
    const next = on.startedAnew()
    expect(ended(next.store.chosen(1, 10_000))).toEqual(['b', 'c'].map(batch))
    expect(ended(next.store.chosen(0, 10_000))).toBeNull()
  })

  /** Begins segments, as starts do. */
  function compactNothing(): void {
    ended(on.store.close())
    on = on.startedAnew()
  }

  it('bounds the files by the state and the tail, through any number of batches and starts', () => {
    const sizes: number[] = []
    for (let instance = 0; instance < 400; instance += 1) {
      on.request(accepting(instance + 1, record(instance, instance + 1, `${instance}`.padEnd(9_000, '.'))))
      on.request(learning(instance, `${instance}`.padEnd(9_000, '.')))
      on.clock.advance(20)
      if (instance % 20 === 19) compact(instance + 1, instance - 10)
      if (instance % 50 === 49) {
        ended(on.store.close())
        on = on.startedAnew()
      }
      sizes.push([...on.files.contents.values()].reduce((sum, { length }) => sum + length, 0))
    }
    expect(Math.max(...sizes.slice(200))).toBeLessThanOrEqual(Math.max(...sizes.slice(0, 200)))
    expect(Math.max(...sizes)).toBeLessThan(60 * 9_000 * 2)
  })
})

describe('a page of chosen batches', () => {
  it('is null when its segment is deleted while it is read', () => {
    on.request(learning(0, 'a', 'b'))
    on.request(accepting(1))
    on.decide = ({ operation }) => (operation === 'read' ? 'hold' : 'proceed')
    let page: unknown = 'none'
    const reading = function* () {
      page = yield* on.store.chosen(0, 1_000)
    }
    expect(settled(reading()).status).toBe('waiting')
    compact(2, 2)
    on.observed.release()
    expect(page).toBeNull()
    expect(on.store.failed).toBeNull()
  })
})

describe('the next start', () => {
  it('removes what an ended process left: drafts, sealed snapshots that no write names, and deleted segments', () => {
    on.request(learning(0, 'a', 'b', 'c'))
    on.decide = ({ operation }) => (operation === 'remove' ? 'hangDone' : 'proceed')
    const before = new Map(on.files.contents)
    compact(3, 3)
    on.store.draft().append(snapshotBytes(9), () => undefined)
    ended(on.store.receive(snapshotName(8), () => undefined)).append(snapshotBytes(8), () => undefined)
    const contents = new Map([...before, ...on.files.contents])
    const log = ended(readLog(new MemoryFiles(contents)))
    expect(log?.leftovers).toEqual({
      unused: ['log/00000002.snapshot', 'log/00000003.snapshot'],
      compacted: ['log/00000001.log'],
    })
    const next = new OpenedStore(new MemoryFiles(contents))
    expect(pathsOf(next.files)).toEqual([
      'log/00000001.snapshot',
      'log/00000002.log',
      'log/00000003.log',
      'log/head',
    ])
    expect(ended(next.store.readSnapshot(snapshotName(3), 0, 1_000))).toEqual(snapshotBytes(3))
  })

  it.each([
    ['missing', null, 'at byte 0: the file is missing'],
    [
      'short',
      snapshotBytes(2).subarray(0, 99),
      'at byte 99: the file ends there, but the snapshot has 100 bytes',
    ],
    ['long', snapshotBytes(2, 101), 'at byte 100: the file goes on there, but the snapshot has 100 bytes'],
    [
      'another one',
      snapshotBytes(3),
      `at byte 0: its SHA-256 is ${snapshotName(3).digest}, and the log names`,
    ],
  ])('is refused when the file of the snapshot is %s', (_, bytes, reason) => {
    on.request(learning(0, 'a', 'b', 'c'))
    compact(2, 2)
    const contents = new Map(on.files.contents)
    contents.delete('log/00000001.snapshot')
    if (bytes !== null) contents.set('log/00000001.snapshot', bytes)
    const how = settled(storeOver(new MemoryFiles(contents)).open())
    const message = how.status === 'failed' ? how.error.message : 'it opened'
    expect(message).toContain(`it is damaged: log/00000001.snapshot, ${reason}`)
    expect(message).toContain('paxos members remove')
  })

  it('is refused when a segment is missing that holds a batch of the tail', () => {
    on.request(learning(0, 'a', 'b', 'c'))
    on.request(accepting(1))
    compact(2, 1)
    const contents = new Map(on.files.contents)
    expect(contents.delete('log/00000001.log')).toBe(true)
    const how = settled(storeOver(new MemoryFiles(contents)).open())
    expect(how.status === 'failed' ? how.error.message : 'it opened').toContain(
      'log/00000001.log, at byte 0: the file is missing',
    )
  })
})
