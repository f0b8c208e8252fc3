import type { Address, NodeId } from '../../machines/batch.ts'
import type { ServerIndex } from '../../machines/client-context.ts'
import type { Welcome } from '../../machines/messages.ts'
import { canonicalAddress, isReachable } from '../network/address.ts'
import { type Resolver, systemResolver } from '../network/resolver.ts'
import { type Destination, Route } from '../network/route.ts'

/**
 * The most servers that a client learns beside the given ones: a false welcome must not make it send to thousands of
 * addresses.
 */
const mostLearned = 128

interface Entry {
  readonly route: Route
  /** The id that the server itself or another member reported; `null` while it is unknown. */
  id: NodeId | null
  /** Its address among the members, which may differ from the address that this client sends to. */
  memberAddress: Address
  /** When it last answered, by the monotonic clock; `null` when it never did. */
  answeredAtMs: number | null
}

/** The servers that have answered, and those that have not. */
export interface Reached {
  readonly answered: readonly Address[]
  readonly silent: readonly Address[]
}

/**
 * The servers that the client knows, in the order in which it tries them. Invariant: a server keeps its index, because
 * outstanding requests refer to it; so the list only grows.
 */
export class Directory {
  readonly #resolver: Resolver
  readonly #entries: Entry[] = []
  /** The number of servers that the program named. */
  readonly #given: number

  /** Throws a `RangeError` when one of `addresses` is not an address. */
  constructor(addresses: readonly Address[], resolver: Resolver = systemResolver) {
    this.#resolver = resolver
    this.#given = addresses.length
    for (const address of addresses) this.#append(address, null)
  }

  get size(): number {
    return this.#entries.length
  }

  get addresses(): readonly Address[] {
    return this.#entries.map(({ route }) => route.address)
  }

  /** The present destination for the server. While it is unknown, starts a look-up and returns `null`. */
  destinationOf(index: ServerIndex): Destination | null {
    return this.#entries[index]?.route.next() ?? null
  }

  /** Resolves when the look-up of the server's name has ended, with or without success. */
  async resolved(index: ServerIndex): Promise<void> {
    await this.#entries[index]?.route.resolved()
  }

  /**
   * Finds the server that sent a message, by the id that it gave, or else by its source address. Prefers `asked`, the
   * server that the client asked last, if the id matches. Returns `undefined` when no known server matches.
   */
  indexOf(sender: NodeId, source: Address, asked?: ServerIndex): ServerIndex | undefined {
    const isSender = ({ id }: Entry) => id === sender
    const entry = asked === undefined ? undefined : this.#entries[asked]
    if (entry !== undefined && isSender(entry)) return asked
    const byId = this.#entries.findIndex(isSender)
    if (byId !== -1) return byId
    const bySource = this.#entries.findIndex(({ id, route }) => id === null && route.isAt(source))
    return bySource === -1 ? undefined : bySource
  }

  /** The id of the server; `null` while it is unknown. */
  idOf(index: ServerIndex): NodeId | null {
    return this.#entries[index]?.id ?? null
  }

  /** Records that the server answered, so its address works. */
  answered(index: ServerIndex): void {
    const entry = this.#entries[index]
    if (entry === undefined) return
    entry.answeredAtMs = performance.now()
    entry.route.answered()
  }

  /** The servers that have answered since `sinceMs` of the monotonic clock, and the others. */
  reachedSince(sinceMs: number): Reached {
    const hasAnswered = ({ answeredAtMs }: Entry) => answeredAtMs !== null && answeredAtMs >= sinceMs
    const addressOf = ({ route }: Entry) => route.address
    return {
      answered: this.#entries.filter(hasAnswered).map(addressOf),
      silent: this.#entries.filter((entry) => !hasAnswered(entry)).map(addressOf),
    }
  }

  /** Records the content of a welcome: the id of its sender, and the addresses of the members. */
  learn({ node, members }: Pick<Welcome, 'node' | 'members'>, index: ServerIndex): void {
    const welcoming = this.#entries[index]
    if (welcoming !== undefined) welcoming.id = node
    for (const { id, address: named } of members.slice(0, mostLearned)) {
      if (!isReachable(named)) continue
      const address = canonicalAddress(named)
      if (id === node && welcoming !== undefined) welcoming.memberAddress = address
      const known = this.#entries.filter(({ memberAddress }) => memberAddress === address)
      for (const entry of known) entry.id = id
      if (known.length > 0 || this.#isAsked(address) || this.size - this.#given >= mostLearned) continue
      this.#append(address, id)
    }
  }

  /** True when the client sends to `address` already, perhaps under a name. */
  #isAsked(address: Address): boolean {
    return this.#entries.some(({ route }) => route.isAt(address))
  }

  #append(address: Address, id: NodeId | null): void {
    const route = new Route(address, this.#resolver)
    this.#entries.push({ route, id, memberAddress: address, answeredAtMs: null })
  }
}
