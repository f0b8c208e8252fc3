/**
 * What connections may hold of messages that are not there in full. A WebSocket keeps what came of a message until its end comes,
 * however long that takes, so bytes are counted where they arrive, on the raw socket.
 */
import type { Duplex } from 'node:stream'

export interface IntakeLimits {
  /** Bytes before the first message, the hello, was taken. */
  readonly helloBytes: number
  /** Bytes of messages without their end, of all connections together. */
  readonly unfinishedBytes: number
}

export class Intake {
  readonly #limits: IntakeLimits
  readonly #flows = new Set<Flow>()

  constructor(limits: IntakeLimits) {
    this.#limits = limits
  }

  /** Bytes of messages without their end. */
  get unfinished(): number {
    return [...this.#flows].reduce((sum, flow) => sum + flow.unfinished, 0)
  }

  /** Watches a connection. `offends` is called, once, when it holds too much. */
  watch(raw: Duplex, offends: () => void): Flow {
    const flow = new Flow(offends)
    this.#flows.add(flow)
    // Before the WebSocket reads it: a message that ends with these bytes is finished after them.
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

/** What comes in on one connection. */
export class Flow {
  readonly offends: () => void
  isGreeted = false
  unfinished = 0

  constructor(offends: () => void) {
    this.offends = offends
  }

  /** A message is there in full. */
  finished(): void {
    this.unfinished = 0
  }
}
