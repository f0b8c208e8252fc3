import { expect, test } from 'vitest'
import type { RequestMessage } from '../../machines/messages.ts'
import { withoutRepetitions } from '../../src/wire/repetition.ts'

function request(uid: string, ...seqs: number[]): RequestMessage {
  const command = { kind: 'service', body: null } as const
  return { type: 'request', uid, ackedBelow: 0, requests: seqs.map((seq) => ({ seq, command })) }
}

test('a request is kept once, in the last message that carries it', () => {
  const messages = [request('a', 1), request('a', 1, 2), request('a', 1, 3), request('b', 1)]
  expect(withoutRepetitions(messages)).toEqual([request('a', 2), request('a', 1, 3), request('b', 1)])
})

test('messages without repetitions stay the same objects', () => {
  const messages = [request('a', 1), request('a', 2), { type: 'hello' } as const]
  expect(withoutRepetitions(messages)).toBe(messages)
})

test('an equal question is answered once', () => {
  expect(withoutRepetitions([{ type: 'hello' }, { type: 'hello' }])).toEqual([{ type: 'hello' }])
})
