import type { Address } from '../../machines/batch.ts'
import { Cookies, isSame } from './cookies.ts'
import { answersPerByte, maxProvenAddresses, maxSavedAnswerBytes, maxStrangers } from './limits.ts'
import { forgetOldest } from './oldest.ts'

/** An address that echoed its cookie. */
interface Proven {
  readonly cookie: string
  readonly epoch: number
}

/** An address that has not echoed its cookie. */
interface Stranger {
  /** The bytes of answers that this server may still send to it. */
  readonly leftBytes: number
  /** True when it announced that it echoes cookies. */
  readonly takesCookies: boolean
}

/**
 * Limits the answers to an address. A sender can forge its address, so an address that has not echoed its cookie receives at most
 * `answersPerByte` times the bytes that came from it. Memory is bounded: strangers, whose addresses may be forged, never evict
 * addresses that echoed.
 */
export class AnswerAllowance {
  readonly #cookies: Cookies
  /** In the order of their last echo. */
  readonly #proven = new Map<Address, Proven>()
  /** In the order of their last datagram. */
  readonly #strangers = new Map<Address, Stranger>()

  /** `nowMs` is a monotonic clock, in milliseconds. */
  constructor(nowMs: () => number, cookies: Cookies = new Cookies(nowMs)) {
    this.#cookies = cookies
  }

  /** The number of remembered addresses: those that echoed their cookie, and the others. */
  get sizes(): { readonly proven: number; readonly strangers: number } {
    return { proven: this.#proven.size, strangers: this.#strangers.size }
  }

  /**
   * Records a received datagram of `bytes`, whose answers go to `address`. `cookie` is the echoed cookie: `undefined` from a
   * sender that does not echo cookies, '' from a sender that has none yet. Returns true when it is the cookie of that address.
   */
  receive(address: Address, bytes: number, cookie: string | undefined): boolean {
    if (cookie !== undefined && cookie !== '' && this.#proves(address, cookie)) {
      this.#strangers.delete(address)
      return true
    }
    if (this.isProven(address)) return false
    const before = this.#strangers.get(address)
    const leftBytes = Math.min((before?.leftBytes ?? 0) + answersPerByte * bytes, maxSavedAnswerBytes)
    this.#rememberStranger(address, {
      leftBytes,
      takesCookies: cookie !== undefined || before?.takesCookies === true,
    })
    return false
  }

  /** True when `address` echoed a cookie that is still valid. */
  isProven(address: Address): boolean {
    const proven = this.#proven.get(address)
    if (proven === undefined) return false
    if (proven.epoch >= this.#cookies.epoch - 1) return true
    this.#proven.delete(address)
    return false
  }

  /** The bytes of answers that may be sent to `address` now. */
  leftBytes(address: Address): number {
    return this.isProven(address) ? Number.POSITIVE_INFINITY : (this.#strangers.get(address)?.leftBytes ?? 0)
  }

  /** Records that answers of `bytes` are sent to `address`. */
  spend(address: Address, bytes: number): void {
    const stranger = this.#strangers.get(address)
    if (stranger === undefined) return
    this.#strangers.set(address, { ...stranger, leftBytes: Math.max(0, stranger.leftBytes - bytes) })
  }

  /** True when `address` announced that it echoes cookies, and has not echoed the cookie of this epoch. */
  needsCookie(address: Address): boolean {
    const proven = this.#proven.get(address)
    if (proven !== undefined && this.isProven(address)) return proven.epoch < this.#cookies.epoch
    return this.#strangers.get(address)?.takesCookies === true
  }

  cookieOf(address: Address): string {
    return this.#cookies.cookieOf(address)
  }

  #proves(address: Address, cookie: string): boolean {
    const proven = this.#proven.get(address)
    const isKnown = proven !== undefined && this.isProven(address) && isSame(proven.cookie, cookie)
    const epoch = isKnown ? proven.epoch : this.#cookies.epochOf(address, cookie)
    if (epoch === null || (proven !== undefined && epoch < proven.epoch)) return false
    this.#proven.delete(address)
    this.#proven.set(address, { cookie, epoch })
    if (this.#proven.size > maxProvenAddresses) forgetOldest(this.#proven)
    return true
  }

  #rememberStranger(address: Address, stranger: Stranger): void {
    this.#strangers.delete(address)
    this.#strangers.set(address, stranger)
    if (this.#strangers.size > maxStrangers) forgetOldest(this.#strangers)
  }
}
