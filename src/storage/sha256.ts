import { createHash } from 'node:crypto'

/** The SHA-256 of bytes that come in parts. */
export class Sha256 {
  readonly #hash = createHash('sha256')

  update(bytes: Uint8Array): this {
    this.#hash.update(bytes)
    return this
  }

  /** The digest in hexadecimal of the parts so far. */
  soFar(): string {
    return this.#hash.copy().digest('hex')
  }

  /** The digest in hexadecimal. To be called once, after the last part. */
  hex(): string {
    return this.#hash.digest('hex')
  }
}
