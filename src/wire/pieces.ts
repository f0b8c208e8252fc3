/**
 * Splits messages that do not fit in a datagram into pieces. A piece begins with a header of 14 bytes: the mark 0x01, which no
 * text begins with; the version; the id of the message (8 bytes); the index of the piece and the number of pieces (2 bytes each,
 * big-endian). A lost piece loses the message, and Paxos asks again.
 */
import type { Address } from '../../machines/batch.ts'
import { maxPieces } from './limits.ts'

/** The first byte of a piece. */
export const pieceMark = 0x01

export const pieceHeaderBytes = 14

const pieceVersion = 1

/** The extra charge for a piece and for an incomplete message, so that small ones are not free. */
const pieceOverheadBytes = 256
const pendingOverheadBytes = 512

/** The most incomplete messages of one source. */
const maxPendingPerSource = 64

/** The share of the total that one source may hold. */
const sourceShare = 1 / 4

/** Unproven sources may hold half of the total, and proven sources the other half: neither takes the room of the other. */
const lineShare = 1 / 2

/** Splits `payload` into pieces of at most `datagramBytes` with headers. The caller must not reuse an `id` within minutes. */
export function splitIntoPieces(payload: Uint8Array, datagramBytes: number, id: bigint): Uint8Array[] {
  const room = datagramBytes - pieceHeaderBytes
  const count = Math.ceil(payload.length / room)
  return Array.from({ length: count }, (_, index) => {
    const chunk = payload.subarray(index * room, (index + 1) * room)
    const piece = new Uint8Array(pieceHeaderBytes + chunk.length)
    const header = new DataView(piece.buffer)
    header.setUint8(0, pieceMark)
    header.setUint8(1, pieceVersion)
    header.setBigUint64(2, id)
    header.setUint16(10, index)
    header.setUint16(12, count)
    piece.set(chunk, pieceHeaderBytes)
    return piece
  })
}

/** The result for a piece. The last piece completes the message. */
export type PieceTaken =
  | { readonly kind: 'whole'; readonly payload: Uint8Array }
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'dropped'; readonly reason: 'piece' | 'oversized' | 'version'; readonly detail: string }

export interface PieceLimits {
  /** The largest message from pieces, in bytes. */
  readonly maxMessageBytes: number
  /** The most bytes that are held for incomplete messages, with a charge for each piece. */
  readonly maxPendingBytes: number
  /** How long a message waits for its pieces. */
  readonly pieceAgeMs: number
  /** True for an address that is known to receive messages. */
  readonly isProven: (source: Address) => boolean
}

interface Piece {
  readonly id: bigint
  readonly index: number
  readonly count: number
  readonly chunk: Uint8Array
}

/** An incomplete message. */
interface Pending {
  readonly source: Address
  readonly id: bigint
  readonly count: number
  readonly isProven: boolean
  readonly sinceMs: number
  readonly chunks: Map<number, Uint8Array>
  bytes: number
}

interface Source {
  readonly pending: Map<bigint, Pending>
  charge: number
}

const incomplete = { kind: 'incomplete' } as const

function dropped(detail: string, reason: 'piece' | 'oversized' | 'version' = 'piece'): PieceTaken {
  return { kind: 'dropped', reason, detail }
}

function chargeOf({ chunks, bytes }: Pending): number {
  return pendingOverheadBytes + chunks.size * pieceOverheadBytes + bytes
}

/**
 * Combines pieces into messages. Pieces may arrive in any order, repeatedly or not at all. The senders are untrusted, so the
 * memory is bounded: for each source, for all unproven sources, and in total. The oldest incomplete message is evicted first.
 */
export class PieceStore {
  readonly #limits: PieceLimits
  readonly #sources = new Map<Address, Source>()
  /** The incomplete messages of proven and of unproven sources. Invariant: in order of `sinceMs`. */
  readonly #proven = new Set<Pending>()
  readonly #unproven = new Set<Pending>()
  #charge = 0
  #unprovenCharge = 0

  constructor(limits: PieceLimits) {
    this.#limits = limits
  }

  /** The held bytes, with the charge for each piece. Invariant: at most `maxPendingBytes`. */
  get pendingBytes(): number {
    return this.#charge
  }

  /** Handles a datagram that begins with the mark. */
  take(datagram: Uint8Array, source: Address, nowMs: number): PieceTaken {
    this.#forgetAged(nowMs)
    const piece = this.#read(datagram)
    if ('kind' in piece) return piece
    const pending = this.#sources.get(source)?.pending.get(piece.id) ?? this.#begin(source, piece, nowMs)
    const fault = this.#add(pending, piece)
    if (fault !== null) {
      this.#forget(pending)
      return fault
    }
    if (pending.chunks.size === pending.count) {
      this.#forget(pending)
      return { kind: 'whole', payload: joined(pending) }
    }
    this.#makeRoom(source)
    return this.#lineOf(pending).has(pending) ? incomplete : dropped('its source holds too much already')
  }

