/**
 * Addresses as values. An `Address` has one canonical form, so two spellings of the same address become the same string.
 * Every address from outside passes through `canonicalAddress` or `formatAddress` once.
 */
import ipaddr from 'ipaddr.js'
import type { Address } from '../../machines/batch.ts'

/** A host, in canonical form. */
export interface Host {
  readonly kind: 'ipv4' | 'ipv6' | 'name'
  /**
   * An IPv4 address as four numbers; an IPv6 address in the form of RFC 5952, without brackets, with its zone if it has
   * one; or a name in lower case. An IPv4-mapped IPv6 address counts as an IPv4 address.
   */
  readonly host: string
}

export interface Endpoint extends Host {
  readonly port: number
}

/** The longest host name and a port. No IPv6 address in brackets is longer. */
export const maxAddressLength = 253 + ':65535'.length

const fourNumbers = /^(0|[1-9]\d{0,2})(\.(0|[1-9]\d{0,2})){3}$/
const groupsOfHex = /^:{0,2}[\da-f]{0,4}(:{1,2}[\da-f]{1,4})*:{0,2}$/i
const zoneSyntax = /^[\w.~@:-]{1,32}$/
const nameSyntax = /^(?=.{1,253}$)[\w-]{1,63}(\.[\w-]{1,63})*\.?$/
/** Texts that old resolvers accept as IPv4 addresses: `127.1`, `0x7f.1`, `2130706433`. */
const onlyNumbers = /^(\d+|0x[\da-f]*)(\.(\d+|0x[\da-f]*))*\.?$/i

/**
 * Parses `text`, which is `HOST:PORT`, with an IPv6 host in brackets. Throws a `RangeError` that names the value and the
 * problem when it is not an address.
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

/** Returns `text` in canonical form. Throws a `RangeError` as `parseAddress` does. */
export function canonicalAddress(text: string): Address {
  return joined(parseAddress(text))
}

/**
 * Returns the canonical form of a socket address, or of a separate host and port. An IPv6 host has no brackets here. Throws a
 * `RangeError` when the host is not valid.
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

/** Returns why a datagram to this endpoint cannot reach one server, and the remedy; `null` when it can. */
export function whyUnreachable({ kind, host, port }: Endpoint): string | null {
  if (port === 0) return 'no datagram can be sent to port 0: give a port from 1 to 65535'
  if (kind === 'name') return null
  const [ip = '', zone] = host.split('%')
  switch (ipaddr.parse(ip).range()) {
    case 'unspecified':
      return 'other machines cannot send to it: give an address of one machine, such as 127.0.0.1:29367'
    case 'broadcast':
    case 'multicast':
      return 'it is an address of many machines: give an address of one machine'
    case 'linkLocal':
      return kind === 'ipv6' && zone === undefined
        ? `a link-local address needs its interface: give it as [${ip}%eth0]:${port}`
        : null
    default:
      return null
  }
}

/**
 * Returns `text` in canonical form. Throws a `RangeError` that names the value and the problem when no datagram to this
 * address can reach a server.
 */
export function reachableAddress(text: string): Address {
  const endpoint = parseAddress(text)
  const why = whyUnreachable(endpoint)
  if (why !== null) throw new RangeError(`'${text}' is not an address to send to: ${why}`)
  return joined(endpoint)
}

/** True when a datagram to `text` can reach a server. */
export function isReachable(text: string): boolean {
  return whyNotReachable(text) === null
}

/** Returns why no datagram can be sent to `text`, which may be any text; `null` when one can. */
export function whyNotReachable(text: string): string | null {
  try {
    reachableAddress(text)
    return null
  } catch (error) {
    return (error as Error).message
  }
}

/** True for the address of all interfaces of a machine: a server can listen there, but no other machine can send to it. */
export function isWildcard(address: Address): boolean {
  const { kind, host } = parseAddress(address)
  return kind !== 'name' && ipaddr.parse(host.split('%')[0] ?? '').range() === 'unspecified'
}

/**
 * Returns `text` in canonical form. A server can listen on one address, or on all addresses of its machine; for port 0 the
 * system selects a port. Throws a `RangeError` that names the value and the problem when no server can listen there.
 */
export function listenAddress(text: string): Address {
  const endpoint = parseAddress(text)
  const address = joined(endpoint)
  const why = isWildcard(address) ? null : whyUnreachable({ ...endpoint, port: endpoint.port || 1 })
  if (why !== null) throw new RangeError(`'${text}' is not an address to listen on: ${why}`)
  return address
}

function refuse(text: string, why: string): never {
  throw new RangeError(`'${text}' is not an address: ${why}`)
}

function joined({ host, port }: Endpoint): Address {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

type Fault = { readonly fault: string }

/** Parses a host that is not an IPv6 address. */
function parseHost(text: string): Host | Fault {
  if (fourNumbers.test(text) && ipaddr.IPv4.isValid(text)) return { kind: 'ipv4', host: text }
  if (onlyNumbers.test(text))
    return { fault: 'an IPv4 address is four numbers from 0 to 255, such as 127.0.0.1' }
  if (nameSyntax.test(text)) return { kind: 'name', host: text.toLowerCase() }
  return {
    fault:
      'a name has parts of at most 63 letters, digits, - and _, with dots between them; give any other name in its ASCII form',
  }
}

function parseIpv6(text: string): Host | Fault {
  const [digits = '', zone, ...more] = text.split('%')
  const plain = withoutDots(digits)
  if (plain === null || !groupsOfHex.test(plain) || !ipaddr.IPv6.isValid(plain) || more.length > 0) {
    return { fault: 'the text in brackets is not an IPv6 address; give one such as [::1]:29367' }
  }
  const ip = ipaddr.IPv6.parse(plain)
  if (zone === undefined) {
    return ip.isIPv4MappedAddress()
      ? { kind: 'ipv4', host: ip.toIPv4Address().toString() }
      : { kind: 'ipv6', host: shortened(ip.parts) }
  }
  if (!zoneSyntax.test(zone))
    return { fault: 'the zone is not the name of an interface; give one such as %eth0' }
  if (ip.range() !== 'linkLocal') return { fault: `only a link-local address has a zone; remove %${zone}` }
  return { kind: 'ipv6', host: `${shortened(ip.parts)}%${zone}` }
}

/** The form of RFC 5952: leaves out the longest run of zeros, the first of several, but never a single zero. */
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

/** Writes an IPv4 tail, as in `::ffff:127.0.0.1`, in hexadecimal. Returns `null` when the tail is not an IPv4 address. */
function withoutDots(text: string): string | null {
  const start = text.lastIndexOf(':') + 1
  const tail = text.slice(start)
  if (!tail.includes('.')) return text
  if (!fourNumbers.test(tail) || !ipaddr.IPv4.isValid(tail)) return null
  const [a = 0, b = 0, c = 0, d = 0] = ipaddr.IPv4.parse(tail).octets
  return `${text.slice(0, start)}${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`
}
