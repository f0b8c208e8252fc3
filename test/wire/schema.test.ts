import type { Static } from '@sinclair/typebox'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Json } from '../../machines/batch.ts'
import type { Message } from '../../machines/messages.ts'
import { dictionary, entryOf } from '../../src/messages/dictionary.ts'
import { withoutBatches } from '../../src/wire/batch-parts.ts'
import { describeMessageFault, isBatch, isEnvelope, isMessage } from '../../src/wire/schema.ts'
import { messageTypes, said } from '../support/arbitraries.ts'
import { isWholeMessage } from '../support/whole-message.ts'

/** Read-only in every part, and without intersections: two types that say the same become one. */
type Settled<T> = [Json] extends [T]
  ? T
  : T extends readonly (infer Element)[]
    ? readonly Settled<Element>[]
    : T extends object
      ? { readonly [K in keyof T]: Settled<T[K]> }
      : T
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
/** Holds every type of which the schema says something else than the machines' type. One without a schema, the dictionary itself reports. */
type Disagreement = {
  [K in Message['type'] & keyof typeof dictionary as Same<
    Settled<Static<(typeof dictionary)[K]['schema']>>,
    Settled<Extract<Message, { readonly type: K }>>
  > extends true
    ? never
    : K]: never
}

/** Does not compile when there is one. */
const none: Record<keyof Disagreement, never> = {}

const optionalParts = ['nonce', 'joining', 'avoid', 'session', 'now', 'after', 'askAgainMs', 'part']

function isOptional({ action, type }: Record<string, unknown>, key: string): boolean {
  if (type === 'accept' && key === 'digest') return true
  return optionalParts.includes(key) || (action === 'add' && key === 'incarnation')
}

const openParts = ['body', 'result', 'status', 'head']

/** Every object in `value` with the path to it, outside of bodies, results and statuses. */
function* closedObjects(value: unknown, path: string): Generator<[string, Record<string, unknown>]> {
  if (typeof value !== 'object' || value === null) return
  if (!Array.isArray(value)) yield [path, value as Record<string, unknown>]
  for (const [key, inner] of Object.entries(value)) {
    if (!openParts.includes(key)) yield* closedObjects(inner, `${path}/${key}`)
  }
}

/** Every whole number, likewise. */
function* integersIn(value: unknown): Generator<[Record<string, unknown>, string]> {
  for (const [, object] of closedObjects(value, '')) {
    for (const [key, inner] of Object.entries(object)) {
      if (typeof inner === 'number' && !openParts.includes(key)) yield [object, key]
    }
  }
}

function request(command: unknown) {
  return { type: 'request', uid: 'a@0', ackedBelow: 0, requests: [{ seq: 1, command }] }
}

function service(body: unknown): unknown {
  return request({ kind: 'service', body })
}

function nested(depth: number): unknown {
  return JSON.parse('['.repeat(depth) + ']'.repeat(depth))
}