  #read(datagram: Uint8Array): Piece | PieceTaken {
    if (datagram.length <= pieceHeaderBytes)
      return dropped(`a piece of ${datagram.length} bytes holds nothing`)
    const header = new DataView(datagram.buffer, datagram.byteOffset, pieceHeaderBytes)
    const version = header.getUint8(1)
    if (version !== pieceVersion) {
      return dropped(`a piece of version ${version}; this is version ${pieceVersion}`, 'version')
    }
    const index = header.getUint16(10)
    const count = header.getUint16(12)
    if (count < 2 || count > maxPieces || index >= count) return dropped(`piece ${index} of ${count}`)
    return { id: header.getBigUint64(2), index, count, chunk: datagram.subarray(pieceHeaderBytes) }
  }

  #begin(source: Address, { id, count }: Piece, nowMs: number): Pending {
    const isProven = this.#limits.isProven(source)
    const pending: Pending = { source, id, count, isProven, sinceMs: nowMs, chunks: new Map(), bytes: 0 }
    let holder = this.#sources.get(source)
    if (holder === undefined) {
      holder = { pending: new Map(), charge: 0 }
      this.#sources.set(source, holder)
    }
    holder.pending.set(id, pending)
    this.#lineOf(pending).add(pending)
    this.#addCharge(pending, pendingOverheadBytes)
    return pending
  }

  /** Discards a message whose pieces contradict each other, because the store cannot decide which of them are genuine. */
  #add(pending: Pending, { index, count, chunk }: Piece): PieceTaken | null {
    if (count !== pending.count) return dropped(`a message of ${pending.count} pieces, and of ${count}`)
    const known = pending.chunks.get(index)
    if (known !== undefined) {
      return Buffer.compare(known, chunk) === 0 ? null : dropped(`two different pieces ${index}`)
    }
    if (pending.bytes + chunk.length > this.#limits.maxMessageBytes) {
      return dropped(`a message above ${this.#limits.maxMessageBytes} bytes in pieces`, 'oversized')
    }
    // A copy, so that the piece does not keep the whole receive buffer in memory.
    pending.chunks.set(index, new Uint8Array(chunk))
    pending.bytes += chunk.length
    this.#addCharge(pending, pieceOverheadBytes + chunk.length)
    return null
  }

  #makeRoom(source: Address): void {
    const { maxPendingBytes } = this.#limits
    const holder = this.#sources.get(source)
    while (
      holder !== undefined &&
      (holder.charge > maxPendingBytes * sourceShare || holder.pending.size > maxPendingPerSource)
    ) {
      this.#forgetFirst(holder.pending.values())
    }
    const lineBytes = maxPendingBytes * lineShare
    while (this.#unprovenCharge > lineBytes) this.#forgetFirst(this.#unproven)
    while (this.#charge - this.#unprovenCharge > lineBytes) this.#forgetFirst(this.#proven)
  }

  #lineOf({ isProven }: Pending): Set<Pending> {
    return isProven ? this.#proven : this.#unproven
  }

  #forgetAged(nowMs: number): void {
    for (const line of [this.#proven, this.#unproven]) {
      for (const pending of line) {
        if (nowMs - pending.sinceMs <= this.#limits.pieceAgeMs) break
        this.#forget(pending)
      }
    }
  }

  #forgetFirst(oldestFirst: Iterable<Pending>): void {
    for (const pending of oldestFirst) {
      this.#forget(pending)
      return
    }
  }

  #forget(pending: Pending): void {
    const { source, id } = pending
    this.#lineOf(pending).delete(pending)
    this.#addCharge(pending, -chargeOf(pending))
    const holder = this.#sources.get(source)
    holder?.pending.delete(id)
    if (holder?.pending.size === 0) this.#sources.delete(source)
  }

  #addCharge({ source, isProven }: Pending, bytes: number): void {
    this.#charge += bytes
    if (!isProven) this.#unprovenCharge += bytes
    const holder = this.#sources.get(source)
    if (holder !== undefined) holder.charge += bytes
  }
}

function joined({ chunks, count, bytes }: Pending): Uint8Array {
  const payload = new Uint8Array(bytes)
  let offset = 0
  for (let index = 0; index < count; index += 1) {
    const chunk = chunks.get(index)
    // No datagram can cause this: there are `count` pieces with different indexes below `count`.
    if (chunk === undefined) throw new Error(`piece ${index} of ${count} is missing from a whole message`)
    payload.set(chunk, offset)
    offset += chunk.length
  }
  return payload
}
