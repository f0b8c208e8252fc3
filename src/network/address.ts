/**
 * Addresses as values. An `Address` is kept in one canonical form, so two that mean the same place are the same string:
 * everything that comes from outside passes `canonicalAddress` or `formatAddress` once.
 */
import ipaddr from 'ipaddr.js'
import type { Address } from '../../machines/batch.ts'

/** A host, in canonical form. */
export interface Host {
  readonly kind: 'ipv4' | 'ipv6' | 'name'
  /**
   * An IPv4 address in four numbers; an IPv6 address as RFC 5952 writes it, without brackets, with its zone if it has one;
   * or a name in small letters. An IPv4 address that is mapped into IPv6 is an IPv4 address.
   */
  readonly host: string
}

export interface Endpoint extends Host {
  readonly port: number
}

/** Longest host name, brackets or not, and a port. */
export const maxAddressLength = 253 + ':65535'.length

const fourNumbers = /^(0|[1-9]\d{0,2})(\.(0|[1-9]\d{0,2})){3}$/
const groupsOfHex = /^:{0,2}[\da-f]{0,4}(:{1,2}[\da-f]{1,4})*:{0,2}$/i
const zoneSyntax = /^[\w.~@:-]{1,32}$/
const nameSyntax = /^(?=.{1,253}$)[\w-]{1,63}(\.[\w-]{1,63})*\.?$/
/** What old resolvers take for an IPv4 address: `127.1`, `0x7f.1`, `2130706433`. */
const onlyNumbers = /^(\d+|0x[\da-f]*)(\.(\d+|0x[\da-f]*))*\.?$/i

/**
 * The host and port of `text`, which is `HOST:PORT`; an IPv6 host stands in brackets. Throws a `RangeError` that names the
 * value, and what is wrong with it, when it is no address.
 */
export function parseAddress(text: string): Endpoint {
  const match = /^(?:\[(?<six>[^\s[\]]+)\]|(?<other>[^\s:[\]]+)):(?<port>\d{1,5})$/.exec(text)
  const { six, other, port } = match?.groups ?? {}
  if (six === undefined && other === undefined) refuse(text, 'give HOST:PORT, such as 127.0.0.1:29367')
  if (Number(port) > 65_535) refuse(text, 'a port is a number from 0 to 65535')
  const host = other === undefined ? parseIpv6(six ?? '') : parseHost(other)
  if ('fault' in host) return refuse(text, host.fault)
  return { ...host, port: Number(port) }
}

/** `text` in canonical form. Throws a `RangeError` as `parseAddress` does. */
export function canonicalAddress(text: string): Address {
  return joined(parseAddress(text))
}

/**
 * The canonical form of a socket's end, or of a host and a port that stand apart; an IPv6 host has no brackets. Throws a
 * `RangeError` when the host is none.
 */
export function formatAddress({
  address,
  port,
}: {
  readonly address: string
  readonly port: number
}): Address {
  const host = address.includes(':') ? parseIpv6(address) : parseHost(address)
  if ('fault' in host) return refuse(`${address}:${port}`, host.fault)
  return joined({ ...host, port })
}

/** Why no datagram that is sent there reaches one server, and what to give instead; `null` when one may. */
export function whyUnreachable({ kind, host, port }: Endpoint): string | null {
  if (port === 0) return 'nothing can be sent to port 0: give a port from 1 to 65535'
  if (kind === 'name') return null
  const [ip = '', zone] = host.split('%')
  switch (ipaddr.parse(ip).range()) {
    case 'unspecified':
      return 'it leads others nowhere: give an address of one machine, such as 127.0.0.1:29367'
    case 'broadcast':
    case 'multicast':
      return 'it is an address of many machines: give one of a single machine'
    case 'linkLocal':
      return kind === 'ipv6' && zone === undefined
        ? `a link-local address needs its interface: give it as [${ip}%eth0]:${port}`
        : null
    default:
      return null
  }
}

/**
 * `text` in canonical form, when a datagram that is sent there can reach a server. Throws a `RangeError` that names the
 * value, and what is wrong with it, otherwise.
 */
export function reachableAddress(text: string): Address {
  const endpoint = parseAddress(text)
  const why = whyUnreachable(endpoint)
  if (why !== null) throw new RangeError(`'${text}' is no address to send to: ${why}`)
  return joined(endpoint)
}

