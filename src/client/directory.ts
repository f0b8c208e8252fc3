import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import type { Address } from '../../machines/batch.ts'
import type { ServerIndex } from '../../machines/client.ts'
import { formatAddress, isReachable, parseAddress } from '../address.ts'

/** Where a datagram goes. */
export interface Endpoint {
  readonly ip: string
  readonly port: number
}

interface Entry {
  readonly address: Address
  readonly host: string
  readonly port: number
  /** Where `host` is; `null` until it has been looked up. */
  ip: string | null
}

/**
 * The servers that the client knows, in the order in which it asks them. Invariant: a server keeps its index, since
 * requests under way count by it; so the list only grows.
 */
export class Directory {
  readonly #entries: Entry[] = []
  readonly #byEndpoint = new Map<Address, ServerIndex>()
  readonly #underWay = new Map<string, Promise<string | null>>()

  constructor(addresses: readonly Address[]) {
    for (const address of addresses) {
      const { host, port } = parseAddress(address)
      this.#append({ address, host, port, ip: isIP(host) === 0 ? null : host })
    }
  }

  get size(): number {
    return this.#entries.length
  }

  get addresses(): readonly Address[] {
    return this.#entries.map(({ address }) => address)
  }

  /** Where to send for the server; `null`, and a look-up begins, while that is not known. */
  endpointOf(index: ServerIndex): Endpoint | null {
    const entry = this.#entries[index]
    if (entry === undefined) return null
    if (entry.ip !== null) return { ip: entry.ip, port: entry.port }
    void this.#resolve(index)
    return null
  }

  /** The server that sends from there, if it is known. */
  indexOf(source: Address): ServerIndex | undefined {
    return this.#byEndpoint.get(source)
  }

  /** Looks up every name that is not known yet. A name that cannot be found stays unknown, and is looked up when needed. */
  async resolve(): Promise<void> {
    await Promise.all(
      this.#entries.map((entry, index) => (entry.ip === null ? this.#resolve(index) : undefined)),
    )
  }

  /** Appends the servers that are not known yet. One whose name cannot be found is left out. */
  async learn(addresses: readonly Address[]): Promise<void> {
    for (const address of addresses) {
      if (!isReachable(address)) continue
      const { host, port } = parseAddress(address)
      const ip = isIP(host) === 0 ? await this.#lookUp(host) : host
      if (ip === null || this.#byEndpoint.has(formatAddress({ address: ip, port }))) continue
      this.#append({ address, host, port, ip })
    }
  }

  #append(entry: Entry): void {
    const index = this.#entries.push(entry) - 1
    if (entry.ip !== null) this.#recordEndpoint(entry.ip, entry.port, index)
  }

  #recordEndpoint(ip: string, port: number, index: ServerIndex): void {
    const endpoint = formatAddress({ address: ip, port })
    if (!this.#byEndpoint.has(endpoint)) this.#byEndpoint.set(endpoint, index)
  }

  async #resolve(index: ServerIndex): Promise<void> {
    const entry = this.#entries[index]
    if (entry === undefined) return
    const ip = await this.#lookUp(entry.host)
    if (ip === null || entry.ip !== null) return
    entry.ip = ip
    this.#recordEndpoint(ip, entry.port, index)
  }

  /** One look-up of a name at a time: a lost server's name is asked for at every try. */
  #lookUp(host: string): Promise<string | null> {
    const underWay = this.#underWay.get(host)
    if (underWay !== undefined) return underWay
    const found = firstIp(host).finally(() => this.#underWay.delete(host))
    this.#underWay.set(host, found)
    return found
  }
}

/** The IPv4 address of `host` if it has one, since that is where servers listen by default; `null` when it has none. */
async function firstIp(host: string): Promise<string | null> {
  for (const family of [4, 6]) {
    try {
      return (await lookup(host, { family })).address
    } catch {
      // Not found in this family, or no name server: the other one is tried, and all of it again at the next need.
    }
  }
  return null
}
