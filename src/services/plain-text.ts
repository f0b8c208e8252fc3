/** Clients that speak the seed's plain text, as the replicated state knows them: by their address, and by nothing else. */
import type { Address } from '../../machines/batch.ts'
import { utf8 } from './bytes.ts'
import { sha256Hex } from './digest.ts'

const prefix = 'udp:'

/** Digits that tell the locks of one client apart. */
const lockDigits = 16

/** True for the session of a client that speaks plain text. No other client may use such a uid. */
export function isPlainText(uid: string): boolean {
  return uid.startsWith(prefix)
}

/** The session in which the client at `address` locks and unlocks the lock `name`. */
export function plainTextUid(address: Address, name: string): string {
  return `${prefix}${address}/${sha256Hex(utf8(name)).slice(0, lockDigits)}`
}
