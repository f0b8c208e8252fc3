/**
 * Clients that speak the seed's plain text, as the replicated state knows them. They are known by their address alone, and the
 * number, action and lock of a request are all that tells it from another: a repetition looks like the same request of another
 * client, which came to that address later. So their sessions are short, and what they are told is looked at again.
 */
import type { Address } from '../../machines/batch.ts'
import { utf8 } from './bytes.ts'
import { sha256Hex } from './digest.ts'

/** RoleStates before the address of a client that speaks plain text, where a server keeps how a client is answered. */
export const plainTextMark = 'seed '

const prefix = 'udp:'

/** Digits that tell the locks of one client apart. */
const lockDigits = 16

/**
 * Milliseconds of the replicated clock after which a session of plain text in which nothing new was asked is forgotten. Until then
 * a request that was asked before is taken for its repetition; after that it is a new one.
 */
export const plainTextIdleMs = 10_000

/** True for the uid of a client that speaks plain text. No other client may use such a uid. */
export function isPlainText(uid: string): boolean {
  return uid.startsWith(prefix)
}

/**
 * The uid under which a server brings in a request for the lock `name` by the client at `address`. `mark` is used once: what
 * another server or another time made of the same text has another uid, so that its answer is not taken for that of this one.
 */
export function plainTextUid(address: Address, name: string, mark: string): string {
  return `${prefix}${address}/${sha256Hex(utf8(name)).slice(0, lockDigits)}/${mark}`
}

/** The session that `uid` belongs to: of plain text, that of the address and the lock; otherwise its own. */
export function sessionOf(uid: string): string {
  const end = isPlainText(uid) ? uid.lastIndexOf('/') : -1
  return end === -1 ? uid : uid.slice(0, end)
}
