import { isUtf8 } from 'node:buffer'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Batch, Command, Json } from '../../machines/batch.ts'
import type { Message, RequestMessage } from '../../machines/messages.ts'
import { batchBytes } from '../../src/core/batch-bytes.ts'
import { entryOf } from '../../src/messages/dictionary.ts'
import { SeedText } from '../../src/services/seed-text/protocol.ts'
import { batchMark } from '../../src/wire/batch-parts.ts'
import {
  commandBytes,
  type Decoded,
  Decoder,
  type DropReason,
  encodeEnvelope,
  envelopeBytes,
  maxCommandBytes,
  maxDatagramBytes,
  maxMessageBytes,
  messageBytes,
} from '../../src/wire/codec.ts'
import { anythingSaid, messageTypes, type Said, said } from '../support/arbitraries.ts'
import { isWholeMessage } from '../support/whole-message.ts'

const source = '127.0.0.1:40000'
const cluster = 'c'

function decoderOf(of: string | null = cluster): Decoder {
  return new Decoder({ cluster: of, nowMs: () => 0, textProtocol: new SeedText() })
}

/** What a server writes around what it says to another. */
const ours = { incarnation: 'i', addressee: 'j' }

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

function decodeText(text: string, decoder = decoderOf()): Decoded {
  return decoder.decode(bytesOf(text), source)
}

/** The datagram of one message, which must fit. */
function datagramOf({ cluster, sender, names, message }: Said, clock?: number): Uint8Array {
  const time = clock === undefined ? {} : { clock }
  const datagrams = encodeEnvelope({ cluster, sender, names, ...time, messages: [message] })
  expect(datagrams).toHaveLength(1)
  return datagrams[0]!
}

/** The length of the envelope in a datagram, without the batches behind it. */
function envelopeLength(datagram: Uint8Array): number {
  const length = datagram.indexOf(batchMark)
  return length === -1 ? datagram.length : length
}

function reasonOf(decoded: Decoded): DropReason | Decoded {
  return decoded.kind === 'dropped' ? decoded.reason : decoded
}

/** All that is decoded from `datagrams`, in order. */
function messagesOf(datagrams: readonly Uint8Array[], decoder = decoderOf(null)): Message[] {
  return datagrams.flatMap((datagram) => {
    const decoded = decoder.decode(datagram, source)
    if (decoded.kind === 'dropped') throw new Error(`${decoded.reason}: ${decoded.detail}`)
    return decoded.kind === 'envelope' ? decoded.messages : []
  })
}

/** Each decoded message is of the schema, contradicts nothing and stays what it is when it is sent on, as do the bytes of its batches. */
function expectSound(decoded: Decoded): void {
  if (decoded.kind === 'dropped') {
    expect(decoded.detail.length).toBeLessThanOrEqual(200)
    return
  }
  if (decoded.kind !== 'envelope') return
  for (const message of decoded.messages) {
    expect(isWholeMessage(message)).toBe(true)
    expect(entryOf(message).contradiction(message, decoded)).toBeNull()
    for (const batch of entryOf(message).batches(message)) {
      expect(JSON.parse(Buffer.from(batchBytes(batch)).toString())).toEqual(batch)
    }
  }
  expect(messagesOf(encodeEnvelope(decoded))).toEqual(decoded.messages)
}

function request(body: Json): RequestMessage {
  return {
    type: 'request',
    uid: 'a@0',
    ackedBelow: 0,
    requests: [{ seq: 1, command: { kind: 'service', body } }],
  }
}

function report(length: number, character = 'x'): Message {
  return { type: 'report', status: character.repeat(length) }
}

/** An answer of that many characters; each is to another request. */
function answer(length: number, seq: number, character = 'x'): Message {
  const outcome = { kind: 'executed', result: character.repeat(length), instance: 0, index: 0 } as const
  return { type: 'response', uid: 'a@0', answers: [{ seq, outcome }] }
}

