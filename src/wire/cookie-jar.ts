import type { Challenge, Message } from '../../machines/messages.ts'
import { maxCookiesHeld } from './limits.ts'
import { forgetOldest } from './oldest.ts'

/**
 * The cookies that others gave, by who gave them, to be echoed to them. What was said to somebody whose cookie is not known
 * yet is kept, the last of it, to be said again with the cookie.
 */
export class CookieJar<K, M = Message> {
  readonly #cookies = new Map<K, string>()
  readonly #said = new Map<K, readonly M[]>()

  /** What to echo to `giver`: '' while it has given none, which asks for one. */
  cookieOf(giver: K): string {
    return this.#cookies.get(giver) ?? ''
  }

  /** True when something was said to `giver`, as far as that is remembered. */
  knows(giver: K): boolean {
    return this.#said.has(giver) || this.#cookies.has(giver)
  }

  /** `messages` leave for `giver`. */
  record(giver: K, messages: readonly M[]): void {
    this.#said.delete(giver)
    if (this.#cookies.has(giver)) return
    this.#said.set(giver, messages)
    if (this.#said.size > maxCookiesHeld) forgetOldest(this.#said)
  }

  /**
   * Takes the cookie. Returns what to say again: what was said without a cookie, if answers to it were withheld. Each is said
   * again once at most, so a false challenge cannot make anybody repeat itself.
   */
  take(giver: K, { cookie, withheld }: Challenge): readonly M[] {
    const said = this.#said.get(giver) ?? []
    this.#said.delete(giver)
    this.#cookies.delete(giver)
    this.#cookies.set(giver, cookie)
    if (this.#cookies.size > maxCookiesHeld) forgetOldest(this.#cookies)
    return withheld > 0 ? said : []
  }
}