/** True when a datagram that is sent to `text` can reach a server. */
export function isReachable(text: string): boolean {
  return whyNotReachable(text) === null
}

/** Why `text`, which may be anything, is no address that a datagram can be sent to; `null` when it is one. */
export function whyNotReachable(text: string): string | null {
  try {
    reachableAddress(text)
    return null
  } catch (error) {
    return (error as Error).message
  }
}

/** True when whoever listens there receives from everywhere, so that the address leads nobody to it. */
export function isWildcard(address: Address): boolean {
  const { kind, host } = parseAddress(address)
  return kind !== 'name' && ipaddr.parse(host.split('%')[0] ?? '').range() === 'unspecified'
}

/**
 * `text` in canonical form, when a server can listen there: at one address, or at all of its machine; port 0 draws one.
 * Throws a `RangeError` that names the value, and what is wrong with it, otherwise.
 */
export function listenAddress(text: string): Address {
  const endpoint = parseAddress(text)
  const address = joined(endpoint)
  const why = isWildcard(address) ? null : whyUnreachable({ ...endpoint, port: endpoint.port || 1 })
  if (why !== null) throw new RangeError(`'${text}' is no address to listen on: ${why}`)
  return address
}

function refuse(text: string, why: string): never {
  throw new RangeError(`'${text}' is no address: ${why}`)
}

function joined({ host, port }: Endpoint): Address {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

type Fault = { readonly fault: string }

/** A host that is no IPv6 address. */
function parseHost(text: string): Host | Fault {
  if (fourNumbers.test(text) && ipaddr.IPv4.isValid(text)) return { kind: 'ipv4', host: text }
  if (onlyNumbers.test(text))
    return { fault: 'an IPv4 address is four numbers from 0 to 255, such as 127.0.0.1' }
  if (nameSyntax.test(text)) return { kind: 'name', host: text.toLowerCase() }
  return {
    fault:
      'a name has letters, digits, - and _, and parts of at most 63 with dots between; give another in its ASCII form',
  }
}

function parseIpv6(text: string): Host | Fault {
  const [digits = '', zone, ...more] = text.split('%')
  const plain = withoutDots(digits)
  if (plain === null || !groupsOfHex.test(plain) || !ipaddr.IPv6.isValid(plain) || more.length > 0) {
    return { fault: 'within the brackets stands no IPv6 address; give one such as [::1]:29367' }
  }
  const ip = ipaddr.IPv6.parse(plain)
  if (zone === undefined) {
    return ip.isIPv4MappedAddress()
      ? { kind: 'ipv4', host: ip.toIPv4Address().toString() }
      : { kind: 'ipv6', host: shortened(ip.parts) }
  }
  if (!zoneSyntax.test(zone)) return { fault: 'the zone is no name of an interface; give one such as %eth0' }
  if (ip.range() !== 'linkLocal') return { fault: `only a link-local address has a zone; leave out %${zone}` }
  return { kind: 'ipv6', host: `${shortened(ip.parts)}%${zone}` }
}

/** As RFC 5952 writes it: the longest run of zeros, of several the first, is left out; one zero alone is not. */
function shortened(parts: readonly number[]): string {
  const runAt = (start: number) => {
    const end = parts.findIndex((part, place) => place >= start && part !== 0)
    return (end === -1 ? parts.length : end) - start
  }
  const runs = parts.map((_, start) => runAt(start))
  const longest = Math.max(...runs)
  const text = (some: readonly number[]) => some.map((part) => part.toString(16)).join(':')
  if (longest < 2) return text(parts)
  const start = runs.indexOf(longest)
  return `${text(parts.slice(0, start))}::${text(parts.slice(start + longest))}`
}

/** The address with an IPv4 tail, as in `::ffff:127.0.0.1`, in hexadecimal; `null` when the tail is none. */
function withoutDots(text: string): string | null {
  const start = text.lastIndexOf(':') + 1
  const tail = text.slice(start)
  if (!tail.includes('.')) return text
  if (!fourNumbers.test(tail) || !ipaddr.IPv4.isValid(tail)) return null
  const [a = 0, b = 0, c = 0, d = 0] = ipaddr.IPv4.parse(tail).octets
  return `${text.slice(0, start)}${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`
}
