import type { NodeId } from '../../machines/batch.ts'
import type { HeardFrom } from '../core/reach.ts'
import { maxServersHeardFrom } from '../wire/limits.ts'
import { forgetOldest } from '../wire/oldest.ts'

/**
 * The addresses of servers that are not members, from their last messages. A proven address is evicted only for another proven
 * address, so that invented servers cannot evict real ones.
 */
export class Whereabouts {
  readonly #proven = new Map<NodeId, HeardFrom>()
  readonly #claimed = new Map<NodeId, HeardFrom>()

  get size(): number {
    return this.#proven.size + this.#claimed.size
  }

  of(id: NodeId): HeardFrom | undefined {
    return this.#proven.get(id) ?? this.#claimed.get(id)
  }

  record(id: NodeId, last: HeardFrom, isProven: boolean): void {
    if (isProven) this.#claimed.delete(id)
    const map = isProven ? this.#proven : this.#claimed
    map.delete(id)
    map.set(id, last)
    if (map.size > maxServersHeardFrom) forgetOldest(map)
  }
}
