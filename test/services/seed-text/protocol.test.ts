import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Message, RequestMessage, Response } from '../../../machines/messages.ts'
import type { Outcome } from '../../../machines/outcome.ts'
import { plainTextIdleMs, sessionOf } from '../../../src/core/plain-text-client.ts'
import { SeedText } from '../../../src/services/seed-text/protocol.ts'
import { parseSeedText, type SeedRequest } from '../../../src/services/seed-text/request.ts'
import { isMessage } from '../../../src/wire/schema.ts'
import type { TextAnswer } from '../../../src/wire/text-protocol.ts'

const here = '127.0.0.1:4711'

function parsed(tuple: string): SeedRequest {
  const requests = parseSeedText(`REQUEST:-1:-1:${tuple}`)
  if ('fault' in requests || requests[0] === undefined) throw new Error(`${tuple} is no request`)
  return requests[0]
}

const executed: Outcome = { kind: 'executed', result: null, instance: 3, index: 0 }

function response({ uid, requests }: RequestMessage, outcome: Outcome): Response {
  return { type: 'response', uid, answers: requests.map(({ seq }) => ({ seq, outcome })) }
}

/** The answer in plain text for a message about one request; `null` for none. */
function onlyAnswer(clients: SeedText, message: Message): TextAnswer | null {
  const answers = clients.answersTo(message)
  expect(answers.length).toBeLessThanOrEqual(1)
  return answers[0] ?? null
}

/** Asks for each tuple, and then says how each ended, in order. */
function answers(tuples: readonly string[], outcome: Outcome = executed): (string | null)[] {
  const clients = new SeedText()
  const asked = tuples.map((tuple) => clients.requestOf(parsed(tuple), here))
  return asked.map((message) => {
    const answer = onlyAnswer(clients, response(message, outcome))
    return answer && ('text' in answer ? answer.text : answer.silence)
  })
}

describe('requests in plain text', () => {
  test.each([
    here,
    '[fe80:1234:5678:9abc:def0:1234:5678:9abc%abcdefghijklmnopqrstuvwxyz012345]:65535',
  ])('of a client at %s are messages', (source) => {
    const message = new SeedText().requestOf(parsed("(2251799813685247,'UNLOCK','a')"), source)
    expect(isMessage(message)).toBe(true)
    expect(message.requests).toEqual([
      { seq: 2 * 2251799813685247 + 1, command: { kind: 'service', body: { action: 'unlock', name: 'a' } } },
    ])
  })

  test('of one number are told apart by action and lock, and each is answered in its own words', () => {
    const tuples = ["(1, 'LOCK', 'a')", "(1, 'UNLOCK', 'a')", "(1, 'LOCK', 'b')", "(1, 'LOCK', 7)"]
    expect(answers(tuples)).toEqual(tuples.map((tuple) => `RESPOND:-1:-1:${tuple}`))
  })

  test.each<[Outcome, string]>([
    [{ kind: 'failed', error: 'no lock here', instance: 1, index: 0 }, 'no lock here'],
    [{ kind: 'refused', reason: 'expired' }, "(1, 'LOCK', 'a')"],
    [{ kind: 'cancelled', instance: 1, index: 0 }, 'was cancelled'],
  ])('that end otherwise get no answer, and it is said why: %j', (outcome, why) => {
    expect(answers(["(1, 'LOCK', 'a')"], outcome)).toEqual([expect.stringContaining(why)])
  })

  test('that are turned away get no answer, and it is said why; the repetition is the same request', () => {
    const clients = new SeedText()
    const { uid, requests } = clients.requestOf(parsed("(1, 'LOCK', 'a')"), here)
    const seqs = requests.map(({ seq }) => seq)
    expect(onlyAnswer(clients, { type: 'busy', uid, seqs, reason: 'busy' })).toEqual({
      silence: expect.stringContaining("(1, 'LOCK', 'a') was rejected (busy)"),
    })
    expect(clients.requestOf(parsed("(1, 'LOCK', 'a')"), here).uid).toBe(uid)
  })
})

describe('a repetition in plain text', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['performance'] })
  })

  afterEach(() => {
    vi.useRealTimers()
  })

  const lock = parsed("(1, 'LOCK', 'a')")
  const answered = { text: "RESPOND:-1:-1:(1, 'LOCK', 'a')" }

  test('is the same request until it is answered, and then a new one', () => {
    const clients = new SeedText()
    const first = clients.requestOf(lock, here)
    vi.advanceTimersByTime(plainTextIdleMs)
    expect(clients.requestOf(lock, here)).toEqual(first)
    vi.advanceTimersByTime(plainTextIdleMs)
    expect(clients.requestOf(lock, here)).toEqual(first)
    expect(onlyAnswer(clients, response(first, executed))).toEqual(answered)
    const second = clients.requestOf(lock, here)
    expect(second.uid).not.toBe(first.uid)
    expect(sessionOf(second.uid)).toBe(sessionOf(first.uid))
    expect(onlyAnswer(clients, response(second, { kind: 'refused', reason: 'repeated' }))).toEqual(answered)
  })

  test('after a silence is a new one, which the answer to the old does not answer', () => {
    const clients = new SeedText()
    const first = clients.requestOf(lock, here)
    vi.advanceTimersByTime(plainTextIdleMs + 1)
    const second = clients.requestOf(lock, here)
    expect(second.uid).not.toBe(first.uid)
    expect(onlyAnswer(clients, response(first, executed))).toBeNull()
    expect(onlyAnswer(clients, response(second, executed))).toEqual(answered)
  })

  test('at another server has another uid there: a server answers only what it was asked', () => {
    const [one, other] = [new SeedText(), new SeedText()]
    const first = one.requestOf(lock, here)
    const second = other.requestOf(lock, here)
    expect(second.uid).not.toBe(first.uid)
    expect(onlyAnswer(other, response(first, executed))).toBeNull()
  })

  test('is answered in the words of the last', () => {
    const clients = new SeedText()
    const message = clients.requestOf(parsed("(1, 'LOCK', 7)"), here)
    expect(clients.requestOf(parsed("(1L, u'LOCK', '7')"), here)).toEqual(message)
    expect(onlyAnswer(clients, response(message, executed))).toEqual({
      text: "RESPOND:-1:-1:(1L, u'LOCK', '7')",
    })
  })

  test('gets an answer only for the open requests of the uid that a message names', () => {
    const clients = new SeedText()
    const tuples = ["(1, 'LOCK', 'a')", "(2, 'LOCK', 'a')"]
    const [first, second] = tuples.map((tuple) => clients.requestOf(parsed(tuple), here))
    const seqs = [...(first?.requests ?? []), ...(second?.requests ?? [])].map(({ seq }) => seq)
    const answers = [...seqs, 99].map((seq) => ({ seq, outcome: executed }))
    const uid = first?.uid ?? ''
    expect(second?.uid).not.toBe(uid)
    expect(clients.answersTo({ type: 'busy', uid, seqs, reason: 'stopping' })).toHaveLength(1)
    expect(clients.answersTo({ type: 'response', uid, answers })).toEqual([
      { text: `RESPOND:-1:-1:${tuples[0]}` },
    ])
    expect(clients.answersTo({ type: 'response', uid, answers })).toEqual([])
  })
})
