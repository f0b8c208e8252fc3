import type { Address, NodeId } from '../../machines/batch.ts'
import { maxServersHeardFrom } from './wire/limits.ts'
import { forgetOldest } from './wire/oldest.ts'

/**
 * Where servers that are no members were last heard from. An address that echoed its cookie gives way only to another one
 * that did, so that nobody is pushed out by servers that do not exist.
 */
export class HeardFrom {
  readonly #proven = new Map<NodeId, Address>()
  readonly #claimed = new Map<NodeId, Address>()

  get size(): number {
    return this.#proven.size + this.#claimed.size
  }

  addressOf(id: NodeId): Address | undefined {
    return this.#proven.get(id) ?? this.#claimed.get(id)
  }

  record(id: NodeId, address: Address, isProven: boolean): void {
    if (isProven) this.#claimed.delete(id)
    const map = isProven ? this.#proven : this.#claimed
    map.delete(id)
    map.set(id, address)
    if (map.size > maxServersHeardFrom) forgetOldest(map)
  }
}
