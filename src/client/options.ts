import type { Address } from '../../machines/batch.ts'
import { type ClientTiming, defaultClientTiming } from '../../machines/client-timing.ts'
import { sessionTtlMs } from '../../machines/limits.ts'
import { longestGivenName } from '../core/names.ts'
import { shownValue } from '../core/shown-value.ts'
import { reachableAddress } from '../network/address.ts'
import { type Resolver, systemResolver } from '../network/resolver.ts'
import { maxCommandBytes } from '../wire/codec.ts'
import { InvalidArgument } from './errors.ts'
import type { ClientObserver } from './observer.ts'

/** The intervals and timeouts of the client's chart and of the library around it, in milliseconds. */
export interface ConnectTiming extends ClientTiming {
  /** How long an aborted request waits to learn whether it was executed. Then it rejects without an outcome. */
  readonly cancelTimeoutMs: number
  /** How long the client waits for the status of a server. */
  readonly statusTimeoutMs: number
  /** How long `close` waits until the cluster has freed what the client holds. */
  readonly closeTimeoutMs: number
}

export interface ConnectOptions {
  /** The addresses of servers, as `host:port`, in the order in which to try them. The default is the seed's three servers. */
  readonly servers?: readonly string[]
  /** The cluster that must answer. Without it, the client uses the first cluster that answers. */
  readonly cluster?: string
  readonly timing?: Partial<ConnectTiming>
  /**
   * How long what the client holds survives its silence, in milliseconds: from 1,000 to 86,400,000, by default 30,000. The client sends a
   * sign of life every third of it while it holds something or waits.
   */
  readonly ttlMs?: number
  /** The client rejects commands above this size, in bytes of JSON. The servers' own limit applies in any case. */
  readonly maxCommandBytes?: number
  /** The name of the client where its requests are shown, in lower-case letters. Several clients may have the same name. */
  readonly name?: string
  /**
   * The service to which `request` sends its commands, also where the cluster composes it with others. Without it, `request` sends each
   * body as it is.
   */
  readonly service?: { readonly name: string }
  /** Closes the client. */
  readonly signal?: AbortSignal
  /** Called with every event at the machines that carry the requests. */
  readonly observer?: ClientObserver
}

export interface Settings {
  readonly servers: readonly string[]
  readonly cluster: string | null
  readonly timing: ConnectTiming
  readonly ttlMs: number
  readonly maxCommandBytes: number
  readonly name: string | null
  /** The name of the service that receives the program's requests; `null` for the cluster's. */
  readonly service: string | null
  readonly observer: ClientObserver | null
  readonly resolver: Resolver
}

const defaultServers = ['127.0.0.1:29367', '127.0.0.1:29368', '127.0.0.1:29369']

const defaultTiming: ConnectTiming = {
  ...defaultClientTiming,
  cancelTimeoutMs: 3_000,
  statusTimeoutMs: 1_000,
  closeTimeoutMs: 1_000,
}

/** The longest delay that a timer of Node.js supports. */
export const longestMs = 2 ** 31 - 1

function validServers(servers: readonly string[]): readonly string[] {
  if (!Array.isArray(servers) || servers.length === 0) {
    throw new InvalidArgument(
      `the option servers must name at least one host:port; received ${shownValue(servers)}`,
    )
  }
  return [...new Set(servers.map((server) => validAddress('the option servers must hold host:port', server)))]
}

/**
 * `given` in canonical form. Throws InvalidArgument, with `rule`, when it is not an address to which datagrams can be sent.
 */
export function validAddress(rule: string, given: string): Address {
  try {
    if (typeof given === 'string') return reachableAddress(given)
  } catch (error) {
    throw new InvalidArgument(`${rule}: ${(error as Error).message}`)
  }
  throw new InvalidArgument(`${rule}; received ${shownValue(given)}`)
}

