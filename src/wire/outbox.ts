import type { Address } from '../../machines/batch.ts'
import type { Names } from '../../machines/inbox.ts'
import type { Message } from '../../machines/messages.ts'
import { messageBytes } from './codec.ts'

/** What waits for one address, in the order in which it was said. */
export interface Outbound {
  readonly to: Address
  /** For a server. */
  readonly names: Names | null
  readonly messages: readonly Message[]
}

/**
 * What waits to be sent at the end of a turn of the event loop, by address and by the incarnation that is named. The bytes of all of
 * it are bounded.
 */
export class Outbox {
  readonly #maxBytes: number
  readonly #waiting = new Map<string, Outbound & { readonly messages: Message[] }>()
  #bytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** `false`, and the message is lost, when there is no more room. */
  put(to: Address, message: Message, names: Names | null = null): boolean {
    const bytes = messageBytes(message)
    if (this.#bytes + bytes > this.#maxBytes) return false
    this.#bytes += bytes
    const key = names === null ? to : `${to} ${names.addressee ?? ''}`
    const waiting = this.#waiting.get(key)
    if (waiting === undefined) this.#waiting.set(key, { to, names, messages: [message] })
    else waiting.messages.push(message)
    return true
  }

  /** All that waits, which waits no more. */
  empty(): Outbound[] {
    const all = [...this.#waiting.values()]
    this.#waiting.clear()
    this.#bytes = 0
    return all
  }
}
