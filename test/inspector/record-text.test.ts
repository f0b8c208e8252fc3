import { describe, expect, test } from 'vitest'
import { attemptsOf } from '../../inspector/model/attempts.ts'
import { moveText, placeText, recordText, timeText } from '../../inspector/model/record-text.ts'
import { namedAs, requestName, sessionName, shownName, shownSession } from '../../src/core/names.ts'
import type { InspectorRecord } from '../../src/inspect/records/record.ts'
import { randomRecords } from '../support/records.ts'
import { ballot, batch, durable, executed, keyframe, process, step, verdict } from './build.ts'

const accept = { type: 'accept', ballot: ballot(1, 0), instance: 0, batch: batch('x') } as const
const quorum = step({
  clock: 33,
  timeMs: 12_345,
  cause: { type: 'hear', sender: 2, message: { type: 'accepted', ballot: ballot(1, 0), instance: 4 } },
  moves: [
    { role: 'proposer', event: 'accepted', edges: ['proposer.accepting on accepted[2]'], state: 'leading' },
    { role: 'acceptor', event: 'accept', edges: [], state: 'listening' },
    {
      role: 'requestQueue',
      event: 'batch.executed',
      edges: ['requestQueue.proposing on batch.executed[0]'],
      state: 'empty',
    },
  ],
  facts: [
    executed(4, batch('x')),
    { type: 'said', node: 0, to: 1, message: accept },
    { type: 'said', node: 0, to: 2, message: accept },
    { type: 'synced', node: 0, durable: durable({ promised: ballot(1, 0), firstUnchosen: 5 }) },
    { type: 'responded', node: 0, to: 'a', message: { type: 'queued', uid: 'a@0', seqs: [2] } },
  ],
})