describe('the schemas of messages', () => {
  it('say what the machines’ types say, kind for kind', () => {
    expect(none).toEqual({})
    expect([...messageTypes].sort()).toEqual(Object.keys(dictionary).sort())
  })

  it.each(messageTypes)('take every %s, and none with something missing or beside it', (type) => {
    fc.assert(
      fc.property(said[type] as fc.Arbitrary<{ message: Message }>, ({ message }) => {
        expect(isWholeMessage(message)).toBe(true)
        for (const [, object] of closedObjects(message, '')) {
          object.extra = 1
          expect(isWholeMessage(message)).toBe(false)
          delete object.extra
          for (const key of Object.keys(object)) {
            if (isOptional(object, key)) continue
            const { [key]: value } = object
            delete object[key]
            expect(isWholeMessage(message)).toBe(false)
            object[key] = value
          }
        }
        expect(isWholeMessage(message)).toBe(true)
      }),
      { numRuns: 50 },
    )
  })

  it.each(messageTypes)('take every %s in an envelope, with numbers in place of its batches', (type) => {
    fc.assert(
      fc.property(said[type] as fc.Arbitrary<{ message: Message }>, ({ message }) => {
        const { batches } = entryOf(message)
        const numbered = withoutBatches(message).message
        expect(isMessage(numbered)).toBe(true)
        for (const batch of batches(message)) expect(isBatch(batch)).toBe(true)
        expect(isMessage(message)).toBe(batches(message).length === 0)
        expect(isBatch(message)).toBe(false)
        for (const [, object] of closedObjects(numbered, '')) {
          object.extra = 1
          expect(isMessage(numbered)).toBe(false)
          delete object.extra
        }
      }),
      { numRuns: 50 },
    )
  })

  it.each(messageTypes)('take only whole numbers from 0 to 2^52 in a %s', (type) => {
    fc.assert(
      fc.property(said[type] as fc.Arbitrary<{ message: Message }>, ({ message }) => {
        for (const [object, key] of integersIn(message)) {
          const value = object[key]
          for (const wrong of [
            -1,
            0.5,
            2 ** 52 + 1,
            2 ** 53,
            Number.NaN,
            Number.POSITIVE_INFINITY,
            '1',
            null,
          ]) {
            object[key] = wrong
            expect(isWholeMessage(message), `${key}: ${wrong}`).toBe(false)
          }
          object[key] = value
        }
      }),
      { numRuns: 20 },
    )
  })

  it('take a uid of 1 to 128 characters', () => {
    const queued = (uid: unknown) => isWholeMessage({ type: 'queued', uid, seqs: [0] })
    expect(queued('')).toBe(false)
    expect(queued('u')).toBe(true)
    expect(queued('u'.repeat(128))).toBe(true)
    expect(queued('u'.repeat(129))).toBe(false)
    expect(queued('half \ud83d')).toBe(false)
    expect(queued('whole \u{1f512}')).toBe(true)
  })

  it('take only addresses of members that can be sent to', () => {
    const add = (address: string) =>
      isWholeMessage(request({ kind: 'members', change: { action: 'add', id: 3, address } }))
    expect(add('127.0.0.1:29367')).toBe(true)
    expect(add('[::1]:29367')).toBe(true)
    for (const wrong of [
      '',
      '127.0.0.1',
      '127.0.0.1:0',
      'h:65536',
      'h h:1',
      ':1',
      '0.0.0.0:1',
      '[::]:1',
      '255.255.255.255:1',
      '[ff02::1]:1',
      '127.1:1',
      `${'h'.repeat(254)}:65535`,
    ]) {
      expect(add(wrong), wrong).toBe(false)
    }
  })

  it('take bodies that every server reads again as they are, and no others', () => {
    for (const body of [
      null,
      '',
      0,
      -1,
      1.5,
      2 ** 60,
      true,
      [],
      {},
      { constructor: 1, toString: 2 },
      nested(32),
    ]) {
      expect(isWholeMessage(service(body)), JSON.stringify(body)).toBe(true)
    }
    const wrong = [
      Number.POSITIVE_INFINITY,
      -0,
      '\udc00',
      { '\ud800': 1 },
      [{ a: [-0] }],
      JSON.parse('{"a":{"__proto__":1}}'),
      undefined,
      1n,
      nested(33),
    ]
    for (const body of wrong) expect(isWholeMessage(service(body))).toBe(false)
  })

  it('let a body that a request may carry lie in every message that carries requests', () => {
    const command = { kind: 'service', body: nested(32) }
    const group = { uid: 'a@0', ackedBelow: 0, requests: [{ seq: 1, command }] }
    const batch = { node: 0, elapsedMs: 1, groups: [{ ...group, heldBy: 0 }] }
    const ballot = { round: 1, node: 0 }
    expect(isWholeMessage({ type: 'accept', ballot, instance: 0, batch })).toBe(true)
    expect(
      isWholeMessage({ type: 'chosen', from: 0, batches: [batch], firstUnchosen: 1, unsettled: false }),
    ).toBe(true)
    const accepted = [{ instance: 0, ballot, batch }]
    expect(isWholeMessage({ type: 'promise', ballot, from: 0, accepted, firstUnchosen: 0 })).toBe(true)
    expect(isWholeMessage({ type: 'handOver', groups: [group] })).toBe(true)
  })

  it('let a result hold the result of an earlier request, as the answer to a cancel does', () => {
    const response = (result: unknown) => {
      return {
        type: 'response',
        uid: 'a@0',
        answers: [{ seq: 1, outcome: { kind: 'executed', result, instance: 0, index: 0 } }],
      }
    }
    const [answer] = response(nested(32)).answers
    expect(isWholeMessage(response({ ended: answer?.outcome }))).toBe(true)
    expect(isWholeMessage(response(nested(64)))).toBe(true)
    expect(isWholeMessage(response(nested(65)))).toBe(false)
  })

  it('take nothing that is no message', () => {
    for (const value of [
      null,
      1,
      'hello',
      [],
      {},
      { type: 'helo' },
      { type: '__proto__' },
      { type: ['hello'] },
    ]) {
      expect(isWholeMessage(value)).toBe(false)
    }
    expect(isWholeMessage(JSON.parse('{"type":"hello","__proto__":{}}'))).toBe(false)
  })

  it('say what is wrong and where', () => {
    expect(describeMessageFault({ type: 'helo' })).toBe("no message is of the type 'helo'")
    expect(describeMessageFault({ type: 'learn', from: -1 })).toMatch(/^learn\/from: .*greater or equal to 0/)
    expect(describeMessageFault({ type: 'report', status: [-0] })).toBe(
      'report/status: a value is -0, which JSON cannot carry',
    )
  })
})

describe('the schema of the envelope', () => {
  it('takes its four parts and no others', () => {
    const envelope = { v: 4, c: 'c', s: null, m: [{ type: 'hello' }] }
    expect(isEnvelope(envelope)).toBe(true)
    expect(isEnvelope({ ...envelope, s: 2, c: '' })).toBe(true)
    for (const wrong of [
      { x: 1 },
      { m: [] },
      { m: {} },
      { s: -1 },
      { s: '0' },
      { c: null },
      { c: 'c'.repeat(129) },
    ]) {
      expect(isEnvelope({ ...envelope, ...wrong }), JSON.stringify(wrong)).toBe(false)
    }
  })
})
