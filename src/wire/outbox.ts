import type { Address } from '../../machines/batch.ts'
import type { Names } from '../../machines/inbox.ts'
import type { Message } from '../../machines/messages.ts'
import { messageBytes } from './codec.ts'

/** The messages that wait for one address, in the order in which they were sent. */
export interface Parcel {
  readonly to: Address
  /** Used for a server; otherwise `null`. */
  readonly names: Names | null
  readonly messages: readonly Message[]
}

/**
 * The messages that wait for the end of a turn of the event loop, grouped by address and by the incarnation that they name. Their
 * total size is bounded.
 */
export class Outbox {
  readonly #maxBytes: number
  readonly #waiting = new Map<string, Parcel & { readonly messages: Message[] }>()
  #bytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Adds a message. Returns `false` and drops the message when there is no room. */
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

  /** Removes and returns all messages. */
  empty(): Parcel[] {
    const all = [...this.#waiting.values()]
    this.#waiting.clear()
    this.#bytes = 0
    return all
  }
}