describe('a record in words', () => {
  test('has of a name that a client drew for itself the first letters, and other names whole', () => {
    const from = (client: string): InspectorRecord => ({
      kind: 'client',
      client,
      uid: `${client}@0`,
      timeMs: 0,
      event: 'request.submitted',
      heard: null,
      moves: [],
      said: [],
      machine: { state: 'idle', context: null },
    })
    expect(shownName('OH5k1arIyUDsTwrm')).toBe('OH5k1a')
    expect(shownName('inspector')).toBe('inspector')
    expect(shownName(namedAs('inspector', 'OH5k1arIyUDsTwrm'))).toBe('inspector')
    expect(shownSession('inspector-OH5k1ar-yUDsTwrm@12')).toBe('inspector')
    expect(shownSession('inspector-OH5k1ar-yUDsTwrm@12.0')).toBe('12.0 of inspector')
    expect(shownSession('inspector-OH5k1ar-yUDsTwrm@12.0#3')).toBe('12.0 of inspector#3')
    expect(requestName({ uid: 'OH5k1arIyUDsTwrm@17', seq: 3 })).toBe('OH5k1a#3')
    expect(requestName({ uid: 'a@0', seq: 3 })).toBe('a#3')
    expect(sessionName('OH5k1arIyUDsTwrm@17')).toBe('OH5k1a')
    expect(sessionName('a@0')).toBe('a')
    expect(shownSession('OH5k1arIyUDsTwrm@17')).toBe('OH5k1a')
    expect(shownSession('a-lock-of-16-let')).toBe('a-lock-of-16-let')
    expect(shownSession('a@0')).toBe('a@0')
    expect(recordText(from('OH5k1arIyUDsTwrm'))).toBe('client OH5k1a: request.submitted')
  })

  test('says what happened, what moved, and what came of it, each thing once', () => {
    expect(recordText(quorum)).toBe(
      'server 0 receives from 2: accepted 1.0 instance 4; proposer: accepting → leading; ' +
        'request queue: proposing → empty; executes instance 4: a#1 executed at 4.0, null; ' +
        'sends to 1, 2: accept 1.0 instance 0 [a#1 lock x]; synced: promised 1.0, all chosen below 5; ' +
        'answers a: queued a#2',
    )
  })

  test('says which timers fire and which sessions end', () => {
    const fact = executed(4, batch())
    if (fact.type !== 'executed') throw new Error(`not an execution: ${fact.type}`)
    const execution = {
      ...fact.execution,
      fired: [
        { name: 'x', failed: null },
        { name: 'y', failed: 'no such key' },
      ],
      endedSessions: ['inspector-OH5k1ar-yUDsTwrm@12.0'],
    }
    expect(recordText(step({ facts: [{ ...fact, execution }] }))).toMatch(
      /executes instance 4: timer x fires, timer y fails: no such key, session 12\.0 of inspector ended/,
    )
  })

  test('says when nothing changes', () => {
    expect(
      recordText(step({ moves: [{ role: 'acceptor', event: 'accept', edges: [], state: 'listening' }] })),
    ).toBe('server 0 completes a sync; no change')
  })

  test('says what is missing, who is gone and what is broken', () => {
    const gap: InspectorRecord = { kind: 'gap', node: 1, incarnation: 'founder', run: 'r1', count: 340 }
    expect(recordText(gap)).toBe('server 1: 340 steps left out')
    expect(recordText({ ...gap, count: 1 })).toBe('server 1: 1 step left out')
    expect(recordText(process('gone'))).toBe('server 0 is gone')
    expect(recordText(verdict(1))).toBe('broken: invariant 1 agreement, as it is')
    expect(recordText(keyframe())).toBe('server 0 stands at instance 0, promised nothing')
  })

  test('says which links are cut, and why a run failed', () => {
    const links: InspectorRecord = {
      kind: 'links',
      timeMs: 1,
      cut: [
        { from: 0, to: 1 },
        { from: 'a', to: 0 },
      ],
    }
    expect(recordText(links)).toBe('links cut: 0→1 a→0')
    expect(recordText({ ...links, cut: [] })).toBe('no link is cut')
    expect(recordText({ ...verdict(), failure: 'it is at its end' })).toBe('broken: it is at its end')
  })

  test('says why a message was lost', () => {
    const record = {
      kind: 'fate',
      clock: 1,
      timeMs: 1,
      from: 0,
      to: 'a',
      message: accept,
      fate: 'dropped',
      reason: 'a rule',
    } as const
    expect(recordText({ kind: 'server', node: 0, incarnation: 'founder', run: 'r1', record })).toBe(
      'server 0 observes a message from 0 to a dropped (a rule): accept 1.0 instance 0 [a#1 lock x]',
    )
  })

  test('is short, and there is one for every record, with any content', () => {
    for (const record of randomRecords({ seed: 5, events: 400, servers: 3 })) {
      const text = recordText(record)
      expect(text.length).toBeLessThan(410)
      expect(text).not.toMatch(/undefined|\[object|NaN|malformed/)
    }
    const broken = { kind: 'server', node: 0, incarnation: '', run: '', record: { kind: 'step' } }
    expect(recordText(broken as unknown as InspectorRecord)).toBe('a malformed record')
  })
})

test('a move says where it leads, and of which state it is a part', () => {
  expect(
    moveText({ event: 'e', edges: ['proposer.accepting.helping on batch.executed[1]'], state: 'leading' }),
  ).toBe('accepting.helping → leading')
  expect(moveText({ event: 'e', edges: ['proposer.accepting on accepted[0]'], state: 'accepting.own' })).toBe(
    'stays accepting.own',
  )
  expect(moveText({ event: 'e', edges: ['acceptor on accept[0]'], state: 'listening' })).toBe(
    'stays listening',
  )
  expect(moveText({ event: 'e', edges: [], state: 'listening' })).toBeNull()
})

test('the place in the records says whose record it is', () => {
  expect(placeText(120, 400, quorum)).toBe('record 120 of 400, server 0, clock 33')
  expect(placeText(0, 400, undefined)).toBe('record 0 of 400')
})

test('times', () => {
  expect(timeText(12_345, 1_000)).toBe('11.345')
})

test('of a transition that was taken, the guards before it did not hold', () => {
  const [move] = randomRecords({ seed: 5, events: 300, servers: 3 }).flatMap((record) =>
    record.kind === 'server' && record.record.kind === 'step'
      ? record.record.moves.filter(({ edges }) => edges.some((edge) => edge.endsWith('[2]')))
      : [],
  )
  const attempts = attemptsOf(move!)
  const last = attempts.findIndex(({ edge }) => edge.endsWith('[2]'))
  expect(attempts.slice(last - 2, last + 1).map(({ held }) => held)).toEqual([false, false, true])
  expect(attempts.slice(last - 2, last).every(({ guard }) => guard !== null)).toBe(true)
  expect(attemptsOf({ edges: ['nowhere on nothing[1]'] })).toEqual([])
})

test('of a long batch the beginning is said, to everybody whom it was said to', () => {
  const long = batch(...Array.from({ length: 40 }, (_, index) => `k${index}`))
  const facts = [1, 2].map(
    (to) => ({ type: 'said', node: 0, to, message: { ...accept, batch: long } }) as const,
  )
  const text = recordText(step({ facts: [...facts, executed(4, long)] }))
  expect(text).toMatch(/; sends to 1, 2: accept 1\.0 instance 0 \[a#1 lock k0, .*…; executes instance 4: /)
  expect(text).toMatch(/, 37 more$/)
})
