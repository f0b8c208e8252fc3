import type { Address } from '../../machines/batch.ts'
import { formatAddress, parseAddress } from './address.ts'
import { type Resolver, refreshAfterMs } from './resolver.ts'

/** The destination of a datagram: an IP address, with its zone if it has one, and a port. */
export interface Destination {
  readonly ip: string
  readonly port: number
}

/** A server is silent when it answered none of so many datagrams for so many milliseconds. */
const silentAfterMs = 2_000
const silentAfterSends = 3

/**
 * The route to one server. If its address is a name, the resolver looks the name up in the background. While the server is
 * silent, the resolver looks the name up again, and the route tries each of its IP addresses in turn.
 */
export class Route {
  readonly address: Address
  readonly #host: string
  readonly #port: number
  readonly #resolver: Resolver | null
  readonly #nowMs: () => number
  readonly #isUsable: (ip: string) => boolean
  /** Selects the address of the name that is in use: a count, modulo the number of addresses. */
  #turn = 0
  /** The number of datagrams since the last answer of the server, and the time of the first of them. */
  #unanswered = 0
  #unansweredSinceMs = 0

  /**
   * `isUsable` tests whether the sender's socket can send to an IP address. Throws a `RangeError` when `address` is not
   * valid.
   */
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

  /** Returns the destination for the next datagram; `null` while the name has no usable address. Never waits. */
  next(): Destination | null {
    const isSilent = this.#countUnanswered()
    const ips = this.#ips(isSilent ? 0 : refreshAfterMs)
    if (isSilent) this.#turn += 1
    const ip = ips[this.#turn % ips.length]
    return ip === undefined ? null : { ip, port: this.#port }
  }

  /** Records that the server answered. */
  answered(): void {
    this.#unanswered = 0
  }

  /** True when a datagram from `source` may come from the server. */
  isAt(source: Address): boolean {
    return this.#ips(Number.POSITIVE_INFINITY).some(
      (ip) => formatAddress({ address: ip, port: this.#port }) === source,
    )
  }

  /** Resolves when the look-up of the name has ended, with or without success; at once for an IP address. */
  async resolved(): Promise<void> {
    await this.#resolver?.resolve(this.#host)
  }

  #ips(maxAgeMs: number): readonly string[] {
    if (this.#resolver === null) return [this.#host]
    return this.#resolver.addressesOf(this.#host, maxAgeMs).filter((ip) => this.#isUsable(ip))
  }

  /** Counts a datagram. Returns true each time the server has been silent for too long. */
  #countUnanswered(): boolean {
    const nowMs = this.#nowMs()
    if (this.#unanswered === 0) this.#unansweredSinceMs = nowMs
    this.#unanswered += 1
    if (this.#unanswered <= silentAfterSends || nowMs - this.#unansweredSinceMs < silentAfterMs) return false
    this.#unanswered = 0
    return true
  }
}
