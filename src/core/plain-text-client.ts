/**
 * Clients that use the seed's plain text protocol, as the replicated state identifies them. The address is their only identity,
 * and a request has only a number, an action and a lock. So the state cannot distinguish a repetition from the same request of
 * another client that later got that address. For this reason their sessions are short, and a server checks a result again before
 * it sends it.
 */
import type { Address } from '../../machines/batch.ts'
import { utf8 } from './bytes.ts'
import { sha256Hex } from './digest.ts'

/** Precedes the address of a plain text client in the field where a server stores how to answer a client. */
export const plainTextMark = 'seed '

const prefix = 'udp:'

/** The digits that identify a lock among those of one client. */
const lockDigits = 16

/**
 * A plain text session without a new request expires after this many milliseconds of the replicated clock. Before that, an equal
 * request counts as a repetition; after that, as a new request.
 */
export const plainTextIdleMs = 10_000

/** True for the uid of a plain text client. No other client may use such a uid. */
export function isPlainText(uid: string): boolean {
  return uid.startsWith(prefix)
}

/**
 * The uid of a request for the lock `name` by the client at `address`. `mark` is unique: the same text, received by another
 * server or at another time, gets another uid, so the results of the two cannot be mixed up.
 */
export function plainTextUid(address: Address, name: string, mark: string): string {
  return `${prefix}${address}/${sha256Hex(utf8(name)).slice(0, lockDigits)}/${mark}`
}

/** The session of `uid`: for plain text, the address and the lock; otherwise the uid itself. */
export function sessionOf(uid: string): string {
  const end = isPlainText(uid) ? uid.lastIndexOf('/') : -1
  return end === -1 ? uid : uid.slice(0, end)
}
