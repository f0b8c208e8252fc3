/**
 * A persistent map with string keys, in order of key: `put` and `drop` copy the O(log n) nodes on the path to the key and
 * share the other nodes. No node ever changes, so a state that contains a map stays a read-only value. The tree is balanced by
 * weight (Nievergelt and Reingold; the parameters are those of Hirai and Yamamoto, 2011). No choice of keys makes it slow,
 * whereas colliding keys make a hash table slow.
 */
export type SortedMap<V> = SortedNode<V> | null

/** A node that `put` or `mapOf` made, or one that a service restored from JSON. */
export interface SortedNode<V> {
  readonly key: string
  readonly value: V
  /** The number of entries in this node and below it. Invariant: no side weighs more than `delta` times the other. */
  readonly size: number
  readonly left: SortedMap<V>
  readonly right: SortedMap<V>
}

/**
 * A node of a sorted map, which the search for promises recognises: nodes never change, so one that was searched need not be searched
 * again, wherever later states have it.
 */
export class SortedMapNode<V> implements SortedNode<V> {
  readonly key: string
  readonly value: V
  readonly size: number
  readonly left: SortedMap<V>
  readonly right: SortedMap<V>
  /** Private, so that no comparison and no JSON sees it, and that it can be set in a frozen node. */
  #isSearched = false

  constructor(key: string, value: V, size: number, left: SortedMap<V>, right: SortedMap<V>) {
    this.key = key
    this.value = value
    this.size = size
    this.left = left
    this.right = right
  }

  /** True when this node and all below it were searched, and hold no promise. */
  get isSearched(): boolean {
    return this.#isSearched
  }

  /** Records that this node and all below it hold no promise. */
  recordSearch(): void {
    this.#isSearched = true
  }
}
