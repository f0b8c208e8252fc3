import { lookup } from 'node:dns/promises'
import { isIPv4 } from 'node:net'
import type { Address } from '../../machines/batch.ts'
import { parseAddress } from './address.ts'

/** Every IP address of a name; rejects when it has none, or nobody knows. */
export type LookUp = (name: string) => Promise<readonly string[]>

/** A name that was looked up without an answer is not looked up again before this, in milliseconds. */
export const retryAfterMs = 1_000

/** A name in use is looked up again when its addresses are older than this, in milliseconds. */
export const refreshAfterMs = 60_000

/** Names that are remembered at most: members are few, and so are the servers that a client is given. */
const maxNames = 1_000

interface Known {
  readonly addresses: readonly string[]
  /** When the last look-up ended, whatever came of it. */
  readonly lookedUpAtMs: number
}

/**
 * Knows the IP addresses of names, from look-ups in the background: whoever asks has what is known at once. One name is looked
 * up at a time. The system's resolver may take a thread of the pool for half a minute, and storage works in the same pool.
 * When a look-up fails, what was known before stays known.
 */
export class Resolver {
  readonly #lookUp: LookUp
  readonly #nowMs: () => number
  /** In the order in which they were last asked for. */
  readonly #known = new Map<string, Known>()
  /** Names that wait for their look-up, in order, with who waits for each. */
  readonly #waiting = new Map<string, (() => void)[]>()
  #isLookingUp = false

  constructor(lookUp: LookUp = lookUpInSystem, nowMs: () => number = () => performance.now()) {
    this.#lookUp = lookUp
    this.#nowMs = nowMs
  }

  /** True while a look-up is under way: it keeps the process from ending. */
  get isLookingUp(): boolean {
    return this.#isLookingUp
  }

  /**
   * The addresses of `name` as they are known now, none when it was never found. What was looked up longer than `maxAgeMs`
   * ago is looked up again, though not more often than once in `retryAfterMs`.
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

  /** True when `name` was looked up and no address was ever found. */
  isUnknown(name: string): boolean {
    return this.#known.get(name)?.addresses.length === 0
  }

  /**
   * The addresses of `name`: those that are known, or else those that a look-up finds; none when it was not found. Never
   * rejects.
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

/** IPv4 addresses first: servers listen there unless they are told otherwise. */
async function lookUpInSystem(name: string): Promise<readonly string[]> {
  const found = (await lookup(name, { all: true })).map(({ address }) => address)
  return [...found.filter((address) => isIPv4(address)), ...found.filter((address) => !isIPv4(address))]
}

/** All servers and clients of a process look names up here, so that its look-ups are one at a time. */
export const systemResolver = new Resolver()

/** Why nothing was sent to `address`, when its name was looked up without success; `null` otherwise. */
export function whyUnresolved(address: Address, resolver: Resolver = systemResolver): string | null {
  const { kind, host } = parseAddress(address)
  return kind === 'name' && resolver.isUnknown(host) ? `the name ${host} has no IP address` : null
}
