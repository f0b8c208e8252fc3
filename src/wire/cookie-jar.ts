import type { Challenge, Message } from '../../machines/messages.ts'
import { maxCookiesHeld } from './limits.ts'
import { forgetOldest } from './oldest.ts'

/**
 * The cookies that this process received, by their giver, to be echoed. For a giver whose cookie is unknown, it keeps the last
 * messages, to send them again with the cookie.
 */
export class CookieJar<K, M = Message> {
  readonly #cookies = new Map<K, string>()
  readonly #sent = new Map<K, readonly M[]>()

  /** The cookie to echo to `giver`; '' while there is none, which asks for one. */
  cookieOf(giver: K): string {
    return this.#cookies.get(giver) ?? ''
  }

  /** True when messages to `giver`, or its cookie, are remembered. */
  knows(giver: K): boolean {
    return this.#sent.has(giver) || this.#cookies.has(giver)
  }

  /** Records that `messages` are sent to `giver`. */
  record(giver: K, messages: readonly M[]): void {
    this.#sent.delete(giver)
    if (this.#cookies.has(giver)) return
    this.#sent.set(giver, messages)
    if (this.#sent.size > maxCookiesHeld) forgetOldest(this.#sent)
  }

  /**
   * Stores the cookie. Returns the messages to send again: those that were sent without a cookie, if answers to them were
   * withheld. Each message is sent again at most once, so a forged challenge cannot cause a loop.
   */
  take(giver: K, { cookie, withheld }: Challenge): readonly M[] {
    const sent = this.#sent.get(giver) ?? []
    this.#sent.delete(giver)
    this.#cookies.delete(giver)
    this.#cookies.set(giver, cookie)
    if (this.#cookies.size > maxCookiesHeld) forgetOldest(this.#cookies)
    return withheld > 0 ? sent : []
  }
}
