import type { NodeId } from '../../machines/batch.ts'
import type { HeardFrom } from '../core/reach.ts'
import { maxServersHeardFrom } from '../wire/limits.ts'
import { forgetOldest } from '../wire/oldest.ts'

/**
 * Where servers that are no members were last heard from. An address that echoed its cookie gives way only to another one
 * that did, so that nobody is pushed out by servers that do not exist.
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
