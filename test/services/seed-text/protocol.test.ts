import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Outcome } from '../../../machines/outcome.ts'
import { plainTextIdleMs, sessionOf } from '../../../src/core/plain-text-client.ts'
import { SeedText } from '../../../src/services/seed-text/protocol.ts'
import { parseSeedText, type SeedRequest } from '../../../src/services/seed-text/request.ts'
import { isMessage } from '../../../src/wire/schema.ts'

const here = '127.0.0.1:4711'

function parsed(tuple: string): SeedRequest {
  const requests = parseSeedText(`REQUEST:-1:-1:${tuple}`)
  if ('fault' in requests || requests[0] === undefined) throw new Error(`${tuple} is no request`)
  return requests[0]
}

const executed: Outcome = { kind: 'executed', result: null, instance: 3, index: 0 }

/** Asks for each tuple, and then says how each ended, in order. */
function answers(tuples: readonly string[], outcome: Outcome = executed): (string | null)[] {
  const clients = new SeedText()
  const asked = tuples.map((tuple) => clients.requestOf(parsed(tuple), here))
  return asked.map(({ uid, seq }) => {
    const answer = clients.answerTo({ type: 'response', uid, seq, outcome })
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
    expect(message.command).toEqual({ kind: 'service', body: { action: 'unlock', name: 'a' } })
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
    const { uid, seq } = clients.requestOf(parsed("(1, 'LOCK', 'a')"), here)
    expect(clients.answerTo({ type: 'busy', uid, seq, reason: 'busy' })).toEqual({
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
  const response = ({ uid, seq }: { uid: string; seq: number }, outcome: Outcome) =>
    ({ type: 'response', uid, seq, outcome }) as const

  test('is the same request until it is answered, and then a new one', () => {
    const clients = new SeedText()
    const first = clients.requestOf(lock, here)
    vi.advanceTimersByTime(plainTextIdleMs)
    expect(clients.requestOf(lock, here)).toEqual(first)
    vi.advanceTimersByTime(plainTextIdleMs)
    expect(clients.requestOf(lock, here)).toEqual(first)
    expect(clients.answerTo(response(first, executed))).toEqual(answered)
    const second = clients.requestOf(lock, here)
    expect(second.uid).not.toBe(first.uid)
    expect(sessionOf(second.uid)).toBe(sessionOf(first.uid))
    expect(clients.answerTo(response(second, { kind: 'refused', reason: 'repeated' }))).toEqual(answered)
  })

  test('after a silence is a new one, which the answer to the old does not answer', () => {
    const clients = new SeedText()
    const first = clients.requestOf(lock, here)
    vi.advanceTimersByTime(plainTextIdleMs + 1)
    const second = clients.requestOf(lock, here)
    expect(second.uid).not.toBe(first.uid)
    expect(clients.answerTo(response(first, executed))).toBeNull()
    expect(clients.answerTo(response(second, executed))).toEqual(answered)
  })

  test('at another server has another uid there: a server answers only what it was asked', () => {
    const [one, other] = [new SeedText(), new SeedText()]
    const first = one.requestOf(lock, here)
    const second = other.requestOf(lock, here)
    expect(second.uid).not.toBe(first.uid)
    expect(other.answerTo(response(first, executed))).toBeNull()
  })

  test('is answered in the words of the last', () => {
    const clients = new SeedText()
    const message = clients.requestOf(parsed("(1, 'LOCK', 7)"), here)
    expect(clients.requestOf(parsed("(1L, u'LOCK', '7')"), here)).toEqual(message)
    expect(clients.answerTo(response(message, executed))).toEqual({
      text: "RESPOND:-1:-1:(1L, u'LOCK', '7')",
    })
  })
})
