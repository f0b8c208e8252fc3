/** The keys for which delayed requests wait. A freed key concerns only the servers that hold a request for it. */
import type { NodeId } from '../../machines/batch.ts'
import type { KeptCommand } from './kept-command.ts'

/** A delayed request. */
export interface Waiting {
  /** The server whose queue holds it, as named by the last chosen batch that contained it. */
  readonly node: NodeId
  /** The key for which it waits; `null` when it waits until the service executes any command. */
  readonly key: string | null
  readonly command: KeptCommand | null
  /** In plain text: the uids under which it waits, in order of their last arrival. */
  readonly uids?: readonly string[]
}

/** The number of requests that wait for each key, and their servers. */
export class WaitingCounts {
  readonly #nodesByKey = new Map<string | null, Map<NodeId, number>>()
  #total = 0

  get total(): number {
    return this.#total
  }

  has(key: string | null): boolean {
    return this.#nodesByKey.has(key)
  }

  /** The servers that hold a request which waits for `key`. */
  nodesFor(key: string | null): Iterable<NodeId> {
    return this.#nodesByKey.get(key)?.keys() ?? []
  }

  add({ key, node }: Waiting): void {
    const nodes = this.#nodesByKey.get(key) ?? new Map<NodeId, number>()
    nodes.set(node, (nodes.get(node) ?? 0) + 1)
    this.#nodesByKey.set(key, nodes)
    this.#total += 1
  }

  /** Reverts one `add` of the same request. */
  remove({ key, node }: Waiting): void {
    const nodes = this.#nodesByKey.get(key)
    const count = nodes?.get(node)
    // No batch can cause this: the session removes the same record that it added, with the server that the record names.
    if (nodes === undefined || count === undefined)
      throw new Error(`nothing waits for ${key} at server ${node}`)
    if (count > 1) nodes.set(node, count - 1)
    else nodes.delete(node)
    if (nodes.size === 0) this.#nodesByKey.delete(key)
    this.#total -= 1
  }
}
