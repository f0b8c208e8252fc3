/**
 * What does not fit in a datagram travels in pieces. A piece begins with a header of 14 bytes: the mark 0x01, which no text
 * begins with; the version; the id of the message, 8 bytes; the piece's index and the count of pieces, 2 bytes each, the
 * high byte first. A lost piece loses the message, and Paxos asks again.
 */
import type { Address } from '../../machines/batch.ts'
import { maxPieces } from './limits.ts'

/** The first byte of a piece. */
export const pieceMark = 0x01

export const pieceHeaderBytes = 14

const pieceVersion = 1

/** What is charged beside its bytes for a piece and for a message that waits, so that tiny ones are not free. */
const pieceOverheadBytes = 256
const pendingOverheadBytes = 512

/** Messages of one source that wait for pieces. */
const maxPendingPerSource = 64

/** One source may hold this share of what is held for all. */
const sourceShare = 1 / 4

/** Sources that may be false hold half of it at most, and the others the other half: neither takes the room of the other. */
const lineShare = 1 / 2

/** Cuts `payload` into pieces of at most `datagramBytes` with their headers. `id` is not used twice within minutes. */
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

/** What became of a piece: the last one makes the message whole. */
export type PieceTaken =
  | { readonly kind: 'whole'; readonly payload: Uint8Array }
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'dropped'; readonly reason: 'piece' | 'oversized' | 'version'; readonly detail: string }

export interface PieceLimits {
  /** Bytes of a message put together. */
  readonly maxMessageBytes: number
  /** Bytes held for messages that are not whole, with a charge for each piece. */
  readonly maxPendingBytes: number
  /** How long a message waits for its pieces. */
  readonly pieceAgeMs: number
  /** True for an address that is known to receive what is sent to it. */
  readonly isProven: (source: Address) => boolean
}

interface Piece {
  readonly id: bigint
  readonly index: number
  readonly count: number
  readonly chunk: Uint8Array
}

/** A message of which not all pieces have arrived. */
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
 * Puts messages together from pieces of any order, repeated or missing. Whoever sends pieces is not known, so the memory
 * is bounded, for a source, for all that may be false, and for all: the message that waits longest gives way.
 */
export class PieceStore {
  readonly #limits: PieceLimits
  readonly #sources = new Map<Address, Source>()
  /** Of sources that echoed their cookie, and of others. Invariant: in order of `sinceMs`, as they were begun. */
  readonly #proven = new Set<Pending>()
  readonly #unproven = new Set<Pending>()
  #charge = 0
  #unprovenCharge = 0

  constructor(limits: PieceLimits) {
    this.#limits = limits
  }

  /** What is held, in bytes, with the charge for each piece. Invariant: at most `maxPendingBytes`. */
  get pendingBytes(): number {
    return this.#charge
  }

  /** Takes a datagram that begins with the mark. */
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

  /** A message whose pieces contradict each other is given up: nobody can tell which of them are its own. */
  #add(pending: Pending, { index, count, chunk }: Piece): PieceTaken | null {
    if (count !== pending.count) return dropped(`a message of ${pending.count} pieces, and of ${count}`)
    const known = pending.chunks.get(index)
    if (known !== undefined) {
      return Buffer.compare(known, chunk) === 0 ? null : dropped(`two different pieces ${index}`)
    }
    if (pending.bytes + chunk.length > this.#limits.maxMessageBytes) {
      return dropped(`a message above ${this.#limits.maxMessageBytes} bytes in pieces`, 'oversized')
    }
    // A copy: what is held must not keep the whole buffer that the datagram was received in.
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
    // No datagram causes it: there are as many pieces as their count, each below it and none twice.
    if (chunk === undefined) throw new Error(`piece ${index} of ${count} is missing from a whole message`)
    payload.set(chunk, offset)
    offset += chunk.length
  }
  return payload
}
