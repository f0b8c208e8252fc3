/**
 * Limits the incomplete messages that connections may hold. A WebSocket keeps the bytes of a message until the message is
 * complete, for any length of time, so bytes are counted where they arrive: on the raw socket.
 */
import type { Duplex } from 'node:stream'

export interface IntakeLimits {
  /** Bytes that may arrive before the first message, the hello, is complete. */
  readonly helloBytes: number
  /** Bytes of incomplete messages of all connections together. */
  readonly unfinishedBytes: number
}

export class Intake {
  readonly #limits: IntakeLimits
  readonly #flows = new Set<Flow>()

  constructor(limits: IntakeLimits) {
    this.#limits = limits
  }

  /** Bytes of incomplete messages. */
  get unfinished(): number {
    return [...this.#flows].reduce((sum, flow) => sum + flow.unfinished, 0)
  }

  /** Watches a connection. `offends` is called once, when the connection holds too much. */
  watch(raw: Duplex, offends: () => void): Flow {
    const flow = new Flow(offends)
    this.#flows.add(flow)
    // Before the WebSocket reads the chunk: a message that ends with these bytes is complete after them.
    raw.prependListener('data', (chunk: Buffer) => {
      flow.unfinished += chunk.length
      if (!flow.isGreeted && flow.unfinished > this.#limits.helloBytes) this.#end(flow)
      else if (this.unfinished > this.#limits.unfinishedBytes) this.#end(this.#largest(flow))
    })
    raw.once('close', () => this.#flows.delete(flow))
    return flow
  }

  #largest(flow: Flow): Flow {
    return [...this.#flows].reduce((most, other) => (other.unfinished > most.unfinished ? other : most), flow)
  }

  #end(flow: Flow): void {
    this.#flows.delete(flow)
    flow.offends()
  }
}

/** The bytes that arrive on one connection. */
export class Flow {
  readonly offends: () => void
  isGreeted = false
  unfinished = 0

  constructor(offends: () => void) {
    this.offends = offends
  }

  /** A message is complete. */
  finished(): void {
    this.unfinished = 0
  }
}
