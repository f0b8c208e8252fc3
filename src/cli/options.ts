import { InvalidArgumentError, Option } from 'commander'
import type { Address, NodeId } from '../../machines/batch.ts'
import { defaultLimits, quotaRange } from '../../machines/limits.ts'
import { isPublicId } from '../core/names.ts'
import { defaultStatelyUrl } from '../inspect/records/protocol.ts'
import {
  type Endpoint,
  listenAddress,
  parseAddress,
  reachableAddress,
  whyUnreachable,
} from '../network/address.ts'
import { defaultLowWaterBytes } from '../node/disk-watch.ts'
import { maxNodeId, repeatedIn } from '../node/options.ts'
import { knownService, knownServices } from '../services/known.ts'
import type { LockToken } from '../services/lock-commands.ts'
import { formatDuration, units } from './durations.ts'
import { formatSize, sizeUnits } from './sizes.ts'

/** A server as an option names it: `ID=HOST:PORT`. */
export interface MemberOption {
  readonly id: NodeId
  readonly address: Address
}

/** The longest delay of a Node.js timer, in seconds. */
const longestTimeoutS = 2_147_483

/** The error of the parsers below. Commander adds the option and the value. */
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

export const parseNodeId = wholeNumber(0, maxNodeId)

/** `--snapshot-every`: a number of requests. */
export function snapshotEveryOption(): Option {
  return new Option(
    '--snapshot-every <requests>',
    `take a snapshot of the state after this many requests, and delete what it replaces (default: ${defaultLimits.snapshotEvery})`,
  ).argParser(wholeNumber(1, Number.MAX_SAFE_INTEGER))
}

/** Calls `parse` and reports its error to commander. */
function parsed<T>(parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    return invalid(`${(error as Error).message}.`)
  }
}

/** `HOST:PORT` on which a server can listen: one address, or all addresses of its machine. */
export function parseListenAddress(value: string): Address {
  const address = parsed(() => listenAddress(value))
  if (parseAddress(address).port === 0)
    invalid(`'${value}' has port 0: give a port at which others reach the server.`)
  return address
}

/** An address that others can reach. */
export function parseReachableAddress(value: string): Address {
  return parsed(() => reachableAddress(value))
}

/** The service of a cluster that names none. */
export const defaultService = 'lock'

/** `--service`: the service of a cluster. */
export function serviceOption(): Option {
  return new Option(
    '--service <name>',
    'the service that the cluster runs: lock, kv, or kv+lock for both; the same at every server',
  )
    .argParser(parseService)
    .default(defaultService)
}

/** The name of a service of this package, or of several that are composed. */
function parseService(value: string): string {
  const names = Object.keys(knownServices)
  return knownService(value) === null
    ? invalid(`'${value}' is no service: give ${names.join(' or ')}, or several joined by +, each once.`)
    : value
}

/** `HOST`; an IPv6 host without brackets. */
export function parseHost(value: string): string {
  let endpoint: Endpoint
  try {
    endpoint = parseAddress(value.includes(':') ? `[${value}]:1` : `${value}:1`)
  } catch {
    return invalid(`'${value}' is not a host: give one, such as 127.0.0.1 or ::1, without a port.`)
  }
  const why = whyUnreachable(endpoint)
  return why === null ? endpoint.host : invalid(`'${value}' is not a host for servers: ${why}.`)
}

/** `A,B,C`. */
export function parseServers(value: string): Address[] {
  return [...new Set(value.split(',').map((server) => parseReachableAddress(server.trim())))]
}

/** `ID=HOST:PORT`. */
export function parseMember(value: string): MemberOption {
  const [, id, address] = /^(\d+)=(.*)$/.exec(value) ?? []
  if (id === undefined || address === undefined) {
    return invalid(`'${value}' is not a member: give ID=HOST:PORT, such as 0=127.0.0.1:29367.`)
  }
  return { id: parseNodeId(id), address: parseReachableAddress(address) }
}

/** `ID=HOST:PORT,ID=HOST:PORT,…`, with unique ids and addresses. */
export function parseMembers(value: string): MemberOption[] {
  const members = value.split(',').map((member) => parseMember(member.trim()))
  const repeated = repeatedIn(members)
  if (repeated !== null) invalid(`In it ${repeated}.`)
  return members
}

