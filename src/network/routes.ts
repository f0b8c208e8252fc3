import type { Socket } from 'node:dgram'
import { isIPv4 } from 'node:net'
import type { Address } from '../../machines/batch.ts'
import { formatAddress, parseAddress } from './address.ts'
import type { Resolver } from './resolver.ts'
import { type Destination, Route } from './route.ts'

/** The most cached addresses: of servers, and of clients that were answered recently. */
const maxRemembered = 4_096

/**
 * Why no datagram can be sent to an address now: its name has no IP address yet, or the socket has the other address
 * family.
 */
export type NoWay = 'unresolved' | 'family'

/**
 * Translates between addresses and the IP addresses that a server's bound socket uses, in the spelling of the system. An
 * IPv6 socket that listens on all addresses reports and expects IPv4 addresses in IPv4-mapped form.
 */
export class Routes {
  readonly #resolver: Resolver
  readonly #isIpv4: boolean
  readonly #sendsIpv4: boolean
  readonly #destinations = new Map<Address, Destination | NoWay>()
  readonly #named = new Map<Address, Route>()
  readonly #sources = new Map<string, Address>()

  constructor(socket: Socket, resolver: Resolver) {
    const { address, family } = socket.address()
    this.#resolver = resolver
    this.#isIpv4 = family === 'IPv4'
    this.#sendsIpv4 = this.#isIpv4 || address === '::'
  }

  /** Returns the destination for `address` in the socket's form. Never waits, and never throws for a valid address. */
  to(address: Address): Destination | NoWay {
    const route = this.#named.get(address)
    if (route !== undefined) return this.#along(route)
    const known = this.#destinations.get(address)
    if (known !== undefined) return known
    const { kind, host: ip, port } = parseAddress(address)
    if (kind === 'name') return this.#along(this.#newRoute(address))
    const destination = this.#canSendTo(ip) ? { ip: this.#taken(ip), port } : 'family'
    remember(this.#destinations, address, destination)
    return destination
  }

  /** Records that a server at `address` answered. */
  answered(address: Address): void {
    this.#named.get(address)?.answered()
  }

  /**
   * Returns the address of the sender of a datagram. Throws a `RangeError` when it is not valid, or when no answer can be
   * sent to it.
   */
  from({ address, port }: { readonly address: string; readonly port: number }): Address {
    const host = this.#sources.get(address) ?? this.#readSource(address)
    if (port === 0) throw new RangeError(`a datagram came from port 0 of ${address}`)
    return `${host}:${port}`
  }

  #readSource(address: string): string {
    const host = formatAddress({ address, port: 1 }).slice(0, -':1'.length)
    remember(this.#sources, address, host)
    return host
  }

  #newRoute(address: Address): Route {
    const route = new Route(address, this.#resolver, { isUsable: (ip) => this.#canSendTo(ip) })
    remember(this.#named, address, route)
    return route
  }

  #along(route: Route): Destination | NoWay {
    const destination = route.next()
    return destination === null ? 'unresolved' : { ...destination, ip: this.#taken(destination.ip) }
  }

  #canSendTo(ip: string): boolean {
    return isIPv4(ip) ? this.#sendsIpv4 : !this.#isIpv4
  }

  #taken(ip: string): string {
    return isIPv4(ip) && !this.#isIpv4 ? `::ffff:${ip}` : ip
  }
}

function remember<V>(map: Map<string, V>, key: string, value: V): void {
  if (map.size >= maxRemembered) map.clear()
  map.set(key, value)
}