describe('a message', () => {
  it.each(messageTypes)('of the kind %s comes out as it went in', (type) => {
    fc.assert(
      fc.property(
        said[type] as fc.Arbitrary<Said>,
        fc.maxSafeNat(),
        ({ cluster, sender, names, message }, any) => {
          const clock = any % 2 ** 52
          const decoded = decoderOf(cluster).decode(
            datagramOf({ cluster, sender, names, message }, clock),
            source,
          )
          const expected = { kind: 'envelope', cluster, sender, names, clock, messages: [message] }
          expect(decoded).toMatchObject(expected)
        },
      ),
    )
  })

  it.each(messageTypes)('of the kind %s, cut at any byte, is dropped', (type) => {
    fc.assert(
      fc.property(said[type] as fc.Arbitrary<Said>, (one) => {
        const decoder = decoderOf(one.cluster)
        const datagram = datagramOf(one)
        for (let length = 0; length < datagram.length; length += 1) {
          const cut = datagram.subarray(0, length)
          const isInBatches = length >= envelopeLength(datagram) && isUtf8(cut)
          const reason = reasonOf(decoder.decode(cut, source))
          expect(reason).toBe(length === 0 ? 'empty' : isInBatches ? 'malformed' : 'garbage')
        }
      }),
      { numRuns: 10 },
    )
  })

  it.each(messageTypes)('of the kind %s, with any bit flipped, is dropped or still sound', (type) => {
    fc.assert(
      fc.property(said[type] as fc.Arbitrary<Said>, (one) => {
        const decoder = decoderOf(null)
        const datagram = datagramOf(one)
        fc.pre(datagram.length < 600)
        for (let bit = 0; bit < datagram.length * 8; bit += 1) {
          const flipped = Uint8Array.from(datagram)
          flipped[bit >> 3]! ^= 1 << (bit & 7)
          expectSound(decoder.decode(flipped, source))
        }
      }),
      { numRuns: 2 },
    )
  })

  it('with several bytes replaced, inserted or taken out is dropped or still sound', () => {
    const change = fc.record({ at: fc.nat(), cut: fc.nat({ max: 6 }), put: fc.uint8Array({ maxLength: 6 }) })
    const tokens = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      '"',
      ',',
      ':',
      '-',
      '0',
      'e999',
      'null',
      '\\ud800',
      '"__proto__":',
      String.fromCharCode(batchMark),
      `${String.fromCharCode(batchMark)}{"node":0,"elapsedMs":0,"groups":[]}`,
    )
    const changes = fc.oneof(
      change,
      fc.record({ at: fc.nat(), cut: fc.nat({ max: 6 }), put: tokens.map(bytesOf) }),
    )
    fc.assert(
      fc.property(anythingSaid, fc.array(changes, { minLength: 1, maxLength: 4 }), (one, all) => {
        let bytes = Array.from(datagramOf(one))
        for (const { at, cut, put } of all) bytes = bytes.toSpliced(at % (bytes.length + 1), cut, ...put)
        expectSound(decoderOf(null).decode(Uint8Array.from(bytes), source))
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('an envelope', () => {
  const many: Message[] = Array.from({ length: 10_000 }, (_, instance) => ({
    type: 'accepted',
    ballot: { round: 1_000_000, node: 2 },
    instance,
  }))

  it('is one datagram, in plain JSON', () => {
    const [datagram, ...others] = encodeEnvelope({
      cluster,
      sender: 2,
      names: ours,
      messages: [{ type: 'learn', from: 7 }],
    })
    expect(others).toEqual([])
    expect(Buffer.from(datagram!).toString()).toBe(
      '{"v":4,"c":"c","s":2,"i":"i","r":"j","m":[{"type":"learn","from":7}]}',
    )
  })

  it('carries the clock of a server, and none of a client', () => {
    const messages: Message[] = [{ type: 'learn', from: 7 }]
    const [datagram] = encodeEnvelope({ cluster, sender: 2, names: ours, clock: 9, messages })
    expect(Buffer.from(datagram!).toString()).toBe(
      '{"v":4,"c":"c","s":2,"i":"i","r":"j","t":9,"m":[{"type":"learn","from":7}]}',
    )
    expect(decodeText('{"v":4,"c":"c","s":2,"i":"i","r":"j","m":[{"type":"learn","from":7}]}')).toMatchObject(
      { clock: 0 },
    )
  })

  it('carries the boot of a server', () => {
    const names = {
      ...ours,
      boot: { count: 3, random: 'x', after: 'w', voted: { ballot: { round: 4, node: 1 }, below: 8 } },
    }
    const [datagram] = encodeEnvelope({ cluster, sender: 2, names, messages: [{ type: 'learn', from: 7 }] })
    const boot = '[3,"x","w",{"round":4,"node":1},8]'
    const text = `{"v":4,"c":"c","s":2,"i":"i","r":"j","b":${boot},"m":[{"type":"learn","from":7}]}`
    expect(Buffer.from(datagram!).toString()).toBe(text)
    expect(decodeText(text)).toMatchObject({ names })
    expect(decodeText(text.replace(boot, '[1,"x","",null,0]'))).toMatchObject({
      names: { boot: { after: '', voted: { ballot: null, below: 0 } } },
    })
    for (const wrong of [
      '[3,"x"]',
      '[3,"x","w"]',
      '[-1,"x","",null,0]',
      '[3,"","w",null,0]',
      '["3","x","w",null,0]',
      '[3,"x","w",1,0]',
      '[3,"x","w",{"round":4},0]',
      '[3,"x","w",null,-1]',
      '[3,"x","w",null,0,1]',
      '3',
    ]) {
      expect(decodeText(text.replace(boot, wrong))).toMatchObject({ reason: 'malformed' })
    }
  })

  it('of no messages is no datagram', () => {
    expect(encodeEnvelope({ cluster, sender: 2, names: ours, messages: [] })).toEqual([])
  })

  it('that is too long is several, filled to the brim, in order', () => {
    const datagrams = encodeEnvelope({ cluster, sender: 2, names: ours, messages: many })
    for (const datagram of datagrams) {
      expect(datagram.length).toBeLessThanOrEqual(maxDatagramBytes)
      expect(datagram[0]).toBe('{'.charCodeAt(0))
    }
    for (const full of datagrams.slice(0, -1)) expect(full.length).toBeGreaterThan(maxDatagramBytes - 80)
    expect(messagesOf(datagrams)).toEqual(many)
  })

  it('holds a bounded number of messages, and is sent so', () => {
    const small: Message[] = Array.from({ length: 2_500 }, (_, seq) => ({
      type: 'queued',
      uid: 'a',
      seqs: [seq],
    }))
    const datagrams = encodeEnvelope({ cluster, sender: 2, messages: small })
    expect(datagrams.map((datagram) => messagesOf([datagram]).length)).toEqual([1_024, 1_024, 452])
    const tooMany = JSON.stringify({ v: 4, c: cluster, s: 2, m: small.slice(0, 1_025) })
    expect(reasonOf(decodeText(tooMany))).toBe('oversized')
  })

  it('is padded to what it is told, with what JSON passes over', () => {
    const messages: Message[] = [{ type: 'hello' }]
    const [datagram, ...others] = encodeEnvelope({ cluster, sender: null, cookie: '', messages }, undefined, {
      padTo: 1_200,
    })
    expect(others).toEqual([])
    expect(datagram).toHaveLength(1_200)
    expect(decoderOf().decode(datagram!, source)).toMatchObject({ cookie: '', messages, bytes: 1_200 })
  })

  it.each([undefined, '', 'abcdefghijklmnopqrst_-'])('echoes the cookie %s', (cookie) => {
    const datagrams = encodeEnvelope({ cluster, sender: 2, clock: 7, cookie, messages: [report(1)] })
    expect(decoderOf().decode(datagrams[0]!, source)).toMatchObject({ cookie, clock: 7 })
  })

  it.each([
    'x',
    'abcdefghijklmnopqrst_-a',
    'abcdefghijklmnopqrst_+',
    'x'.repeat(5_000),
  ])('with %s for a cookie is malformed', (cookie) => {
    const text = JSON.stringify({ v: 4, c: cluster, s: null, k: cookie, m: [{ type: 'hello' }] })
    expect(reasonOf(decodeText(text))).toBe('malformed')
  })

  it('says each thing once: what a later message repeats is left out', () => {
    const request = (seq: number, body: Json) => ({
      type: 'request',
      uid: 'a',
      ackedBelow: 0,
      requests: [{ seq, command: { kind: 'service', body } }],
    })
    const learn = (from: number) => ({ type: 'learn', from })
    const m = [
      learn(1),
      request(1, 1),
      { type: 'hello' },
      request(1, 2),
      learn(9),
      request(2, 1),
      { type: 'hello' },
    ]
    expect(decodeText(JSON.stringify({ v: 4, c: cluster, s: 1, i: 'i', m }))).toMatchObject({
      messages: [request(1, 2), learn(9), request(2, 1), { type: 'hello' }],
      repetitions: 3,
    })
  })

  it('leaves out what it says twice', () => {
    fc.assert(
      fc.property(anythingSaid, ({ cluster, sender, names, message }) => {
        const messages = [message, structuredClone(message)]
        const decoded = decoderOf(cluster).decode(
          encodeEnvelope({ cluster, sender, names, messages })[0]!,
          source,
        )
        expect(decoded).toMatchObject({ messages: [message], repetitions: 1 })
      }),
    )
  })

  it('keeps to the limit to the byte', () => {
    const empty = '{"v":4,"c":"c","s":2,"i":"i","r":"j","m":[{"type":"report","status":""}]}'.length
    const fits = encodeEnvelope({ cluster, sender: 2, names: ours, messages: [report(1_200 - empty)] }, 1_200)
    expect(fits.map(({ length }) => length)).toEqual([1_200])
    const tooLong = encodeEnvelope(
      { cluster, sender: 2, names: ours, messages: [report(1_201 - empty)] },
      1_200,
    )
    expect(tooLong.map(({ length }) => length)).toEqual([1_200, 1_201 - 1_186 + 14])
  })

  it('never needs pieces for messages that fit alone, with any limit', () => {
    for (let limit = 1_200; limit < 1_260; limit += 1) {
      const datagrams = encodeEnvelope(
        { cluster, sender: 2, names: ours, messages: many.slice(0, 200) },
        limit,
      )
      for (const datagram of datagrams) {
        expect(datagram[0]).toBe('{'.charCodeAt(0))
        expect(datagram.length).toBeLessThanOrEqual(limit)
      }
    }
  })

  it('sends in pieces only what does not fit alone', () => {
    const messages = [answer(10, 1), answer(5_000, 2, 'é'), answer(20, 3), answer(30, 4)]
    let id = 40n
    const nextPieceId = () => {
      id += 1n
      return id
    }
    const datagrams = encodeEnvelope({ cluster, sender: 2, names: ours, messages }, 1_200, { nextPieceId })
    expect(datagrams.filter(([mark]) => mark === 1)).toHaveLength(datagrams.length - 2)
    expect(id).toBe(41n)
    expect(messagesOf(datagrams)).toEqual(messages)
  })

  it('of any messages and any limit comes out as it went in', () => {
    const plan = fc.record({
      lengths: fc.array(fc.integer({ min: 0, max: 6_000 }), { minLength: 1, maxLength: 12 }),
      limit: fc.integer({ min: 1_200, max: 4_000 }),
    })
    fc.assert(
      fc.property(plan, ({ lengths, limit }) => {
        const messages = lengths.map((length, seq) => answer(length, seq))
        const datagrams = encodeEnvelope({ cluster, sender: 0, messages }, limit)
        expect(Math.max(...datagrams.map(({ length }) => length))).toBeLessThanOrEqual(limit)
        expect(messagesOf(datagrams)).toEqual(messages)
      }),
    )
  })

  it('gives each message in pieces an id of its own', () => {
    const pieces = [0, 1].flatMap(() =>
      encodeEnvelope({ cluster, sender: 0, messages: [report(2_000)] }, 1_200),
    )
    expect(pieces).toHaveLength(4)
    expect(new Set(pieces.map((piece) => Buffer.from(piece.subarray(2, 10)).toString('hex'))).size).toBe(2)
  })

  it('carries the longest message, in the smallest datagrams', () => {
    const message = report(maxMessageBytes - 100)
    expect(messagesOf(encodeEnvelope({ cluster, sender: 0, messages: [message] }, 1_200))).toEqual([message])
  })

  it.each([0, 1_199, 65_508, Number.NaN])('of datagrams of %d bytes is an error', (bytes) => {
    expect(() => encodeEnvelope({ cluster, sender: 0, messages: [] }, bytes)).toThrow(RangeError)
  })
})

describe('the batches of a datagram', () => {
  const mark = String.fromCharCode(batchMark)
  const ballot = { round: 1, node: 2 }
  const head = '{"v":4,"c":"c","s":2,"i":"i","r":"j","m":['

  function batchOf(...bodies: readonly Json[]): Batch {
    const requests = bodies.map((body, seq) => ({ seq, command: { kind: 'service' as const, body } }))
    const groups = requests.length === 0 ? [] : [{ uid: 'a@0', ackedBelow: 0, heldBy: 2, requests }]
    return { node: 2, elapsedMs: 0, groups }
  }

  function accept(batch: Batch, instance = 5): Message {
    return { type: 'accept', ballot, instance, batch }
  }

  function chosen(batches: readonly Batch[]): Message {
    return { type: 'chosen', from: 0, batches, firstUnchosen: batches.length, unsettled: false }
  }

  function promise(batches: readonly Batch[]): Message {
    const accepted = batches.map((batch, instance) => ({ instance, ballot, batch }))
    return { type: 'promise', ballot, from: 0, accepted, firstUnchosen: 0 }
  }

  function encoded(messages: readonly Message[], datagramBytes?: number): Uint8Array[] {
    return encodeEnvelope({ cluster, sender: 2, names: ours, messages }, datagramBytes)
  }

  const numberedAccept = '{"type":"accept","ballot":{"round":1,"node":2},"instance":5,"batch":0}'
  const empty = '{"node":2,"elapsedMs":0,"groups":[]}'

  it('follow the envelope, which holds numbers in their places', () => {
    const [datagram] = encoded([
      accept(batchOf()),
      { type: 'learn', from: 7 },
      promise([batchOf(), batchOf(1)]),
    ])
    const one =
      '{"node":2,"elapsedMs":0,"groups":[{"uid":"a@0","ackedBelow":0,"heldBy":2,"requests":[{"seq":0,"command":{"kind":"service","body":1}}]}]}'
    const shown = [0, 1].map(
      (number) => `{"instance":${number},"ballot":{"round":1,"node":2},"batch":${number}}`,
    )
    const messages = [
      numberedAccept,
      '{"type":"learn","from":7}',
      `{"type":"promise","ballot":{"round":1,"node":2},"from":0,"accepted":[${shown}],"firstUnchosen":0}`,
    ]
    expect(Buffer.from(datagram!).toString()).toBe([`${head}${messages}]}`, empty, empty, one].join(mark))
  })

  it('are the bytes that their proposer made, in every message that carries them', () => {
    const batch = batchOf('é', { a: [1, 2] })
    const bytes = batchBytes(batch)
    expect(Buffer.from(bytes).toString()).toBe(JSON.stringify(batch))
    const [received] = messagesOf(encoded([accept(batch)]))
    if (received?.type !== 'accept') throw new Error('no accept')
    expect(batchBytes(received.batch)).toEqual(bytes)
    const [datagram] = encoded([chosen([received.batch])])
    expect(Buffer.from(datagram!).indexOf(bytes)).toBe(datagram!.length - bytes.length)
  })

  it('are sent on as they were received, however they are written', () => {
    const written = ' {"elapsedMs":0,\t"node":2,"node":2,"groups":[ ] }\n'
    const decoded = decodeText(`${head}${numberedAccept}]}${mark}${written}`)
    if (decoded.kind !== 'envelope') throw new Error(JSON.stringify(decoded))
    expect(decoded.messages).toEqual([accept(batchOf())])
    const [datagram] = encoded(decoded.messages)
    expect(Buffer.from(datagram!).toString()).toBe(`${head}${numberedAccept}]}${mark}${written}`)
  })

  it('do not keep the datagram in memory, nor change with it', () => {
    const small = batchOf()
    const datagram = encoded([accept(small), chosen([batchOf('x'.repeat(30_000))])])[0]!
    const [received] = messagesOf([datagram])
    datagram.fill(0)
    if (received?.type !== 'accept') throw new Error('no accept')
    const bytes = batchBytes(received.batch)
    expect(bytes).toEqual(batchBytes(small))
    expect(bytes.buffer.byteLength).toBe(bytes.length)
  })

  it('come out as they went in, in one datagram or in pieces', () => {
    const plan = fc.record({
      lengths: fc.array(fc.integer({ min: 0, max: 3_000 }), { maxLength: 8 }),
      limit: fc.integer({ min: 1_200, max: 9_000 }),
    })
    fc.assert(
      fc.property(plan, ({ lengths, limit }) => {
        const batches = lengths.map((length) => batchOf('é'.repeat(length)))
        const messages = [chosen(batches), ...batches.map(accept), promise(batches)]
        const datagrams = encoded(messages, limit)
        expect(Math.max(...datagrams.map(({ length }) => length))).toBeLessThanOrEqual(limit)
        expect(messagesOf(datagrams)).toEqual(messages)
      }),
    )
  })

  it('count in the size of a message and of a datagram', () => {
    const message = accept(batchOf('é'.repeat(300)))
    const [datagram] = encoded([message])
    const outgoing = { cluster, sender: 2, names: ours }
    expect(envelopeBytes(outgoing) + messageBytes(message)).toBe(datagram!.length)
    const bytes = datagram!.length
    expect(encoded([accept(batchOf('é'.repeat(300 + (1_200 - bytes) / 2)))], 1_200)).toHaveLength(1)
    expect(encoded([accept(batchOf('é'.repeat(301 + (1_200 - bytes) / 2)))], 1_200)).toHaveLength(2)
  })

  it('follow the padding of their datagram', () => {
    const [datagram] = encodeEnvelope(
      { cluster, sender: 2, names: ours, messages: [accept(batchOf())] },
      1_200,
      {
        padTo: 1_000,
      },
    )
    expect(datagram).toHaveLength(1_000)
    expect(Buffer.from(datagram!).toString()).toBe(
      `${`${head}${numberedAccept}]}`.padEnd(1_000 - 1 - empty.length)}${mark}${empty}`,
    )
    expect(messagesOf([datagram!])).toEqual([accept(batchOf())])
  })

  const message = (...numbers: readonly unknown[]) =>
    `${head}{"type":"chosen","from":0,"batches":[${numbers}],"firstUnchosen":9,"unsettled":false}]}`
  const body = (text: string) =>
    `{"node":2,"elapsedMs":0,"groups":[{"uid":"a@0","ackedBelow":0,"heldBy":2,"requests":[{"seq":0,"command":{"kind":"service","body":${text}}}]}]}`

  it.each<[string, readonly string[], DropReason]>([
    ['one is missing', [message(0)], 'malformed'],
    ['the last of two is missing', [message(0, 1), empty], 'malformed'],
    ['one is there that no message names', [message(), empty], 'malformed'],
    ['one more is there', [message(0), empty, empty], 'malformed'],
    ['nothing follows the mark', [message(0), ''], 'malformed'],
    ['a mark is at the end', [message(0), empty, ''], 'malformed'],
    ['the first has another number', [message(1), empty], 'malformed'],
    ['one is named twice', [message(0, 0), empty], 'malformed'],
    ['one is named twice, and follows twice', [message(0, 0), empty, empty], 'malformed'],
    ['they are named in another order', [message(1, 0), empty, empty], 'malformed'],
    ['a number is negative', [message(-1), empty], 'malformed'],
    ['a number is no integer', [message(0.5), empty], 'malformed'],
    ['a number is text', [message('"0"'), empty], 'malformed'],
    ['one stands in the envelope', [message(empty)], 'malformed'],
    ['one stands in the envelope and one follows', [message(empty), empty], 'malformed'],
    ['one is cut', [message(0), empty.slice(0, -1)], 'malformed'],
    ['one has something behind it', [message(0), `${empty}x`], 'malformed'],
    ['two are in one', [message(0, 1), `${empty}${empty}`], 'malformed'],
    ['one is no JSON', [message(0), 'batch'], 'malformed'],
    ['one is no object', [message(0), '[]'], 'malformed'],
    ['one is null', [message(0), 'null'], 'malformed'],
    ['one is of another shape', [message(0), '{"node":2}'], 'malformed'],
    ['one has a field more', [message(0), empty.replace('{', '{"x":1,')], 'malformed'],
    ['one has a prototype', [message(0), empty.replace('{', '{"__proto__":{},')], 'malformed'],
    ['one has a number that is too large', [message(0), empty.replace('2', '1e999')], 'malformed'],
    ['a body holds -0', [message(0), body('[-0]')], 'malformed'],
    ['a body holds half of a surrogate pair', [message(0), body('"\\ud800"')], 'malformed'],
    ['a body has a prototype', [message(0), body('{"__proto__":1}')], 'malformed'],
    ['a body is too deep', [message(0), body(`${'['.repeat(33)}${']'.repeat(33)}`)], 'malformed'],
    ['one is nested very deep', [message(0), '['.repeat(50_000)], 'malformed'],
    ['one is padded above its limit', [message(0), empty.padEnd(61_441)], 'oversized'],
    ['a mark cuts the envelope', [message(0).slice(0, -2), ']}'], 'garbage'],
    ['a mark comes first', ['', message(0), empty], 'garbage'],
    ['the second is wrong', [message(0, 1), empty, '{}'], 'malformed'],
    ['they follow a message of an older version', ['{"v":3}', empty], 'version'],
  ])('drop the datagram when %s', (_, parts, reason) => {
    expect(reasonOf(decodeText(parts.join(mark)))).toBe(reason)
  })

  it('may be as deep, as long and as padded as a batch may be', () => {
    for (const batch of [body(`${'['.repeat(32)}${']'.repeat(32)}`), empty.padEnd(61_440)]) {
      expect(decodeText([message(0), batch].join(mark)).kind).toBe('envelope')
    }
  })

  it('that are not UTF-8 drop the datagram', () => {
    const datagram = bytesOf([message(0), body('"é"')].join(mark))
    expect(decoderOf().decode(datagram, source).kind).toBe('envelope')
    expect(reasonOf(decoderOf().decode(datagram.with(datagram.indexOf(0xc3), 0xff), source))).toBe('garbage')
  })

  it('may not end in the middle of a character', () => {
    const datagram = bytesOf([message(0), body('"é"')].join(mark))
    datagram[datagram.indexOf(0xc3) + 1] = batchMark
    expect(reasonOf(decoderOf().decode(datagram, source))).toBe('garbage')
  })

  it('are missing as a whole while a piece of their message is', () => {
    const pieces = encoded([chosen([batchOf('x'.repeat(2_000)), batchOf()])], 1_200)
    const decoder = decoderOf()
    const early = pieces.slice(0, -1).map((piece) => decoder.decode(piece, source).kind)
    expect(new Set(early)).toEqual(new Set(['incomplete']))
    expect(decoder.decode(pieces.at(-1)!, source)).toMatchObject({ messages: [{ type: 'chosen' }] })
  })

  it('drop the whole message when a piece of it holds a mark more', () => {
    const pieces = encoded([chosen([batchOf('x'.repeat(2_000)), batchOf()])], 1_200)
    pieces[1]![20] = batchMark
    const decoder = decoderOf()
    expect(reasonOf(pieces.map((piece) => decoder.decode(piece, source)).at(-1)!)).toBe('malformed')
  })
})

describe('a datagram that is dropped', () => {
  it.each<[string, DropReason]>([
    ['', 'empty'],
    ['hello', 'garbage'],
    ['[]', 'garbage'],
    ['"REQUEST"', 'garbage'],
    ['{"v":4', 'garbage'],
    ['{}', 'malformed'],
    ['{"v":"1","c":"c","s":0,"m":[{"type":"hello"}]}', 'malformed'],
    ['{"v":4,"c":"c","s":0,"m":[]}', 'malformed'],
    ['{"v":4,"c":"c","s":0,"m":[{"type":"hello"}],"x":0}', 'malformed'],
    ['{"v":4,"c":"c","s":0,"m":[{"type":"hello"}],"__proto__":{}}', 'malformed'],
    ['{"v":4,"c":"c","s":0,"m":[{"type":"hello"},{"type":"helo"}]}', 'malformed'],
    ['{"v":4,"c":"c","s":0,"m":[{"type":"learn","from":4503599627370497}]}', 'malformed'],
    ['{"v":4,"c":"c","s":0,"m":[{"type":"report","status":1e999}]}', 'malformed'],
    ['{"v":4,"c":"c","s":0,"m":[{"type":"report","status":-0}]}', 'malformed'],
    ['{"v":4,"c":"c","s":0,"m":[{"type":"report","status":"\\ud800"}]}', 'malformed'],
    ['{"v":4,"c":"c","s":0,"m":[{"type":"report","status":{"\\u005f_proto__":1}}]}', 'malformed'],
    ['{"v":2,"past":true}', 'version'],
    ['{"v":4,"c":"c","s":0,"t":-1,"m":[{"type":"hello"}]}', 'malformed'],
    ['{"v":4,"c":"c","s":0,"t":9007199254740991,"m":[{"type":"hello"}]}', 'malformed'],
    ['{"v":0,"c":"c","s":0,"m":[{"type":"hello"}]}', 'version'],
    ['{"v":4,"c":"d","s":0,"m":[{"type":"learn","from":0}]}', 'foreign'],
    ['{"v":4,"c":"d","s":null,"m":[{"type":"hello"}]}', 'foreign'],
    ['{"v":4,"c":"","s":0,"m":[{"type":"learn","from":0}]}', 'foreign'],
    ['{"v":4,"c":"","s":null,"m":[{"type":"hello"},{"type":"learn","from":0}]}', 'foreign'],
    [
      '{"v":4,"c":"c","s":0,"m":[{"type":"prepare","ballot":{"round":1,"node":1},"from":0}]}',
      'contradiction',
    ],
    ['{"v":4,"c":"c","s":null,"m":[{"type":"learn","from":0}]}', 'contradiction'],
    ["REQUEST:-1:-1:(1,'STEAL','a')", 'plainText'],
    ['\u0001', 'piece'],
  ])('%j: %s', (text, reason) => {
    expect(reasonOf(decodeText(text))).toBe(reason)
  })

  it('is not UTF-8, or not even text', () => {
    const broken = bytesOf('{"v":4,"c":"c","s":0,"m":[{"type":"report","status":"é"}]}')
    const at = broken.indexOf(0xc3)
    expect(reasonOf(decoderOf().decode(broken.with(at, 0xff), source))).toBe('garbage')
  })

  it('says why, in bounds', () => {
    const type = 'x'.repeat(50_000)
    expect(decodeText(`{"v":4,"c":"c","s":0,"m":[{"type":"${type}"}]}`)).toEqual({
      kind: 'dropped',
      reason: 'malformed',
      detail: expect.stringMatching(/^no message is of the type 'x{100,}$/),
    })
  })

  it('is of a version that is named', () => {
    expect(decodeText('{"v":7}')).toMatchObject({ detail: 'version 7 of the wire; this is version 4' })
  })

  it('is nested too deep, in a body or around it', () => {
    const wrapped = (value: string) => `{"v":4,"c":"c","s":0,"m":[${value}]}`
    const bodies = (depth: number) =>
      wrapped(JSON.stringify(request('?')).replace('"?"', '['.repeat(depth) + ']'.repeat(depth)))
    expect(decodeText(bodies(32)).kind).toBe('envelope')
    expect(reasonOf(decodeText(bodies(33)))).toBe('malformed')
    for (const depth of [1_000, 30_000, 500_000]) {
      const arrays = '['.repeat(depth) + ']'.repeat(depth)
      const objects = `${'{"a":'.repeat(depth / 5)}1${'}'.repeat(depth / 5)}`
      for (const deep of [arrays, objects]) {
        expect(reasonOf(decodeText(wrapped(deep)))).toBe('malformed')
        expect(reasonOf(decodeText(wrapped(`{"type":"report","status":${deep}}`)))).toBe('malformed')
        expect(reasonOf(decodeText(deep))).toBe(deep === arrays ? 'garbage' : 'malformed')
      }
    }
  })

  it('is longer than a message may be', () => {
    const tiny = new Decoder({ cluster, nowMs: () => 0, maxMessageBytes: 2_000 })
    const long = encodeEnvelope({ cluster, sender: 0, messages: [report(3_000)] })
    expect(reasonOf(tiny.decode(long[0]!, source))).toBe('oversized')
    const pieces = encodeEnvelope({ cluster, sender: 0, messages: [report(3_000)] }, 1_200)
    expect(pieces.map((piece) => reasonOf(tiny.decode(piece, source)))).toContain('oversized')
  })

  it('asks for a command that is too long, as JSON writes it', () => {
    const overhead = commandBytes({ kind: 'service', body: '' })
    const longest = request('x'.repeat(maxCommandBytes - overhead))
    const said = (message: Message) => datagramOf({ cluster, sender: null, names: null, message })
    expect(decoderOf().decode(said(longest), source).kind).toBe('envelope')
    expect(
      reasonOf(decoderOf().decode(said(request('x'.repeat(maxCommandBytes - overhead + 1))), source)),
    ).toBe('oversized')
    // Written shorter than JSON.stringify writes it: what counts is what servers send on.
    const numbers = JSON.stringify(request('?')).replace('"?"', `[${Array(2_000).fill('1e20').join(',')}]`)
    expect(reasonOf(decodeText(`{"v":4,"c":"c","s":null,"m":[${numbers}]}`))).toBe('oversized')
  })

  it('shows a batch that is longer than servers propose: it would not fit into a promise with others', () => {
    const ballot = { round: 1, node: 1 }
    const command = (letters: number) => ({ kind: 'service' as const, body: 'x'.repeat(letters) })
    const batchOf = (letters: number) => ({
      node: 1,
      elapsedMs: 0,
      groups: [
        {
          uid: 'u',
          ackedBelow: 0,
          heldBy: 1,
          requests: [1, 2].map((seq) => ({ seq, command: command(letters / 2) })),
        },
      ],
    })
    const names = { incarnation: 'i', addressee: 'j' }
    const decoded = (message: Message) => {
      const decoder = decoderOf()
      const pieces = encodeEnvelope({ cluster, sender: 1, names, messages: [message] })
      return pieces.map((piece) => decoder.decode(piece, source)).at(-1)
    }
    const messages = (letters: number): readonly Message[] => {
      const batch = batchOf(letters)
      const heading = { ballot, firstUnchosen: 0 }
      return [
        { type: 'accept', ballot, instance: 0, batch },
        { type: 'promise', ...heading, from: 0, accepted: [{ instance: 0, ballot, batch }] },
        { type: 'chosen', from: 0, batches: [batch], firstUnchosen: 1, unsettled: false },
      ]
    }
    for (const message of messages(61_000)) expect(decoded(message)?.kind).toBe('envelope')
    for (const message of messages(61_500)) expect(reasonOf(decoded(message) as Decoded)).toBe('oversized')
  })

  it('is noise of any length', () => {
    const decoder = decoderOf()
    const lengths = fc.oneof(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 0, max: 65_507 }))
    const begins = fc.constantFrom([], [0x01], [0x01, 0x01], [0x7b], [0x20, 0x7b], [...bytesOf('REQUEST:')])
    fc.assert(
      fc.property(lengths, begins, fc.integer(), (length, begin, salt) => {
        let state = salt | 1
        const noise = Uint8Array.from({ length }, () => {
          state ^= state << 13
          state ^= state >>> 17
          state ^= state << 5
          return state
        })
        noise.set(begin.slice(0, length))
        expect(decoder.decode(noise, source).kind).toMatch(/^(dropped|incomplete)$/)
      }),
      { numRuns: 1_000 },
    )
    expect(decoder.decode(new Uint8Array(65_507), source).kind).toBe('dropped')
  })
})

describe('a decoder', () => {
  const hello = (name: string) =>
    encodeEnvelope({ cluster: name, sender: null, messages: [{ type: 'hello' }] })
  const inquire = encodeEnvelope({
    cluster: '',
    sender: null,
    messages: [{ type: 'inquire' }, { type: 'hello' }],
  })

  it('of a server takes hello and inquire of clients that do not know the cluster', () => {
    expect(messagesOf(hello(''), decoderOf())).toEqual([{ type: 'hello' }])
    expect(messagesOf(inquire, decoderOf())).toEqual([{ type: 'inquire' }, { type: 'hello' }])
  })

  it('of a client that has not been welcomed takes every cluster', () => {
    expect(messagesOf(hello('x'), decoderOf(null))).toEqual([{ type: 'hello' }])
  })

  it('tells the seed’s text from JSON', () => {
    expect(decodeText("REQUEST:-1:-1:(21,'LOCK','a')\nREQUEST:-1:-1:(22,'UnLOCK','a')\n")).toMatchObject({
      kind: 'plainText',
      requests: [
        { requests: [{ seq: 42, command: { body: { action: 'lock', name: 'a' } } }] },
        { requests: [{ seq: 45, command: { body: { action: 'unlock', name: 'a' } } }] },
      ],
    })
  })

  it('understands no text where the service has none', () => {
    const decoder = new Decoder({ cluster, nowMs: () => 0 })
    expect(reasonOf(decodeText("REQUEST:-1:-1:(21,'LOCK','a')", decoder))).toBe('garbage')
  })

  it('takes JSON as one types it', () => {
    expect(decodeText('\n { "v": 4, "c": "", "s": null, "m": [ { "type": "inquire" } ] }\n').kind).toBe(
      'envelope',
    )
  })

  it('does not look for pieces in what came in pieces', () => {
    const inner = encodeEnvelope({ cluster, sender: 0, messages: [report(1_500)] }, 1_200)
    const nested = Uint8Array.from(Buffer.concat([inner[0]!.subarray(0, 14), new Uint8Array(2_000)]))
    const outer = encodeEnvelope({ cluster, sender: 0, messages: [report(nested.length)] }, 1_200)
    const payload = [...nested]
    for (const piece of outer) piece.set(payload.splice(0, piece.length - 14), 14)
    expect(outer.map((piece) => reasonOf(decoderOf().decode(piece, source))).at(-1)).toEqual({
      kind: 'incomplete',
    })
    const decoder = decoderOf()
    const last = outer.map((piece) => decoder.decode(piece, source)).at(-1)
    expect(last).toMatchObject({ kind: 'dropped', reason: 'garbage' })
    expect(decoder.pendingBytes).toBe(0)
  })

  it('forgets pieces by its clock', () => {
    let nowMs = 0
    const decoder = new Decoder({ cluster, nowMs: () => nowMs, pieceAgeMs: 100 })
    const [first, second] = encodeEnvelope({ cluster, sender: 0, messages: [report(1_500)] }, 1_200)
    decoder.decode(first!, source)
    expect(decoder.pendingBytes).toBeGreaterThan(1_200)
    nowMs = 101
    expect(decoder.decode(second!, source)).toEqual({ kind: 'incomplete' })
    expect(decoder.decode(first!, source).kind).toBe('envelope')
  })

  it('is not made with less room for pieces than messages need', () => {
    const options = { cluster, nowMs: () => 0, maxMessageBytes: 1_000 }
    expect(() => new Decoder({ ...options, maxPendingBytes: 7_999 })).toThrow(RangeError)
    expect(new Decoder({ ...options, maxPendingBytes: 8_000 }).pendingBytes).toBe(0)
  })
})

describe('the bytes of a command', () => {
  it.each<[Command, number]>([
    [{ kind: 'cancel', seq: 1 }, 25],
    [{ kind: 'service', body: 'é' }, 30],
  ])('%j are those of its JSON', (command, bytes) => {
    expect(commandBytes(command)).toBe(bytes)
  })
})
