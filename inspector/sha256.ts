/** What the store uses of `node:crypto`, for browsers. */
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'

interface Hash {
  update(bytes: Uint8Array): Hash
  copy(): Hash
  digest(encoding: 'hex'): string
}

/** A hash of bytes that come in parts. Throws an error for another algorithm than SHA-256. */
export function createHash(algorithm: string): Hash {
  if (algorithm !== 'sha256') throw new Error(`the page has no ${algorithm}, only sha256`)
  return hashOf(sha256.create())
}

function hashOf(state: ReturnType<typeof sha256.create>): Hash {
  const hash: Hash = {
    update: (bytes) => {
      state.update(bytes)
      return hash
    },
    copy: () => hashOf(state.clone()),
    digest: () => bytesToHex(state.digest()),
  }
  return hash
}
