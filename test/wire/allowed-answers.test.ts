import { expect, it } from 'vitest'
import type { Message } from '../../machines/messages.ts'
import { allowedAnswers } from '../../src/wire/allowed-answers.ts'
import { encodeEnvelope, envelopeBytes } from '../../src/wire/codec.ts'

const envelope = { cluster: 'c', sender: 0, clock: 12, cookie: '' }
const cookie = 'abcdefghijklmnopqrst_-'
const queued = (seq: number): Message => ({ type: 'queued', uid: 'somebody', seqs: [seq] })
const report: Message = { type: 'report', status: 'x'.repeat(1_000) }
const prepare: Message = { type: 'prepare', ballot: { round: 1, node: 0 }, from: 0 }

function allowed(messages: readonly Message[], leftBytes: number, needsCookie = false) {
  const result = allowedAnswers(messages, {
    leftBytes,
    needsCookie,
    cookie,
    headBytes: envelopeBytes(envelope),
  })
  const sent = encodeEnvelope({ ...envelope, messages: result.messages })
  return { ...result, sentBytes: sent.reduce((sum, { length }) => sum + length, 0) }
}

it('what fits is sent as it is', () => {
  const messages = [queued(1), queued(2)]
  expect(allowed(messages, 1_000)).toMatchObject({ messages, withheld: 0 })
})

it('the cookie goes along where there is room for it', () => {
  const challenge = { type: 'challenge', cookie, withheld: 0 }
  expect(allowed([queued(1)], 1_000, true).messages).toEqual([queued(1), challenge])
  expect(allowed([queued(1)], 120, true)).toMatchObject({ messages: [queued(1)], withheld: 0 })
})

it('what does not fit is withheld, with the cookie and the count in its place', () => {
  expect(allowed([queued(1), report, queued(2)], 1_000)).toMatchObject({
    messages: [queued(1), queued(2), { type: 'challenge', cookie, withheld: 1 }],
    withheld: 1,
  })
})

it('with room for nothing, nothing is sent', () => {
  expect(allowed([report], 20)).toMatchObject({ messages: [], answerBytes: 0, withheld: 1 })
})

it('what a server says of itself is no answer, and takes the cookie along', () => {
  const messages = [prepare, { type: 'challenge', cookie, withheld: 0 }]
  expect(allowed([prepare], 0, true)).toMatchObject({ messages, answerBytes: 0, withheld: 0 })
  expect(allowed([prepare, report], 0, true)).toMatchObject({
    messages: [prepare, { type: 'challenge', cookie, withheld: 1 }],
    answerBytes: 0,
  })
})

it('never more leaves than was left, and it is counted to the byte or above', () => {
  const some = [queued(1), report, queued(2), queued(3)]
  for (let leftBytes = 0; leftBytes < 1_500; leftBytes += 1) {
    for (const needsCookie of [false, true]) {
      const { sentBytes, answerBytes } = allowed(some, leftBytes, needsCookie)
      expect(sentBytes).toBeLessThanOrEqual(leftBytes)
      expect(answerBytes).toBeGreaterThanOrEqual(sentBytes)
    }
  }
})
