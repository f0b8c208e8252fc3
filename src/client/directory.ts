import type { Address, NodeId } from '../../machines/batch.ts'
import type { ServerIndex } from '../../machines/client.ts'
import type { Welcome } from '../../machines/messages.ts'
import { canonicalAddress, isReachable } from '../network/address.ts'
import { type Resolver, systemResolver } from '../network/resolver.ts'
import { type Destination, Route } from '../network/route.ts'

/** Servers that a client comes to know, beside those given: whoever welcomes it must not make it ask thousands. */
const mostLearned = 128

interface Entry {
  readonly route: Route
  /** Who it is, as it said itself or a member of the cluster did; `null` until then. */
  id: NodeId | null
  /** Where the cluster has it, which may be another address than the one it is asked at. */
  memberAddress: Address
}

/**
 * The servers that the client knows, in the order in which it asks them. Invariant: a server keeps its index, since
 * requests under way count by it; so the list only grows.
 */
export class Directory {
  readonly #resolver: Resolver
  readonly #entries: Entry[] = []
  /** How many servers the program named. */
  readonly #given: number

  /** Throws a `RangeError` when one of `addresses` is none. */
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

  /** Where to send for the server now; `null`, and a look-up begins, while that is not known. */
  destinationOf(index: ServerIndex): Destination | null {
    return this.#entries[index]?.route.next() ?? null
  }

  /** Resolves once the name of the server has been looked up, whatever came of it. */
  async resolved(index: ServerIndex): Promise<void> {
    await this.#entries[index]?.route.resolved()
  }

  /**
   * The server that said something, by who it says that it is, or else by where it sent from; `asked`, the one that was asked
   * last, if it may be that one. `undefined` when it is not known yet who is where.
   */
  indexOf(sender: NodeId, source: Address, asked?: ServerIndex): ServerIndex | undefined {
    const mayBe = ({ id }: Entry) => id === sender
    const entry = asked === undefined ? undefined : this.#entries[asked]
    if (entry !== undefined && mayBe(entry)) return asked
    const byId = this.#entries.findIndex(mayBe)
    if (byId !== -1) return byId
    const bySource = this.#entries.findIndex(({ id, route }) => id === null && route.isAt(source))
    return bySource === -1 ? undefined : bySource
  }

  /** True when it is known who the server is. */
  isKnown(index: ServerIndex): boolean {
    return (this.#entries[index]?.id ?? null) !== null
  }

  /** The server is there: it answered. */
  answered(index: ServerIndex): void {
    this.#entries[index]?.route.answered()
  }

  /** Records what a server that welcomed the client says: who it is, and where the members are. */
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

  /** True when a server is asked at `address`, though by a name. */
  #isAsked(address: Address): boolean {
    return this.#entries.some(({ route }) => route.isAt(address))
  }

  #append(address: Address, id: NodeId | null): void {
    this.#entries.push({ route: new Route(address, this.#resolver), id, memberAddress: address })
  }
}
