import type { Timeline } from './timeline.ts'

/** What a simulated network does to datagrams. Probabilities are from 0 to 1. */
export interface NetworkFaults {
  readonly loss: number
  readonly duplication: number
  /** A datagram takes from `minDelayMs` to `maxDelayMs`, each its own time, so that they overtake each other. */
  readonly minDelayMs: number
  readonly maxDelayMs: number
}

export const calm: NetworkFaults = { loss: 0, duplication: 0, minDelayMs: 0.1, maxDelayMs: 0.5 }

/** Carries datagrams between addresses in virtual time, with faults drawn from a seed. */
export class SimulatedNetwork {
  faults: NetworkFaults
  /** How many datagrams were sent, lost ones included. */
  sent = 0
  readonly #timeline: Timeline
  readonly #random: () => number
  readonly #receivers = new Map<string, (datagram: unknown, from: string) => void>()
  readonly #cuts = new Set<string>()

  constructor(timeline: Timeline, random: () => number, faults: NetworkFaults) {
    this.#timeline = timeline
    this.#random = random
    this.faults = faults
  }

  /** From now on `receive` is given what is sent to `address`. */
  listen(address: string, receive: (datagram: unknown, from: string) => void): void {
    this.#receivers.set(address, receive)
  }

  /** From now on nobody is at `address`. */
  leave(address: string): void {
    this.#receivers.delete(address)
  }

  /** From now on nothing that `from` sends reaches `to`. */
  cut(from: string, to: string): void {
    this.#cuts.add(`${from}>${to}`)
  }

  /** Ends every cut. */
  heal(): void {
    this.#cuts.clear()
  }

  send(from: string, to: string, datagram: unknown): void {
    this.sent += 1
    if (this.#cuts.has(`${from}>${to}`)) return
    const copies = this.#random() < this.faults.duplication ? 2 : 1
    for (let copy = 0; copy < copies; copy += 1) {
      if (this.#random() < this.faults.loss) continue
      const { minDelayMs, maxDelayMs } = this.faults
      const delayMs = minDelayMs + this.#random() * (maxDelayMs - minDelayMs)
      this.#timeline.schedule(delayMs, () => this.#receivers.get(to)?.(structuredClone(datagram), from))
    }
  }
}
