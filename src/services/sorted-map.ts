/**
 * A map from strings, in order of key, that is never changed in place: `put` and `drop` copy the O(log n) nodes on the way to
 * the key and share the rest. It is plain data, so a state that holds one stays a read-only value. A tree that is balanced by
 * weight (Nievergelt and Reingold; the parameters are those of Hirai and Yamamoto, 2011): no choice of keys makes it slow, as
 * colliding keys would a table of hashes.
 */
export type SortedMap<V> = SortedNode<V> | null

interface SortedNode<V> {
  readonly key: string
  readonly value: V
  /** Entries in this node and below it. Invariant: no side weighs more than `delta` times the other. */
  readonly size: number
  readonly left: SortedMap<V>
  readonly right: SortedMap<V>
}

/** A map of nothing. */
export const emptyMap = null

const delta = 3
const ratio = 2

/** How many entries `map` has. */
export function sizeOf<V>(map: SortedMap<V>): number {
  return map === null ? 0 : map.size
}

/** What stands under `key`, or `undefined`. */
export function get<V>(map: SortedMap<V>, key: string): V | undefined {
  let node = map
  while (node !== null) {
    if (key === node.key) return node.value
    node = key < node.key ? node.left : node.right
  }
  return undefined
}

/** True when something stands under `key`. */
export function has<V>(map: SortedMap<V>, key: string): boolean {
  let node = map
  while (node !== null) {
    if (key === node.key) return true
    node = key < node.key ? node.left : node.right
  }
  return false
}

/** The map with `value` under `key`. */
export function put<V>(map: SortedMap<V>, key: string, value: V): SortedNode<V> {
  if (map === null) return { key, value, size: 1, left: null, right: null }
  if (key === map.key) return { ...map, value }
  return key < map.key
    ? balanced(map, put(map.left, key, value), map.right)
    : balanced(map, map.left, put(map.right, key, value))
}

/** The map without `key`; the very same map when `key` is not in it. */
export function drop<V>(map: SortedMap<V>, key: string): SortedMap<V> {
  if (map === null) return null
  if (key === map.key) return joined(map.left, map.right)
  if (key < map.key) {
    const left = drop(map.left, key)
    return left === map.left ? map : balanced(map, left, map.right)
  }
  const right = drop(map.right, key)
  return right === map.right ? map : balanced(map, map.left, right)
}

/** The entries in order of key: all of them, or the first `limit`, whose cost does not grow with the map. */
export function entriesOf<V>(
  map: SortedMap<V>,
  limit = Number.POSITIVE_INFINITY,
): (readonly [key: string, value: V])[] {
  const entries: (readonly [string, V])[] = []
  const above: SortedNode<V>[] = []
  let node = map
  while (entries.length < limit) {
    for (; node !== null; node = node.left) above.push(node)
    const next = above.pop()
    if (next === undefined) break
    entries.push([next.key, next.value])
    node = next.right
  }
  return entries
}

/** The map of `entries`, of which a later one replaces an earlier one of the same key. */
export function mapOf<V>(entries: Iterable<readonly [key: string, value: V]>): SortedMap<V> {
  let map: SortedMap<V> = null
  for (const [key, value] of entries) map = put(map, key, value)
  return map
}

function node<V>({ key, value }: SortedNode<V>, left: SortedMap<V>, right: SortedMap<V>): SortedNode<V> {
  return { key, value, size: sizeOf(left) + sizeOf(right) + 1, left, right }
}

function weight<V>(map: SortedMap<V>): number {
  return sizeOf(map) + 1
}

/** `top` over two sides, one of which has gained or lost one entry since they were balanced. */
function balanced<V>(top: SortedNode<V>, left: SortedMap<V>, right: SortedMap<V>): SortedNode<V> {
  if (right !== null && weight(right) > delta * weight(left)) {
    const inner = right.left
    return inner === null || weight(inner) < ratio * weight(right.right)
      ? node(right, node(top, left, inner), right.right)
      : node(inner, node(top, left, inner.left), node(right, inner.right, right.right))
  }
  if (left !== null && weight(left) > delta * weight(right)) {
    const inner = left.right
    return inner === null || weight(inner) < ratio * weight(left.left)
      ? node(left, left.left, node(top, inner, right))
      : node(inner, node(left, left.left, inner.left), node(top, inner.right, right))
  }
  return node(top, left, right)
}

/** Two sides of which every key of the left is below every key of the right. */
function joined<V>(left: SortedMap<V>, right: SortedMap<V>): SortedMap<V> {
  if (left === null) return right
  if (right === null) return left
  // The nearest key of the heavier side goes on top.
  if (left.size > right.size) {
    const last = lastOf(left)
    return balanced(last, withoutLast(left), right)
  }
  const first = firstOf(right)
  return balanced(first, left, withoutFirst(right))
}

function firstOf<V>(map: SortedNode<V>): SortedNode<V> {
  let first = map
  while (first.left !== null) first = first.left
  return first
}

function lastOf<V>(map: SortedNode<V>): SortedNode<V> {
  let last = map
  while (last.right !== null) last = last.right
  return last
}

function withoutFirst<V>(map: SortedNode<V>): SortedMap<V> {
  return map.left === null ? map.right : balanced(map, withoutFirst(map.left), map.right)
}

function withoutLast<V>(map: SortedNode<V>): SortedMap<V> {
  return map.right === null ? map.left : balanced(map, map.left, withoutLast(map.right))
}