function validTiming(given: Partial<ConnectTiming>): ConnectTiming {
  if (typeof given !== 'object' || given === null) {
    throw new InvalidArgument(`the option timing must be an object; received ${shownValue(given)}`)
  }
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(defaultTiming, name)) {
      throw new InvalidArgument(
        `the option timing has no ${name}; it has ${Object.keys(defaultTiming).join(', ')}`,
      )
    }
    if (typeof value !== 'number' || !(value > 0) || value > longestMs) {
      throw new InvalidArgument(
        `timing.${name} must be above 0 and at most ${longestMs} milliseconds; received ${value}`,
      )
    }
  }
  return { ...defaultTiming, ...given }
}

function validCommandBytes(given: number): number {
  if (!Number.isInteger(given) || given < 1 || given > maxCommandBytes) {
    throw new InvalidArgument(
      `the option maxCommandBytes must be a whole number from 1 to ${maxCommandBytes}; received ${given}`,
    )
  }
  return given
}

/** Returns `given`. Throws InvalidArgument when it is no ttl of a session. */
export function validTtl(option: string, given: number): number {
  const { least, most } = sessionTtlMs
  if (Number.isInteger(given) && given >= least && given <= most) return given
  throw new InvalidArgument(
    `the option ${option} must be a whole number of milliseconds from ${least} to ${most}; received ${shownValue(given)}`,
  )
}

function validCluster(given: string): string {
  if (typeof given !== 'string' || given === '') {
    throw new InvalidArgument(`the option cluster must be a name; received ${shownValue(given)}`)
  }
  return given
}

function validName(given: string): string {
  if (typeof given !== 'string' || !/^[a-z]+$/.test(given) || given.length > longestGivenName) {
    throw new InvalidArgument(
      `the option name must be 1 to ${longestGivenName} lower-case letters; received ${shownValue(given)}`,
    )
  }
  return given
}

function validService(given: { readonly name: string }): string {
  if (typeof given === 'object' && typeof given?.name === 'string' && given.name !== '') return given.name
  throw new InvalidArgument(
    `the option service must be a service, as defineService returns it; received ${shownValue(given)}`,
  )
}

const optionNames: Readonly<Record<keyof ConnectOptions, true>> = {
  servers: true,
  cluster: true,
  timing: true,
  ttlMs: true,
  maxCommandBytes: true,
  name: true,
  service: true,
  signal: true,
  observer: true,
}

function checkNames(options: ConnectOptions): void {
  if (typeof options !== 'object' || options === null) {
    throw new InvalidArgument(`the options must be an object; received ${shownValue(options)}`)
  }
  const unknown = Object.keys(options).find((name) => !Object.hasOwn(optionNames, name))
  if (unknown === undefined) return
  throw new InvalidArgument(`there is no option ${unknown}; there are ${Object.keys(optionNames).join(', ')}`)
}

/** Throws InvalidArgument when the option `signal` is no AbortSignal. */
export function checkSignal(signal: AbortSignal | undefined): void {
  if (signal === undefined || typeof signal?.addEventListener === 'function') return
  throw new InvalidArgument(`the option signal must be an AbortSignal; received ${shownValue(signal)}`)
}

function validObserver(observer: ClientObserver | undefined): ClientObserver | null {
  if (observer === undefined || typeof observer === 'function') return observer ?? null
  throw new InvalidArgument(`the option observer must be a function; received ${shownValue(observer)}`)
}

/** The settings of `options`, with defaults. Throws InvalidArgument, with the option and the received value. */
export function settingsFrom(options: ConnectOptions): Settings {
  checkNames(options)
  checkSignal(options.signal)
  return {
    servers: validServers(options.servers ?? defaultServers),
    cluster: options.cluster === undefined ? null : validCluster(options.cluster),
    timing: validTiming(options.timing ?? {}),
    ttlMs: validTtl('ttlMs', options.ttlMs ?? sessionTtlMs.usual),
    maxCommandBytes: validCommandBytes(options.maxCommandBytes ?? maxCommandBytes),
    name: options.name === undefined ? null : validName(options.name),
    service: options.service === undefined ? null : validService(options.service),
    observer: validObserver(options.observer),
    resolver: systemResolver,
  }
}