/** `0=HOST:PORT,1=…`, which `parseMembers` parses. */
export function formatMembers(members: readonly MemberOption[]): string {
  return members.map(({ id, address }) => `${id}=${address}`).join(',')
}

/** A token, as `paxos lock` prints it. */
export function parseToken(value: string): LockToken {
  if (!/^[1-9]\d{0,14}$/.test(value)) return invalid('Give the whole number that paxos lock printed.')
  return Number(value)
}

/** The id of a session, as `paxos sessions` prints it. */
export function parseSessionId(value: string): string {
  return isPublicId(value) ? value : invalid('Give the id that paxos sessions printed, such as 12.0.')
}

const duration = /^(?:(?<h>\d+)h)?(?:(?<m>\d+)m)?(?:(?<s>\d*\.?\d+)s)?(?:(?<ms>\d+)ms)?$/

/** A duration, such as `5s`, `1m30s` or `250ms`, or a number of seconds, such as `2.5`; returns milliseconds. */
export function parseDuration(value: string): number {
  const groups = /^\d*\.?\d+$/.test(value) ? { s: value } : (duration.exec(value)?.groups ?? {})
  const ms = Math.round(
    Object.entries(units).reduce((sum, [unit, unitMs]) => sum + Number(groups[unit] ?? 0) * unitMs, 0),
  )
  if (!(ms >= 1) || ms > longestTimeoutS * 1_000) {
    invalid(`Give a duration, such as 5s, 1m30s or 250ms, or seconds, from 1ms to ${longestTimeoutS}s.`)
  }
  return ms
}

const size = /^(?<number>\d+)(?<unit>|KiB|MiB|GiB|TiB)$/
const sizeUnitsRead: { readonly [unit: string]: number } = { '': 1, ...sizeUnits }

/** The size of the replicated state. */
export const parseQuota = (value: string): number => parseSize(value, quotaRange)

/** `--disk-low-water`: the room on a disk. */
export function diskLowWaterOption(): Option {
  const usual = `${defaultLowWaterBytes / 2 ** 20}MiB`
  return new Option(
    '--disk-low-water <size>',
    `take no requests of clients while the disk has less room than this and the last snapshot, such as 1GiB; 0 for never (default: ${usual})`,
  ).argParser((value) => parseSize(value, { least: 0, most: Number.MAX_SAFE_INTEGER }))
}

/** A size in bytes, such as `512MiB`, or a number of bytes. */
function parseSize(
  value: string,
  { least, most }: { readonly least: number; readonly most: number },
): number {
  const { number, unit = '' } = size.exec(value)?.groups ?? {}
  const bytes = Number(number) * (sizeUnitsRead[unit] ?? Number.NaN)
  if (!(bytes >= least && bytes <= most)) {
    invalid(
      `Give a size, such as 512MiB, 2GiB, 1TiB or a number of bytes, from ${formatSize(least)} to ${formatSize(most)}.`,
    )
  }
  return bytes
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
  return invalid(`'${value}' is not the URL of a WebSocket: give one, such as ${defaultStatelyUrl}.`)
}

/** `--stately`. The default URL is the default address of Stately's inspector. */
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

/** The parsed value is in milliseconds. `defaultMs` is `null` for a command without a time limit. */
export function timeoutOption(defaultMs: number | null): Option {
  const option = new Option('--timeout <duration>', 'give up after this, such as 5s or 1m30s').argParser(
    parseDuration,
  )
  return defaultMs === null ? option : option.default(defaultMs, formatDuration(defaultMs))
}

/** The default timeout of `unlock`, `status` and `members`, in milliseconds. */
export const defaultTimeoutMs = 10_000

/** For commands that read. Works without a quorum, too. */
export function staleOption(): Option {
  return new Option(
    '--stale',
    'take the answer of one server from its own state: also without a quorum, and perhaps out of date',
  )
}

export function jsonOption(): Option {
  return new Option('--json', 'print one JSON object instead')
}

/** `--now`, with what it risks. */
export function nowOption(what: string): Option {
  return new Option(
    '--now',
    `${what}; a client may then still believe that it holds a lock, so be sure that it is gone`,
  )
}
