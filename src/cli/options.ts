import { isIPv6 } from 'node:net'
import { InvalidArgumentError, Option } from 'commander'
import type { Address, NodeId } from '../../machines/batch.ts'
import type { Position } from '../../machines/outcome.ts'
import { formatAddress, parseAddress } from '../address.ts'
import { defaultStatelyUrl } from '../inspect/protocol.ts'

/** A server as options name it: `ID=HOST:PORT`. */
export interface MemberOption {
  readonly id: NodeId
  readonly address: Address
}

/** The longest wait that a timer of Node.js can keep, in seconds. */
const longestTimeoutS = 2_147_483

const wildcardHosts: ReadonlySet<string> = new Set(['0.0.0.0', '::'])

/** What the parsers below throw: commander puts the option and the value before it. */
function invalid(message: string): never {
  throw new InvalidArgumentError(message)
}

/** A whole number from `least` to `most`. */
export function wholeNumber(least: number, most: number): (value: string) => number {
  return (value) => {
    const number = Number(value)
    if (!/^\d+$/.test(value) || number < least || number > most) {
      invalid(`Give a whole number from ${least} to ${most}.`)
    }
    return number
  }
}

export const parseNodeId = wholeNumber(0, 999_999)

/** `HOST:PORT`; the port is one that datagrams can be sent to. */
export function parseAddressOption(value: string): Address {
  try {
    if (parseAddress(value).port > 0) return value
  } catch {
    // Told below.
  }
  return invalid(`'${value}' is no address: give HOST:PORT, such as 127.0.0.1:29367.`)
}

/** True when a server that listens there hears from everywhere, so that the address leads nobody to it. */
export function isWildcard(address: Address): boolean {
  return wildcardHosts.has(parseAddress(address).host)
}

/** An address that others can send to. */
export function parseReachableAddress(value: string): Address {
  const address = parseAddressOption(value)
  if (isWildcard(address)) {
    invalid(`'${value}' leads others nowhere: give an address of one machine, such as 127.0.0.1:29367.`)
  }
  return address
}

/** `HOST`; an IPv6 host without brackets. */
export function parseHost(value: string): string {
  if (value.includes(':') && !isIPv6(value))
    invalid(`'${value}' is no host: give one, such as 127.0.0.1, without a port.`)
  parseReachableAddress(formatAddress({ address: value, port: 1 }))
  return value
}

/** `A,B,C`. */
export function parseServers(value: string): Address[] {
  return [...new Set(value.split(',').map((server) => parseReachableAddress(server.trim())))]
}

/** `ID=HOST:PORT`. */
export function parseMember(value: string): MemberOption {
  const [, id, address] = /^(\d+)=(.*)$/.exec(value) ?? []
  if (id === undefined || address === undefined) {
    return invalid(`'${value}' is no member: give ID=HOST:PORT, such as 0=127.0.0.1:29367.`)
  }
  return { id: parseNodeId(id), address: parseReachableAddress(address) }
}

/** `ID=HOST:PORT,ID=HOST:PORT,…`, each id and each address once. */
export function parseMembers(value: string): MemberOption[] {
  const members = value.split(',').map((member) => parseMember(member.trim()))
  for (const [place, { id, address }] of members.entries()) {
    const others = members.slice(0, place)
    if (others.some((other) => other.id === id)) invalid(`The id ${id} is there twice.`)
    if (others.some((other) => other.address === address)) invalid(`The address ${address} is there twice.`)
  }
  return members
}

/** `0=HOST:PORT,1=…`, as `parseMembers` reads it. */
export function formatMembers(members: readonly MemberOption[]): string {
  return members.map(({ id, address }) => `${id}=${address}`).join(',')
}

/** `INSTANCE.INDEX`, as `paxos lock` prints it. */
export function parseToken(value: string): Position {
  const [, instance, index] = /^(\d{1,15})\.(\d{1,15})$/.exec(value) ?? []
  if (instance === undefined || index === undefined) {
    return invalid('Give INSTANCE.INDEX, as paxos lock printed it.')
  }
  return { instance: Number(instance), index: Number(index) }
}

export function formatToken({ instance, index }: Position): string {
  return `${instance}.${index}`
}

/** Seconds, such as `2.5`; answers milliseconds. */
export function parseTimeout(value: string): number {
  const seconds = Number(value)
  if (!/^\d*\.?\d+$/.test(value) || seconds < 0.001 || seconds > longestTimeoutS) {
    invalid(`Give seconds, from 0.001 to ${longestTimeoutS}.`)
  }
  return Math.round(seconds * 1000)
}

const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']

export function logLevelOption(defaultLevel: string): Option {
  return new Option('--log-level <level>', 'what is logged to stderr, a JSON object a line')
    .choices(logLevels)
    .default(defaultLevel)
}

/** `ws://HOST:PORT`, or with `wss:`. */
export function parseWebSocketUrl(value: string): string {
  const protocol = URL.canParse(value) ? new URL(value).protocol : null
  if (protocol === 'ws:' || protocol === 'wss:') return value
  return invalid(`'${value}' is no address of a WebSocket: give one, such as ${defaultStatelyUrl}.`)
}

/** `--stately`: without a URL it is where Stately's own inspector listens by default. */
export function statelyOption(): Option {
  return new Option('--stately [URL]', "show the actors in Stately's own inspector, at this WebSocket")
    .argParser(parseWebSocketUrl)
    .preset(defaultStatelyUrl)
}

export function serversOption(): Option {
  return new Option('--servers <A,B,C>', 'servers to ask, as HOST:PORT, in this order')
    .argParser(parseServers)
    .default(
      ['127.0.0.1:29367', '127.0.0.1:29368', '127.0.0.1:29369'],
      '127.0.0.1:29367,127.0.0.1:29368,127.0.0.1:29369',
    )
}

/** In milliseconds once parsed; `defaultMs` is null for a command that waits for as long as it takes. */
export function timeoutOption(defaultMs: number | null): Option {
  const option = new Option('--timeout <seconds>', 'give up after this').argParser(parseTimeout)
  return defaultMs === null ? option : option.default(defaultMs, `${defaultMs / 1000}`)
}

/** How long `unlock`, `status` and `members` wait when they are not told, in milliseconds. */
export const defaultTimeoutMs = 10_000

export function jsonOption(): Option {
  return new Option('--json', 'print one JSON object instead')
}
