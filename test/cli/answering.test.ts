import { describe, expect, test } from 'vitest'
import type { Json } from '../../machines/batch.ts'
import { answeringIn } from '../../src/cli/answering.ts'
import { reportFrom } from './reports.ts'

/** The counted members 0 to 2, and what else `changes` says. */
const server = (id: number, changes = {}): Json => reportFrom(id, changes)

const founder = {
  id: 1,
  address: 'a:2',
  cluster: null,
  pid: 1,
  state: 'founding',
  counted: false,
  waitsFor: [0, 2],
  obstacles: [],
  members: [],
}

describe('who answers', () => {
  test('none does', () => {
    expect(answeringIn([null, null])).toEqual({ kind: 'none' })
  })

  test('all members', () => {
    const statuses = [server(0), server(1), server(2)]
    expect(answeringIn(statuses)).toEqual({ kind: 'enough', text: '3 of 3 members answer' })
  })

  test('too few', () => {
    const text = '1 of 3 members answer, and a majority is needed'
    expect(answeringIn([server(0), null, null])).toEqual({ kind: 'tooFew', text })
  })

  test('a server that has withdrawn answers, and casts no vote', () => {
    const withdrawn = server(1, { state: 'withdrawn', withdrawn: 'its directory is a copy' })
    const text = '2 of 3 members answer, of which server 1 has withdrawn'
    expect(answeringIn([server(0), withdrawn, null])).toEqual({
      kind: 'tooFew',
      text: `${text}, and a majority is needed`,
    })
    expect(answeringIn([server(0), withdrawn, server(2)])).toEqual({
      kind: 'enough',
      text: '3 of 3 members answer, of which server 1 has withdrawn',
    })
  })

  test('servers with little room on their disks take no requests', () => {
    const low = { disk: { freeBytes: 1, lowWaterBytes: 2, isLow: true } }
    const text = '2 of 3 members answer; the disk of server 0, 1 has little room left'
    expect(answeringIn([server(0, low), server(1, low), null])).toEqual({ kind: 'tooFew', text })
    expect(answeringIn([server(0, low), server(1), null])).toMatchObject({ kind: 'enough' })
  })

  test('a server that was removed does not count, though it knows much', () => {
    const ids = [0, 1, 2, 3]
    const before = ids.map((id) => ({ id, address: `a:${id + 1}`, counted: true }))
    const removed = server(3, { firstUnchosen: 4, members: before })
    const left = server(0, { firstUnchosen: 5 })
    const text = '1 of 3 members answer, and a majority is needed'
    expect(answeringIn([removed, left, null, null])).toEqual({ kind: 'tooFew', text })
  })

  test('a founder says for whom it waits', () => {
    const text = 'server 1 is founding the cluster, and waits for server 0, 2'
    expect(answeringIn([null, founder, null])).toEqual({ kind: 'tooFew', text })
  })

  test('another version', () => {
    const text = '1 of 2 servers answer, but with another version of paxos'
    expect(answeringIn([null, { version: 99 }])).toEqual({ kind: 'enough', text })
  })
})
