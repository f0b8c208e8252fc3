import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Batch } from '../../machines/batch.ts'
import type { Message, PromiseMessage } from '../../machines/messages.ts'
import type { Origin } from '../../src/messages/contradictions.ts'
import { entryOf } from '../../src/messages/dictionary.ts'
import { anythingSaid } from '../support/arbitraries.ts'

const cluster = 'c'
const names = { incarnation: 'i', addressee: null }
const ballot = { round: 3, node: 1 }
const batch: Batch = { node: 0, elapsedMs: 1, groups: [] }

function promise(accepted: PromiseMessage['accepted']): PromiseMessage {
  return { type: 'promise', ballot, from: 5, accepted, firstUnchosen: 5 }
}

function asking(...seqs: number[]): Message {
  const requests = seqs.map((seq) => ({ seq, command: { kind: 'service', body: 0 } as const }))
  return { type: 'request', uid: 'a@0', ackedBelow: 0, requests }
}

function contradictionIn(message: Message, origin: Origin): string | null {
  return entryOf(message).contradiction(message, origin)
}

describe('a message that contradicts itself', () => {
  it('is nothing that an honest server or client says', () => {
    fc.assert(
      fc.property(anythingSaid, ({ message, ...saying }) => contradictionIn(message, saying) === null),
    )
  })

  it.each<[string, Message, number | null]>([
    ['a prepare for the ballot of another', { type: 'prepare', ballot, from: 0 }, 2],
    ['an accept for the ballot of another', { type: 'accept', ballot, instance: 0, batch }, 0],
    [
      'a request in the name of a client that speaks plain text',
      {
        type: 'request',
        uid: 'udp:127.0.0.1:5000',
        ackedBelow: 2 ** 52,
        requests: [{ seq: 2 ** 52, command: { kind: 'service', body: 0 } }],
      },
      null,
    ],
    ['a request with seqs out of order', asking(2, 1), null],
    ['a request with a seq twice', asking(1, 1), null],
    ['a settled at the ballot of another', { type: 'settled', ballot, instance: 0 }, 2],
    ['a promise that shows what is below from', promise([{ instance: 4, ballot, batch }]), 0],
    ['a promise above its ballot', promise([{ instance: 5, ballot: { round: 3, node: 2 }, batch }]), 0],
    [
      'a promise that shows an instance twice',
      promise([
        { instance: 6, ballot, batch },
        { instance: 6, ballot: { round: 1, node: 0 }, batch },
      ]),
      0,
    ],
    [
      'chosen batches beyond what the sender knows',
      { type: 'chosen', from: 3, batches: [batch, batch], firstUnchosen: 4, unsettled: false },
      0,
    ],
    ['a server without a number that joins', { type: 'join' }, null],
    ['founders named by nobody', { type: 'invitation', to: 'a', incarnation: 'b', founders: [] }, null],
    [
      'a refusal by nobody',
      { type: 'notFounder', to: 'a', members: [], cluster, service: 'lock', isFounded: false },
      null,
    ],
    [
      'a founder that is not among the founders',
      {
        type: 'found',
        members: [{ id: 0, address: 'a:1' }],
        cluster: null,
        service: 'lock',
        incarnation: 'a',
      },
      1,
    ],
    [
      'a founder whose list names another incarnation of it',
      {
        type: 'founder',
        to: 'a',
        incarnation: 'b',
        founders: [{ id: 1, incarnation: 'c' }],
        isFounded: false,
      },
      1,
    ],
    [
      'a cluster that was founded by nobody',
      { type: 'founder', to: 'a', incarnation: 'b', founders: null, isFounded: true },
      1,
    ],
    [
      'a welcome in the name of another',
      { type: 'welcome', cluster, service: 'lock', node: 0, instance: 0, members: [], commandBytes: 1 },
      1,
    ],
    [
      'a welcome to another cluster',
      { type: 'welcome', cluster: 'd', service: 'lock', node: 0, instance: 0, members: [], commandBytes: 1 },
      0,
    ],
  ])('is %s', (_, message, sender) => {
    expect(contradictionIn(message, { cluster, sender, names })).not.toBeNull()
  })

  it.each<Message>([
    { type: 'prepare', ballot, from: 0 },
    promise([]),
    { type: 'accept', ballot, instance: 0, batch },
    { type: 'accepted', ballot, instance: 0 },
    { type: 'denial', ballot, instance: 0, promised: null, firstUnchosen: 0 },
    { type: 'learn', from: 0 },
    { type: 'chosen', from: 0, batches: [], firstUnchosen: 0, unsettled: false },
    { type: 'settled', ballot, instance: 0 },
    { type: 'settled', ballot: null, instance: 0 },
    { type: 'handOver', groups: [{ uid: 'a@0', ackedBelow: 0, requests: [] }] },
  ])('is a $type that no server says', (message) => {
    expect(contradictionIn(message, { cluster, sender: null, names })).not.toBeNull()
    expect(contradictionIn(message, { cluster, sender: ballot.node, names: null })).not.toBeNull()
    expect(contradictionIn(message, { cluster, sender: ballot.node, names })).toBeNull()
  })

  it('is not a request with seqs that rise, with gaps', () => {
    expect(contradictionIn(asking(1, 2, 7), { cluster, sender: null, names })).toBeNull()
  })

  it('is not an empty page of a server that knows less than it was asked for', () => {
    const page: Message = { type: 'chosen', from: 9, batches: [], firstUnchosen: 4, unsettled: true }
    expect(contradictionIn(page, { cluster, sender: 0, names })).toBeNull()
  })

  it('is not a denial without a reason: the proposer may not be counted', () => {
    const denial: Message = {
      type: 'denial',
      ballot,
      instance: 7,
      promised: { round: 1, node: 0 },
      firstUnchosen: 7,
    }
    expect(contradictionIn(denial, { cluster, sender: 0, names })).toBeNull()
  })
})
