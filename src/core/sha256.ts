import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'

/** The SHA-256 of bytes that come in parts. It runs in browsers too, as the store of a simulated server does. */
export class Sha256 {
  readonly #hash = sha256.create()

  update(bytes: Uint8Array): this {
    this.#hash.update(bytes)
    return this
  }

  /** The digest in hexadecimal of the parts so far. */
  soFar(): string {
    return bytesToHex(this.#hash.clone().digest())
  }

  /** The digest in hexadecimal. To be called once, after the last part. */
  hex(): string {
    return bytesToHex(this.#hash.digest())
  }
}
