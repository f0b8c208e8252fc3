/** What the store does after a failed operation on files. */
import { beforeEach, describe, expect, it } from 'vitest'
import { StorageError } from '../../src/storage/storage.ts'
import { failure, MemoryFiles } from '../support/memory-files.ts'
import { type Decision, type FileCall, ObservedFiles } from '../support/observed-files.ts'
import { accepting, batch, identity, learning } from './fixtures.ts'
import { type Answer, isHead, isRead, isSync, OpenedStore } from './opened-store.ts'
import { ended, settled } from './settled.ts'
import { storeOver } from './written-store.ts'

let on: OpenedStore

beforeEach(() => {
  on = new OpenedStore()
})

describe('a failure', () => {
  const error = failure('EIO', 'the disk')
  const isSyncFailing = ({ operation }: FileCall): Decision =>
    operation === 'sync' ? { error, done: false } : 'proceed'

  function expectFailed(answers: readonly Answer[]): void {
    expect(on.store.failed).toBeInstanceOf(StorageError)
    expect(on.reports).toEqual([on.store.failed])
    for (const answer of answers) expect(answer).toBe(on.store.failed)
    const before = on.observed.calls.length
    on.decide = () => 'proceed'
    expect(on.request(accepting(90))).toEqual([on.store.failed])
    expect(on.request(learning(0, 'z'))).toEqual([on.store.failed])
    on.clock.advance(1_000)
    expect(on.observed.calls.length).toBe(before)
    expect(settled(on.store.close()).status).toBe('ended')
    expect(on.observed.calls.slice(before).every(({ operation }) => operation === 'close')).toBe(true)
  }

  it('of a sync refuses the writes of the group, those that wait and all later ones, even if the disk is well again', () => {
    on.request(accepting(1))
    on.decide = (call) => (isSync(call) ? { error, done: false } : 'proceed')
    const answers = on.request(learning(0, 'a'))
    on.request(accepting(2), answers)
    expect(answers.length).toBe(2)
    expectFailed(answers)
  })

  it('of head refuses the group that is being written, too', () => {
    on.request(accepting(1))
    on.decide = (call) => (isSync(call) ? 'hold' : isHead(call) ? { error, done: false } : 'proceed')
    const answers = on.request(accepting(2))
    on.request(accepting(3), answers)
    on.clock.advance(100)
    expect(on.store.failed).not.toBeNull()
    on.observed.release()
    expect(answers.length).toBe(2)
    expectFailed(answers)
  })

  it('of the first write leaves a store that holds nothing', () => {
    const own = new MemoryFiles()
    const failing = new ObservedFiles(own, isSyncFailing)
    const other = storeOver(failing, { failed: (failed) => on.reports.push(failed) })
    ended(other.open())
    expect(settled(other.initialise(identity))).toMatchObject({ status: 'failed', error: other.failed })
    expect(on.reports).toEqual([other.failed])
    other.persist(accepting(1), (refusal) => expect(refusal).toBe(other.failed))
    expect(ended(storeOver(own).open()).identity).toBeNull()
  })
  it('of an opening is final', () => {
    ended(on.store.close())
    const failing = new ObservedFiles(on.files, isSyncFailing)
    const other = storeOver(failing, { failed: (failed) => on.reports.push(failed) })
    expect(() => ended(other.open())).toThrow('a write failed: EIO: the disk')
    const before = failing.calls.length
    expect(() => ended(other.open())).toThrow('a write failed: EIO: the disk')
    expect([failing.calls.length, on.reports]).toEqual([before, [other.failed]])
  })

  it('of a read of chosen batches is an error of that read alone', () => {
    on.request(learning(0, 'a', 'b'))
    on.request(accepting(1))
    on.decide = (call) => (isRead(call) ? { error, done: false } : 'proceed')
    expect(() => ended(on.store.chosen(0, 1_000))).toThrow(
      /^storage d: it is damaged: log\/00000001.log, at byte \d+: it cannot be read: EIO/,
    )
    on.decide = () => 'proceed'
    expect([on.store.failed, on.reports]).toEqual([null, []])
    expect(ended(on.store.chosen(0, 1_000))).toEqual([batch('a'), batch('b')])
  })
})
