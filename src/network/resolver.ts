import { lookup } from 'node:dns/promises'
import { isIPv4 } from 'node:net'
import type { Address } from '../../machines/batch.ts'
import { parseAddress } from './address.ts'

/** Resolves to all IP addresses of a name. Rejects when it has none, or when the look-up fails. */
export type LookUp = (name: string) => Promise<readonly string[]>

/** The shortest time between two look-ups of one name, in milliseconds. */
export const retryAfterMs = 1_000

/** The age of its addresses at which a name in use is looked up again, in milliseconds. */
export const refreshAfterMs = 60_000

/** The most names in the cache: a cluster has few members, and a client has few servers. */
const maxNames = 1_000

interface Known {
  readonly addresses: readonly string[]
  /** When the last look-up ended, with or without success. */
  readonly lookedUpAtMs: number
}

/**
 * Caches the IP addresses of names. Look-ups run in the background, so a caller gets the cached addresses at once. Only one
 * look-up runs at a time: the system's resolver may occupy a thread of the pool for half a minute, and storage uses the
 * same pool. When a look-up fails, the old addresses stay in the cache.
 */
export class Resolver {
  readonly #lookUp: LookUp
  readonly #nowMs: () => number
  /** In the order of their last use. */
  readonly #known = new Map<string, Known>()
  /** Names that wait for a look-up, in order, with the callbacks of the callers that wait for each. */
  readonly #waiting = new Map<string, (() => void)[]>()
  #isLookingUp = false

  constructor(lookUp: LookUp = lookUpInSystem, nowMs: () => number = () => performance.now()) {
    this.#lookUp = lookUp
    this.#nowMs = nowMs
  }

  /** True while a look-up runs: it keeps the process alive. */
  get isLookingUp(): boolean {
    return this.#isLookingUp
  }

  /**
   * Returns the cached addresses of `name`; none when no look-up found any. Starts a look-up when they are older than
   * `maxAgeMs`, but at most one in `retryAfterMs`.
   */
  addressesOf(name: string, maxAgeMs: number): readonly string[] {
    const known = this.#known.get(name)
    const ageMs = known === undefined ? Number.POSITIVE_INFINITY : this.#nowMs() - known.lookedUpAtMs
    const mayAgeMs = known?.addresses.length === 0 ? 0 : maxAgeMs
    if (ageMs >= Math.max(mayAgeMs, retryAfterMs)) this.#enqueue(name)
    if (known === undefined) return []
    this.#known.delete(name)
    this.#known.set(name, known)
    return known.addresses
  }

  /** True when `name` was looked up and no look-up found an address. */
  isUnknown(name: string): boolean {
    return this.#known.get(name)?.addresses.length === 0
  }

  /**
   * Resolves to the cached addresses of `name`, or else to the addresses that a look-up finds; to none when it finds none.
   * Never rejects.
   */
  async resolve(name: string): Promise<readonly string[]> {
    const known = this.addressesOf(name, refreshAfterMs)
    if (known.length > 0) return known
    await new Promise<void>((looked) => this.#enqueue(name, looked))
    return this.#known.get(name)?.addresses ?? []
  }

  #enqueue(name: string, looked?: () => void): void {
    const waiting = this.#waiting.get(name) ?? []
    if (looked !== undefined) waiting.push(looked)
    this.#waiting.set(name, waiting)
    if (!this.#isLookingUp) void this.#lookUpAll()
  }

  async #lookUpAll(): Promise<void> {
    this.#isLookingUp = true
    for (const [name] of this.#waiting) {
      const found = await this.#found(name)
      const addresses = found.length > 0 ? found : (this.#known.get(name)?.addresses ?? [])
      this.#record(name, { addresses, lookedUpAtMs: this.#nowMs() })
      const waiting = this.#waiting.get(name) ?? []
      this.#waiting.delete(name)
      for (const looked of waiting) looked()
    }
    this.#isLookingUp = false
  }

  async #found(name: string): Promise<readonly string[]> {
    try {
      return await this.#lookUp(name)
    } catch {
      return []
    }
  }

  #record(name: string, known: Known): void {
    this.#known.delete(name)
    this.#known.set(name, known)
    if (this.#known.size <= maxNames) return
    const [oldest = ''] = this.#known.keys()
    this.#known.delete(oldest)
  }
}

/** IPv4 addresses come first: servers listen on IPv4 by default. */
async function lookUpInSystem(name: string): Promise<readonly string[]> {
  const found = (await lookup(name, { all: true })).map(({ address }) => address)
  return [...found.filter((address) => isIPv4(address)), ...found.filter((address) => !isIPv4(address))]
}

/** All servers and clients of a process share this resolver, so that the process runs one look-up at a time. */
export const systemResolver = new Resolver()

/** Returns why no datagram is sent to `address` if the look-up of its name failed; otherwise `null`. */
export function whyUnresolved(address: Address, resolver: Resolver = systemResolver): string | null {
  const { kind, host } = parseAddress(address)
  return kind === 'name' && resolver.isUnknown(host) ? `the name ${host} has no IP address` : null
}
