/**
 * Address cookies. A host that echoes its cookie receives the datagrams to its address, so answers cannot be redirected to a
 * victim. A cookie is a keyed hash of the address and the time, so the server stores nothing for an address that asks.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Address } from '../../machines/batch.ts'
import { cookieLength } from '../messages/limits.ts'
import { cookieEpochMs } from './limits.ts'

/** The key exists only in this process: after a restart every address gets a new cookie. */
const keyBytes = 32

export class Cookies {
  readonly #nowMs: () => number
  readonly #key: Uint8Array

  /** `nowMs` is a monotonic clock, in milliseconds; `key` is random by default. */
  constructor(nowMs: () => number, key: Uint8Array = randomBytes(keyBytes)) {
    this.#nowMs = nowMs
    this.#key = key
  }

  /** The number of the current epoch. */
  get epoch(): number {
    return Math.floor(this.#nowMs() / cookieEpochMs)
  }

  /** The cookie of `address` in this epoch. */
  cookieOf(address: Address): string {
    return this.#cookieIn(this.epoch, address)
  }

  /** The epoch in which `address` got `cookie`: the current or the previous one; `null` for neither. */
  epochOf(address: Address, cookie: string): number | null {
    const { epoch } = this
    for (const given of [epoch, epoch - 1]) {
      if (isSame(cookie, this.#cookieIn(given, address))) return given
    }
    return null
  }

  #cookieIn(epoch: number, address: Address): string {
    return createHmac('sha256', this.#key)
      .update(`${epoch} ${address}`)
      .digest('base64url')
      .slice(0, cookieLength)
  }
}

/** Compares in constant time, so that the duration does not show how much of a guess is right. */
export function isSame(cookie: string, other: string): boolean {
  const bytes = Buffer.from(cookie)
  const otherBytes = Buffer.from(other)
  return bytes.length === otherBytes.length && timingSafeEqual(bytes, otherBytes)
}
