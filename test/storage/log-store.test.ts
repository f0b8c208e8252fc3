/** When the store writes groups and `head`. */
import { beforeEach, describe, expect, it } from 'vitest'
import { MemoryFiles } from '../support/memory-files.ts'
import { accepting, ballot, learning, record } from './fixtures.ts'
import { type Answer, isHead, isSync, OpenedStore } from './opened-store.ts'
import { ended, settled } from './settled.ts'
import { storeOver } from './written-store.ts'

let on: OpenedStore

beforeEach(() => {
  on = new OpenedStore()
})

describe('groups', () => {
  it('hold a write of the acceptor at once, together with those of the learner that waited', () => {
    const answers = on.request(learning(0, 'a'))
    expect(on.observed.calls).toEqual([])
    on.request(accepting(1, record(1, 1, 'b')), answers)
    expect(answers).toEqual([null, null])
    expect(on.groups).toEqual([['chosen', 'promise', 'accepted']])
    expect(on.count(isSync)).toBe(1)
  })

  it('hold all that was requested during a sync, or as an answer to it', () => {
    on.decide = (call) => (isSync(call) ? 'hold' : 'proceed')
    const answers: Answer[] = []
    on.store.persist(accepting(1), () => on.request(accepting(9, record(9, 9, 'x')), answers))
    for (let round = 2; round < 9; round += 1)
      on.request(accepting(round, record(round, round, 'x')), answers)
    expect([on.observed.held, on.count(isSync)]).toEqual([1, 1])
    on.observed.release()
    expect([on.observed.held, on.count(isSync), answers.length]).toEqual([1, 2, 0])
    on.observed.release()
    expect(answers).toEqual(Array.from({ length: 8 }, () => null))
    expect(on.groups.map(({ length }) => length)).toEqual([1, 16])
  })

  it('hold a write of the learner alone after ten quiet milliseconds', () => {
    const answers = on.request(learning(0, 'a'))
    on.clock.advance(9)
    expect(answers).toEqual([])
    on.clock.advance(1)
    expect(answers).toEqual([null])
    expect(on.groups).toEqual([['chosen']])
  })

  it('do not hold the batch again that was accepted, nor a promise that is there already', () => {
    on.request(accepting(1, record(0, 1, 'a'), record(1, 1, 'b'), record(2, 1, 'loser')))
    on.request(learning(0, 'a', 'b', 'winner'))
    on.request(accepting(1, record(3, 1, 'd')))
    expect(on.groups).toEqual([
      ['promise', 'accepted', 'accepted', 'accepted'],
      ['chosenAsAccepted', 'chosenAsAccepted', 'chosen', 'accepted'],
    ])
  })

  it('are reported when they are synced, and not before', () => {
    on.decide = (call) => (isSync(call) ? 'hold' : 'proceed')
    const answers = on.request(accepting(1))
    expect(on.files.syncedContents.get('log/00000001.log')).not.toBe(
      on.files.contents.get('log/00000001.log'),
    )
    expect(answers).toEqual([])
    on.observed.release()
    expect(answers).toEqual([null])
  })
})

describe('head', () => {
  it('is written after ten quiet milliseconds, once, and then no timer is left', () => {
    on.request(accepting(1))
    on.clock.advance(10)
    expect(on.count(isHead)).toBe(0)
    on.clock.advance(10)
    expect(on.count(isHead)).toBe(1)
    on.clock.advance(1_000)
    expect([on.count(isHead), on.clock.timers]).toEqual([1, 0])
  })

  it('is written every hundred milliseconds under load', () => {
    for (let ms = 1; ms <= 240; ms += 1) {
      on.request(accepting(ms))
      on.clock.advance(1)
    }
    expect(on.count(isHead)).toBe(2)
  })

  it('is written at once when a segment is full', () => {
    on.request(accepting(1, record(0, 1, 'x'.repeat(900_000))))
    expect(on.count(isHead)).toBe(0)
    on.request(accepting(2, record(1, 2, 'x'.repeat(900_000))))
    expect(on.count(isHead)).toBe(1)
  })

  it('vouches only for groups that were synced when it was written', () => {
    on.request(accepting(1))
    on.decide = (call) => (isSync(call) ? 'hold' : 'proceed')
    on.request(accepting(2))
    on.clock.advance(100)
    expect(on.count(isHead)).toBe(1)
    const { promised } = ended(storeOver(new MemoryFiles(on.files.syncedContents)).open())
    expect(promised).toEqual(ballot(1))
    on.observed.release()
  })

  it('does not keep a group waiting', () => {
    on.decide = (call) => (isHead(call) ? 'hold' : 'proceed')
    on.request(accepting(1))
    on.clock.advance(20)
    expect(on.observed.held).toBe(1)
    expect(on.request(accepting(2))).toEqual([null])
    on.clock.advance(1_000)
    expect(on.observed.held).toBe(1)
    on.observed.release()
    on.clock.advance(20)
    expect([on.observed.held, on.count(isHead)]).toEqual([1, 2])
    on.observed.release()
    on.clock.advance(1_000)
    expect([on.count(isHead), on.clock.timers]).toEqual([2, 0])
  })
})

describe('closing', () => {
  it('waits for the group that is being written, writes what waits, and then head', () => {
    on.decide = (call) => (isSync(call) ? 'hold' : 'proceed')
    const answers = on.request(accepting(1))
    on.request(learning(0, 'a'), answers)
    const closing = settled(on.store.close())
    expect(closing.status).toBe('waiting')
    on.observed.release()
    expect(answers).toEqual([null])
    on.observed.release()
    expect(answers).toEqual([null, null])
    expect(on.observed.calls.slice(-4).map(({ operation, path }) => `${operation} ${path}`)).toEqual([
      'write log/head',
      'sync log/head',
      'close log/head',
      'close log/00000001.log',
    ])
    expect(on.clock.timers).toBe(0)
    const { promised, firstUnchosen } = ended(storeOver(new MemoryFiles(on.files.syncedContents)).open())
    expect([promised, firstUnchosen]).toEqual([ballot(1), 1])
  })

  it('writes head only when it lags behind', () => {
    on.request(accepting(1))
    on.clock.advance(20)
    on.observed.calls.length = 0
    ended(on.store.close())
    expect(on.observed.calls.map(({ operation }) => operation)).toEqual(['close', 'close'])
  })
})
