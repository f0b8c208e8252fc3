/** Who waits for what: so that what is freed reaches the servers that hold a request waiting for it, and no others. */
import type { NodeId } from '../../machines/batch.ts'

/** A delayed request. */
export interface Waiting {
  /** The server whose queue it is in: the last that had it chosen. */
  readonly node: NodeId
  /** What it waits for; `null` for anything at all to happen. */
  readonly key: string | null
  readonly commandDigest: string | null
  /** In plain text: the uids under which it waits, the first of which it came with. */
  readonly uids?: readonly string[]
}

/** How many requests wait for each key, and at which servers. */
export class WaitingCounts {
  readonly #nodesByKey = new Map<string | null, Map<NodeId, number>>()
  readonly #byNode = new Map<NodeId, number>()
  #total = 0

  get total(): number {
    return this.#total
  }

  /** The servers at which something waits. */
  get nodes(): readonly NodeId[] {
    return [...this.#byNode.keys()]
  }

  has(key: string | null): boolean {
    return this.#nodesByKey.has(key)
  }

  /** The servers at which something waits for `key`. */
  nodesFor(key: string | null): Iterable<NodeId> {
    return this.#nodesByKey.get(key)?.keys() ?? []
  }

  add({ key, node }: Waiting): void {
    const nodes = this.#nodesByKey.get(key) ?? new Map<NodeId, number>()
    nodes.set(node, (nodes.get(node) ?? 0) + 1)
    this.#nodesByKey.set(key, nodes)
    this.#byNode.set(node, (this.#byNode.get(node) ?? 0) + 1)
    this.#total += 1
  }

  /** Takes back one `add` of the same. */
  remove({ key, node }: Waiting): void {
    const nodes = this.#nodesByKey.get(key)
    const count = nodes?.get(node)
    // No batch causes it: a session gives back the very record that was added, whatever server the batch named.
    if (nodes === undefined || count === undefined)
      throw new Error(`nothing waits for ${key} at server ${node}`)
    if (count > 1) nodes.set(node, count - 1)
    else nodes.delete(node)
    if (nodes.size === 0) this.#nodesByKey.delete(key)
    const left = (this.#byNode.get(node) ?? 1) - 1
    if (left > 0) this.#byNode.set(node, left)
    else this.#byNode.delete(node)
    this.#total -= 1
  }
}
