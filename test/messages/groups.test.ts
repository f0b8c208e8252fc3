/** The entries of messages that carry many requests: what is shown of them, and which of them are alike. */
import { describe, expect, test } from 'vitest'
import type { Message } from '../../machines/messages.ts'
import { entryOf } from '../../src/messages/dictionary.ts'
import { isMessage } from '../../src/wire/schema.ts'
import { batchOf, heldBy } from '../support/batches.ts'
import { request } from '../support/role.ts'

const command = { kind: 'service', body: { action: 'lock', name: 'x' } } as const
const ballot = { round: 2, node: 1 }
const done = { kind: 'executed', result: null, instance: 3, index: 0 } as const

function group(uid: string, ...seqs: number[]) {
  return { uid, ackedBelow: 0, requests: seqs.map((seq) => ({ seq, command })) }
}

const two: Message = { type: 'request', ...group('a@0', 1, 2) }
const three: Message = { type: 'request', ...group('a@0', 1, 2, 3) }
const handedOver: Message = { type: 'handOver', groups: [group('a@0', 1, 2), group('b@0', 4)] }
const answered: Message = {
  type: 'response',
  uid: 'a@0',
  answers: [
    { seq: 1, outcome: done },
    { seq: 3, outcome: { kind: 'refused', reason: 'stale' } },
  ],
}

describe('what is shown', () => {
  test.each<[message: Message, sentence: string, label: string]>([
    [two, 'request a#1 lock x, a#2 lock x', 'request a#1 and 1 more'],
    [
      { ...two, avoid: 2 } as Message,
      'request a#1 lock x, a#2 lock x, not for server 2',
      'request a#1 and 1 more',
    ],
    [handedOver, 'handOver a#1 lock x, a#2 lock x, b#4 lock x', 'handOver a#1 and 1 more, b#4'],
    [{ type: 'settled', ballot, instance: 4 }, 'settled 2.1 instance 4', 'settled #4'],
    [{ type: 'settled', ballot: null, instance: 4 }, 'settled instance 4', 'settled #4'],
    [{ type: 'queued', uid: 'a@0', seqs: [1, 2, 9] }, 'queued a#1, a#2, a#9', 'queued a#1 and 2 more'],
    [{ type: 'busy', uid: 'a@0', seqs: [7], reason: 'stopping' }, 'busy a#7: stopping', 'busy a#7'],
  ])('of %j', (message, sentence, label) => {
    expect(isMessage(message)).toBe(true)
    expect(entryOf(message).sentence(message)).toBe(sentence)
    expect(entryOf(message).label(message)).toBe(label)
  })

  test('of a response: each outcome', () => {
    expect(entryOf(answered).sentence(answered)).toMatch(/^response a#1: .+; a#3: .+stale/)
  })

  test('of a batch: the server that holds requests, where it is another than the proposer', () => {
    const batch = heldBy(batchOf(1, [request('a@0', 1, 'go'), request('b@0', 1, 'go')]), 1, 2)
    const accept: Message = { type: 'accept', ballot, instance: 4, batch }
    expect(entryOf(accept).sentence(accept)).toContain('b#1 "go" (held by 2)')
    expect(entryOf(accept).sentence(accept)).not.toContain('(held by 1)')
  })
})

describe('the key', () => {
  const keyOf = (message: Message) => entryOf(message).key(message)
  const repetitionKeyOf = (message: Message) => entryOf(message).repetitionKey(message)

  test('of repetitions tells apart each list of seqs', () => {
    const seqs = [[1], [1, 2], [1, 2, 3], [1, 3], [1, 23]]
    const keys = seqs.map((all) => repetitionKeyOf({ type: 'request', ...group('a@0', ...all) }))
    expect(new Set(keys).size).toBe(seqs.length)
    expect(repetitionKeyOf(two)).not.toBe(repetitionKeyOf({ type: 'request', ...group('b@0', 1, 2) }))
    expect(repetitionKeyOf(two)).toBe(repetitionKeyOf({ ...two, avoid: 2 } as Message))
    expect(repetitionKeyOf(handedOver)).toBe(repetitionKeyOf({ ...handedOver }))
  })

  test('is short, however many seqs there are', () => {
    const many: Message = {
      type: 'request',
      ...group('a@0', ...Array.from({ length: 500 }, (_, seq) => seq)),
    }
    expect(keyOf(many).length).toBeLessThan(30)
    expect(keyOf(two)).not.toBe(keyOf(three))
  })

  test('of a settled names the instance and the ballot', () => {
    const settled = (instance: number, at: typeof ballot | null): Message => ({
      type: 'settled',
      ballot: at,
      instance,
    })
    const all = [settled(4, ballot), settled(5, ballot), settled(4, { round: 3, node: 1 }), settled(4, null)]
    expect(new Set(all.map(keyOf)).size).toBe(4)
    expect(new Set(all.map(repetitionKeyOf)).size).toBe(4)
  })
})

test.each<[title: string, message: object]>([
  ['a request without requests', { type: 'request', uid: 'a@0', ackedBelow: 0, requests: [] }],
  ['a handOver without groups', { type: 'handOver', groups: [] }],
  ['a handOver with a group without requests', { type: 'handOver', groups: [group('a@0')] }],
  ['a response without answers', { type: 'response', uid: 'a@0', answers: [] }],
  ['a queued without seqs', { type: 'queued', uid: 'a@0', seqs: [] }],
  [
    'a queued that silences a client for an hour',
    { type: 'queued', uid: 'a@0', seqs: [1], askAgainMs: 3_600_000 },
  ],
  ['a busy without seqs', { type: 'busy', uid: 'a@0', seqs: [], reason: 'busy' }],
])('%s is no message', (_, message) => {
  expect(isMessage(message as Message)).toBe(false)
})
