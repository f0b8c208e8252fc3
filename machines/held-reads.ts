/** The reads that a reader holds, and pure functions that return changed copies. */
import type { Address, Json } from './batch.ts'
import type { ReadArrived } from './inbox.ts'
import type { Limits } from './limits.ts'
import { emptyTable, firstValues, get, put, type Table } from './table.ts'

export interface HeldRead {
  readonly seq: number
  readonly body: Json
  readonly bodyBytes: number
}

/** The reads of one client. Invariant: distinct seqs, at least one. */
export interface ReadsOfClient {
  readonly uid: string
  /** The address from which the client asked last. */
  readonly replyTo: Address
  readonly reads: readonly HeldRead[]
}

export interface HeldReads {
  /** By uid. */
  readonly clients: Table<ReadsOfClient>
  readonly count: number
  readonly bytes: number
}

export const noReads: HeldReads = { clients: emptyTable, count: 0, bytes: 0 }

/** All of them, by client. */
export function readsByClient({ clients }: HeldReads): readonly ReadsOfClient[] {
  return firstValues(clients, Number.POSITIVE_INFINITY)
}

/** The reads that arrive and are not in one of `held`. */
export function newReads(
  { uid, reads, bodyBytes }: ReadArrived,
  ...held: readonly HeldReads[]
): readonly HeldRead[] {
  const known = new Set(held.flatMap(({ clients }) => get(clients, uid)?.reads ?? []).map(({ seq }) => seq))
  return reads.flatMap(({ seq, body }, place) => {
    if (known.has(seq)) return []
    known.add(seq)
    return { seq, body, bodyBytes: bodyBytes[place] ?? 0 }
  })
}

/** The first of the reads `fresh` for which there is room beside all `held` ones, and the others. */
export function roomFor(
  fresh: readonly HeldRead[],
  held: readonly HeldReads[],
  { queueRequests, queueBytes }: Pick<Limits, 'queueRequests' | 'queueBytes'>,
): { readonly taken: readonly HeldRead[]; readonly refused: readonly HeldRead[] } {
  let count = held.reduce((sum, one) => sum + one.count, 0)
  let bytes = held.reduce((sum, one) => sum + one.bytes, 0)
  let room = 0
  for (const { bodyBytes } of fresh) {
    if (count >= queueRequests || bytes >= queueBytes) break
    room += 1
    count += 1
    bytes += bodyBytes
  }
  return { taken: fresh.slice(0, room), refused: fresh.slice(room) }
}

/** Adds reads of a client, which are not held. */
export function withReads(
  held: HeldReads,
  { uid, replyTo }: Pick<ReadsOfClient, 'uid' | 'replyTo'>,
  reads: readonly HeldRead[],
): HeldReads {
  if (reads.length === 0) return held
  const known = get(held.clients, uid)?.reads ?? []
  return {
    clients: put(held.clients, uid, { uid, replyTo, reads: [...known, ...reads] }),
    count: held.count + reads.length,
    bytes: held.bytes + reads.reduce((sum, { bodyBytes }) => sum + bodyBytes, 0),
  }
}

/** The reads of both. None is in both. */
export function together(some: HeldReads, others: HeldReads): HeldReads {
  return readsByClient(others).reduce((all, client) => withReads(all, client, client.reads), some)
}

/** The answers to the client go to the address from which it asked last. */
export function withReadAddress(held: HeldReads, uid: string, replyTo: Address): HeldReads {
  const client = get(held.clients, uid)
  if (client === undefined || client.replyTo === replyTo) return held
  return { ...held, clients: put(held.clients, uid, { ...client, replyTo }) }
}
