import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { type PieceLimits, PieceStore, pieceHeaderBytes, splitIntoPieces } from '../../src/wire/pieces.ts'

const limits: PieceLimits = {
  maxMessageBytes: 65_536,
  maxPendingBytes: 8 * 65_536,
  isProven: () => true,
  pieceAgeMs: 1_000,
}
const here = '127.0.0.1:1'
const room = 100

function payloadOf(length: number, salt = 0): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 7 + salt) % 251)
}

function piecesOf(payload: Uint8Array, id: bigint): Uint8Array[] {
  return splitIntoPieces(payload, room + pieceHeaderBytes, id)
}

function forged(id: bigint, index: number, count: number, length: number, version = 1): Uint8Array {
  const piece = new Uint8Array(pieceHeaderBytes + length)
  const header = new DataView(piece.buffer)
  header.setUint8(0, 1)
  header.setUint8(1, version)
  header.setBigUint64(2, id)
  header.setUint16(10, index)
  header.setUint16(12, count)
  return piece
}

/** Gives pieces in turn and returns what the last one made. */
function takeAll(store: PieceStore, pieces: readonly Uint8Array[], source = here, nowMs = 0) {
  return pieces.map((piece) => store.take(piece, source, nowMs)).at(-1)
}

describe('pieces', () => {
  it('make the message whole in any order, however they are repeated and mixed with others', () => {
    const plan = fc.record({
      lengths: fc.array(fc.integer({ min: room + 1, max: 1_500 }), { minLength: 1, maxLength: 5 }),
      repeats: fc.array(fc.nat(), { maxLength: 20 }),
      order: fc.infiniteStream(fc.nat()),
    })
    fc.assert(
      fc.property(plan, ({ lengths, repeats, order }) => {
        const store = new PieceStore(limits)
        const payloads = lengths.map((length, index) => payloadOf(length, index))
        const pieces = payloads.flatMap((payload, index) => piecesOf(payload, BigInt(index)))
        const all = [...pieces, ...repeats.flatMap((index) => pieces[index % pieces.length] ?? [])]
        const keyed = all.map((piece) => ({ piece, key: order.next().value ?? 0 }))
        const shuffled = keyed.sort((a, b) => a.key - b.key).map(({ piece }) => piece)
        const whole: Uint8Array[] = []
        for (const piece of shuffled) {
          const taken = store.take(piece, here, 0)
          expect(taken.kind).not.toBe('dropped')
          if (taken.kind === 'whole') whole.push(taken.payload)
        }
        const texts = (all: readonly Uint8Array[]) =>
          new Set(all.map((one) => Buffer.from(one).toString('latin1')))
        expect(texts(whole)).toEqual(texts(payloads))
      }),
    )
  })

  it('are not kept when the message is whole', () => {
    const store = new PieceStore(limits)
    expect(takeAll(store, piecesOf(payloadOf(1_000), 1n))?.kind).toBe('whole')
    expect(store.pendingBytes).toBe(0)
  })

  it('of which one is missing make nothing', () => {
    const pieces = piecesOf(payloadOf(1_000), 1n)
    for (const missing of pieces) {
      const store = new PieceStore(limits)
      expect(
        takeAll(
          store,
          pieces.filter((piece) => piece !== missing),
        )?.kind,
      ).toBe('incomplete')
      expect(store.take(missing, here, 0)).toEqual({ kind: 'whole', payload: payloadOf(1_000) })
    }
  })

  it('of two sources with one id are two messages', () => {
    const store = new PieceStore(limits)
    const [first, second] = piecesOf(payloadOf(200), 1n)
    store.take(first!, here, 0)
    expect(store.take(second!, '127.0.0.1:2', 0).kind).toBe('incomplete')
    expect(store.take(second!, here, 0).kind).toBe('whole')
  })

  it('do not share memory with the datagram they came in', () => {
    const store = new PieceStore(limits)
    const [first, second] = piecesOf(payloadOf(200), 1n)
    store.take(first!, here, 0)
    first!.fill(0)
    expect(store.take(second!, here, 0)).toEqual({ kind: 'whole', payload: payloadOf(200) })
  })

  it('are given up when they are old', () => {
    const store = new PieceStore(limits)
    const [first, second] = piecesOf(payloadOf(200), 1n)
    store.take(first!, here, 0)
    expect(store.take(second!, here, limits.pieceAgeMs + 1).kind).toBe('incomplete')
    expect(store.take(forged(2n, 0, 2, 1), here, 2 * limits.pieceAgeMs + 2).kind).toBe('incomplete')
    expect(store.pendingBytes).toBeLessThan(1_000)
    expect(store.take(first!, here, 2 * limits.pieceAgeMs + 2).kind).toBe('incomplete')
  })

  it.each<[string, Uint8Array, string]>([
    ['only a mark', Uint8Array.of(1), 'piece'],
    ['a header and nothing behind it', forged(1n, 0, 2, 0), 'piece'],
    ['no pieces', forged(1n, 0, 0, 10), 'piece'],
    ['one piece', forged(1n, 0, 1, 10), 'piece'],
    ['an index beyond the count', forged(1n, 2, 2, 10), 'piece'],
    ['a huge count', forged(1n, 0, 65_535, 10), 'piece'],
    ['another version', forged(1n, 0, 2, 10, 2), 'version'],
  ])('with %s are dropped', (_, piece, reason) => {
    const store = new PieceStore(limits)
    expect(store.take(piece, here, 0)).toMatchObject({ kind: 'dropped', reason })
    expect(store.pendingBytes).toBe(0)
  })

  it.each<[string, Uint8Array, string]>([
    ['another count', forged(1n, 1, 3, 10), 'piece'],
    ['other bytes at one index', forged(1n, 0, 10, 7), 'piece'],
    ['more bytes than a message may have', forged(1n, 1, 10, 65_000), 'oversized'],
  ])('that contradict those before by %s end the message', (_, piece, reason) => {
    const store = new PieceStore(limits)
    const pieces = piecesOf(payloadOf(1_000), 1n)
    takeAll(store, [pieces[0]!, ...pieces.slice(2, 9)])
    expect(store.take(piece, here, 0)).toMatchObject({ kind: 'dropped', reason })
    expect(store.pendingBytes).toBe(0)
  })

  it('of one source take a quarter of the room, and leave other sources’ messages alone', () => {
    const store = new PieceStore(limits)
    const [first, second] = piecesOf(payloadOf(200), 1n)
    store.take(first!, here, 0)
    for (let id = 0n; id < 5_000n; id += 1n) {
      store.take(forged(id, Number(id % 1_000n), 1_024, 10_000), '10.0.0.1:1', 0)
      expect(store.pendingBytes).toBeLessThanOrEqual(limits.maxPendingBytes / 4 + 1_000)
    }
    expect(store.take(second!, here, 0).kind).toBe('whole')
  })

  it('give way in the order in which their messages were begun', () => {
    const store = new PieceStore(limits)
    const ids = Array.from({ length: 70 }, (_, id) => BigInt(id))
    for (const id of ids) store.take(forged(id, 0, 2, 10), here, 0)
    const whole = ids.toReversed().filter((id) => store.take(forged(id, 1, 2, 10), here, 0).kind === 'whole')
    expect(whole).toEqual(ids.slice(-64).toReversed())
  })

  it('of a single message cannot outgrow their source’s share', () => {
    const store = new PieceStore(limits)
    const kinds = Array.from(
      { length: 1_023 },
      (_, index) => store.take(forged(1n, index, 1_024, 1), here, 0).kind,
    )
    expect(kinds).toContain('dropped')
    expect(store.pendingBytes).toBeLessThanOrEqual(limits.maxPendingBytes / 4)
  })

  it('take bounded memory, from any senders', () => {
    const hostile = fc.record({
      source: fc.integer({ min: 0, max: 5_000 }),
      id: fc.bigInt({ min: 0n, max: 40n }),
      index: fc.integer({ min: 0, max: 1_100 }),
      count: fc.oneof(fc.constantFrom(2, 1_024), fc.integer({ min: 0, max: 65_535 })),
      length: fc.oneof(fc.constantFrom(0, 1), fc.integer({ min: 0, max: 65_000 })),
      later: fc.integer({ min: 0, max: 20 }),
    })
    fc.assert(
      fc.property(fc.array(hostile, { minLength: 100, maxLength: 400, size: 'max' }), (plan) => {
        const store = new PieceStore(limits)
        let nowMs = 0
        for (const { source, id, index, count, length, later } of plan) {
          nowMs += later
          store.take(forged(id, index, count, length), `10.0.0.1:${source}`, nowMs)
          expect(store.pendingBytes).toBeLessThanOrEqual(limits.maxPendingBytes)
        }
        store.take(Uint8Array.of(1), here, nowMs + limits.pieceAgeMs + 1)
        expect(store.pendingBytes).toBe(0)
      }),
      { numRuns: 30 },
    )
  })

  it('of an address that echoed its cookie give way to none of addresses that did not, nor these to them', () => {
    const proven = '10.0.0.1:1'
    const store = new PieceStore({ ...limits, isProven: (source) => source === proven })
    const payload = payloadOf(500)
    const [first, ...others] = piecesOf(payload, 1n)
    store.take(first!, proven, 0)
    for (let n = 0; n < 5_000; n += 1) store.take(forged(BigInt(n), 0, 2, 1_000), `10.0.0.2:${n}`, 0)
    expect(store.pendingBytes).toBeGreaterThan(limits.maxPendingBytes / 3)
    expect(store.pendingBytes).toBeLessThanOrEqual(limits.maxPendingBytes / 2 + 2_000)
    expect(takeAll(store, others, proven)).toEqual({ kind: 'whole', payload })
    store.take(first!, '10.0.0.3:1', 0)
    for (let n = 0; n < 5_000; n += 1) store.take(forged(BigInt(n), 0, 2, 1_000), proven, 0)
    expect(takeAll(store, others, '10.0.0.3:1')).toEqual({ kind: 'whole', payload })
  })

  it('truly free what they give up', async () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const used = () => {
      collect()
      const { heapUsed, arrayBuffers } = process.memoryUsage()
      return heapUsed + arrayBuffers
    }
    // Large enough that what else the process does meanwhile is small beside it.
    const large = { ...limits, maxMessageBytes: 2 ** 20, maxPendingBytes: 2 ** 23 }
    const store = new PieceStore(large)
    const before = used()
    // One byte each, from as many sources: what is charged must cover what is used.
    for (let n = 0; n < 30_000; n += 1) store.take(forged(BigInt(n), 0, 2, 1), `10.0.0.1:${n}`, 0)
    for (let n = 0; n < 2_000; n += 1) store.take(forged(BigInt(n), 0, 2, 60_000), `10.0.0.2:${n}`, 0)
    for (let n = 0; n < 30_000; n += 1) store.take(forged(BigInt(n), 0, 2, 1), `10.0.0.3:${n}`, 0)
    // Buffers are swept in the background: what is free may be counted for a moment.
    await vi.waitFor(() => expect(used() - before).toBeLessThan(2 * large.maxPendingBytes), 10_000)
    expect(store.pendingBytes).toBeLessThanOrEqual(large.maxPendingBytes)
  })
})
