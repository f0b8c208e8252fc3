import type { Address } from '../../machines/batch.ts'
import { formatAddress, parseAddress } from './address.ts'
import { type Resolver, refreshAfterMs } from './resolver.ts'

/** Where a datagram goes: an IP address, with its zone if it has one, and a port. */
export interface Destination {
  readonly ip: string
  readonly port: number
}

/** Nobody is found at an address where so many datagrams in so many milliseconds had no answer. */
const silentAfterMs = 2_000
const silentAfterSends = 3

/**
 * The way to one server. Where its address is a name, the name is looked up in the background; and while the server is
 * silent it is looked up again, and each of its IP addresses is tried in turn.
 */
export class Route {
  readonly address: Address
  readonly #host: string
  readonly #port: number
  readonly #resolver: Resolver | null
  readonly #nowMs: () => number
  readonly #isUsable: (ip: string) => boolean
  /** Which of the name's addresses is in use, counted round and round. */
  #turn = 0
  /** What was sent since the server was last heard from, and when that began. */
  #unanswered = 0
  #unansweredSinceMs = 0

  /** `isUsable` says to which IP addresses the sender's socket can send. Throws a `RangeError` when `address` is none. */
  constructor(
    address: Address,
    resolver: Resolver,
    {
      isUsable = () => true,
      nowMs = () => performance.now(),
    }: { readonly isUsable?: (ip: string) => boolean; readonly nowMs?: () => number } = {},
  ) {
    const { kind, host, port } = parseAddress(address)
    this.address = address
    this.#host = host
    this.#port = port
    this.#resolver = kind === 'name' ? resolver : null
    this.#nowMs = nowMs
    this.#isUsable = isUsable
  }

  /** Where to send now; `null` while the name has no usable address. Never waits. */
  next(): Destination | null {
    const isSilent = this.#countUnanswered()
    const ips = this.#ips(isSilent ? 0 : refreshAfterMs)
    if (isSilent) this.#turn += 1
    const ip = ips[this.#turn % ips.length]
    return ip === undefined ? null : { ip, port: this.#port }
  }

  /** The server was heard from: it is there. */
  answered(): void {
    this.#unanswered = 0
  }

  /** True when a datagram from `source` may be the server's. */
  isAt(source: Address): boolean {
    return this.#ips(Number.POSITIVE_INFINITY).some(
      (ip) => formatAddress({ address: ip, port: this.#port }) === source,
    )
  }

  /** Resolves once the name has been looked up, whatever came of it; at once for an IP address. */
  async resolved(): Promise<void> {
    await this.#resolver?.resolve(this.#host)
  }

  #ips(maxAgeMs: number): readonly string[] {
    if (this.#resolver === null) return [this.#host]
    return this.#resolver.addressesOf(this.#host, maxAgeMs).filter((ip) => this.#isUsable(ip))
  }

  /** True each time that the server has been silent for too long. */
  #countUnanswered(): boolean {
    const nowMs = this.#nowMs()
    if (this.#unanswered === 0) this.#unansweredSinceMs = nowMs
    this.#unanswered += 1
    if (this.#unanswered <= silentAfterSends || nowMs - this.#unansweredSinceMs < silentAfterMs) return false
    this.#unanswered = 0
    return true
  }
}
