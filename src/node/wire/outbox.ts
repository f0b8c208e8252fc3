import type { Address } from '../../../machines/batch.ts'
import type { Message } from '../../../machines/messages.ts'
import { messageBytes } from './codec.ts'

/** What waits to be sent at the end of a turn of the event loop, by address. The bytes of all of it are bounded. */
export class Outbox {
  readonly #maxBytes: number
  readonly #waiting = new Map<Address, Message[]>()
  #bytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** `false`, and the message is lost, when there is no more room. */
  put(to: Address, message: Message): boolean {
    const bytes = messageBytes(message)
    if (this.#bytes + bytes > this.#maxBytes) return false
    this.#bytes += bytes
    const waiting = this.#waiting.get(to)
    if (waiting === undefined) this.#waiting.set(to, [message])
    else waiting.push(message)
    return true
  }

  /** All that waits, which waits no more. */
  empty(): (readonly [Address, readonly Message[]])[] {
    const all = [...this.#waiting]
    this.#waiting.clear()
    this.#bytes = 0
    return all
  }
}
