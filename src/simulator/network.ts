import { Random, seedFor } from './random.ts'
import type { Timeline } from './timeline.ts'

/** The faults and delays of a simulated network. */
export interface NetworkFaults {
  readonly lossPercent: number
  readonly duplicationPercent: number
  /** The delay of each datagram is drawn between `minDelayMs` and `maxDelayMs`, so datagrams can overtake each other. */
  readonly minDelayMs: number
  readonly maxDelayMs: number
  /** The percentage of datagrams that are delayed by another `lateMs`. */
  readonly latePercent: number
  readonly lateMs: number
}

export const noFaults: NetworkFaults = {
  lossPercent: 0,
  duplicationPercent: 0,
  minDelayMs: 0.1,
  maxDelayMs: 0.5,
  latePercent: 0,
  lateMs: 0,
}

/** Receives the fate of each datagram that is dropped or duplicated. */
export type Fated = (
  fate: 'dropped' | 'duplicated',
  reason: string,
  from: string,
  to: string,
  datagram: unknown,
) => void

/** A link that is cut in one direction. `from` and `to` are addresses. */
export interface CutLink {
  readonly from: string
  readonly to: string
}

type Receive = (datagram: unknown, from: string) => void

/** Carries datagrams as bytes. Without a wire, datagrams are passed as values. */
export interface Wire {
  /** The encoded datagram; several when it is cut into pieces. */
  pack(datagram: unknown): readonly Uint8Array[]
  /** A reader for one run of a process. It takes each datagram that arrives and returns the messages that are complete. */
  open(): (bytes: Uint8Array, from: string) => readonly unknown[]
}

/** The reason why a datagram is lost deliberately; `null` for a datagram that is not. */
export type LostOnPurpose = (from: string, to: string, datagram: unknown) => string | null

interface Receiver {
  readonly receive: Receive
  readonly read: ReturnType<Wire['open']> | null
}

/** Delays are whole multiples of this, because random numbers are whole. */
const gridMs = 1 / 1_024

/** Carries datagrams between addresses in virtual time, with faults drawn from a seed. */
export class SimulatedNetwork {
  faults: NetworkFaults
  losesOnPurpose: LostOnPurpose | null = null
  /** The number of datagrams that were sent, including lost ones. */
  sent = 0
  /** The number of datagrams in flight, including copies. */
  onTheWay = 0
  readonly #timeline: Timeline
  readonly #seed: number
  readonly #fated: Fated
  readonly #wire: Wire | null
  readonly #receivers = new Map<string, Receiver>()
  readonly #links = new Map<string, Random>()
  readonly #linked: (cut: readonly CutLink[]) => void
  /** By link, the number of cuts in force: they may overlap. */
  readonly #cuts = new Map<string, { readonly link: CutLink; readonly count: number }>()

  /** `linked` receives all links that are cut, on each change. */
  constructor(
    timeline: Timeline,
    seed: number,
    faults: NetworkFaults,
    fated: Fated = () => undefined,
    linked: (cut: readonly CutLink[]) => void = () => undefined,
    wire: Wire | null = null,
  ) {
    this.#timeline = timeline
    this.#seed = seed
    this.faults = faults
    this.#fated = fated
    this.#linked = linked
    this.#wire = wire
  }

  /** From now on `receive` takes the datagrams to `address`. */
  listen(address: string, receive: Receive): void {
    this.#receivers.set(address, { receive, read: this.#wire?.open() ?? null })
  }

  /** From now on no process receives at `address`. */
  leave(address: string): void {
    this.#receivers.delete(address)
  }

  /** From now on the network drops all datagrams on `links`. The returned function ends this cut. */
  cut(links: readonly CutLink[]): () => void {
    this.#count(links, 1)
    return () => this.#count(links, -1)
  }

  #count(links: readonly CutLink[], change: 1 | -1): void {
    for (const link of links) {
      const name = linkOf(link.from, link.to)
      const count = (this.#cuts.get(name)?.count ?? 0) + change
      if (count > 0) this.#cuts.set(name, { link, count })
      else this.#cuts.delete(name)
    }
    this.#linked([...this.#cuts.values()].map(({ link }) => link))
  }

  /** The datagram must not change: without a wire it is passed without a copy. */
  send(from: string, to: string, datagram: unknown): void {
    for (const bytes of this.#wire?.pack(datagram) ?? [null]) this.#sendOne(from, to, datagram, bytes)
  }

  /** `bytes` is the encoded `datagram`, or a piece of it; `null` without a wire. */
  #sendOne(from: string, to: string, datagram: unknown, bytes: Uint8Array | null): void {
    this.sent += 1
    const link = linkOf(from, to)
    const lost = this.#cuts.has(link) ? 'the link is cut' : this.losesOnPurpose?.(from, to, datagram)
    if (lost) {
      this.#fated('dropped', lost, from, to, datagram)
      return
    }
    const random = this.#randomOf(link)
    const { lossPercent, duplicationPercent, minDelayMs, maxDelayMs, latePercent, lateMs } = this.faults
    const copies = random.chance(duplicationPercent) ? 2 : 1
    if (copies === 2) this.#fated('duplicated', 'the network duplicates it', from, to, datagram)
    const steps = Math.floor((maxDelayMs - minDelayMs) / gridMs)
    for (let copy = 0; copy < copies; copy += 1) {
      if (random.chance(lossPercent)) {
        this.#fated('dropped', 'the network loses it', from, to, datagram)
        continue
      }
      const onTheWayMs = minDelayMs + random.below(steps + 1) * gridMs
      const delayMs = random.chance(latePercent) ? onTheWayMs + lateMs : onTheWayMs
      this.onTheWay += 1
      this.#timeline.schedule(delayMs, () => {
        this.onTheWay -= 1
        const receiver = this.#receivers.get(to)
        if (receiver === undefined)
          this.#fated('dropped', 'no process receives at this address', from, to, datagram)
        else this.#arrive(receiver, from, datagram, bytes)
      })
    }
  }

  #arrive({ receive, read }: Receiver, from: string, datagram: unknown, bytes: Uint8Array | null): void {
    const arrived = read === null || bytes === null ? [datagram] : read(bytes, from)
    for (const whole of arrived) receive(whole, from)
  }

  #randomOf(link: string): Random {
    const known = this.#links.get(link)
    if (known !== undefined) return known
    const random = new Random(seedFor(this.#seed, link))
    this.#links.set(link, random)
    return random
  }
}

function linkOf(from: string, to: string): string {
  return `${from}>${to}`
}
