/** The functions of sorted maps: persistent maps with string keys. */
import { searchNew } from '../core/promises.ts'
import { type SortedMap, SortedMapNode, type SortedNode } from '../core/sorted-map-node.ts'

export type { SortedMap }

/** The map without entries. */
export const emptyMap = null

const delta = 3
const ratio = 2

/** The number of entries of `map`. */
export function sizeOf<V>(map: SortedMap<V>): number {
  return map === null ? 0 : map.size
}

/** The value of `key`, or `undefined`. */
export function get<V>(map: SortedMap<V>, key: string): V | undefined {
  let node = map
  while (node !== null) {
    if (key === node.key) return node.value
    node = key < node.key ? node.left : node.right
  }
  return undefined
}

/** True when `map` contains `key`. */
export function has<V>(map: SortedMap<V>, key: string): boolean {
  let node = map
  while (node !== null) {
    if (key === node.key) return true
    node = key < node.key ? node.left : node.right
  }
  return false
}

/** The map in which `key` has `value`. */
export function put<V>(map: SortedMap<V>, key: string, value: V): SortedNode<V> {
  if (map === null) return new SortedMapNode(key, value, 1, null, null)
  if (key === map.key) return new SortedMapNode(map.key, value, map.size, map.left, map.right)
  return key < map.key
    ? balanced(map, put(map.left, key, value), map.right)
    : balanced(map, map.left, put(map.right, key, value))
}

/** The map without `key`; the same object when `key` is not in it. */
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

/** The value of the first key; `undefined` when the map is empty. */
export function firstValue<V>(map: SortedMap<V>): V | undefined {
  let first = map
  while (first !== null && first.left !== null) first = first.left
  return first?.value
}

/** The entries in order of key: all, or the first `limit`. The first `limit` cost O(limit + log n). */
export function entriesOf<V>(
  map: SortedMap<V>,
  limit = Number.POSITIVE_INFINITY,
): (readonly [key: string, value: V])[] {
  return collected([], map, limit)
}

/** Walks the entries in order of key. The walk may take long: the map that it walks never changes. */
export function* each<V>(map: SortedMap<V>): Generator<readonly [key: string, value: V], void> {
  const above: SortedNode<V>[] = []
  for (let node = map; ; ) {
    for (; node !== null; node = node.left) above.push(node)
    const next = above.pop()
    if (next === undefined) return
    yield [next.key, next.value]
    node = next.right
  }
}

/** Walks the values in order of key, as `each` does. */
export function* eachValue<V>(map: SortedMap<V>): Generator<V, void> {
  for (const [, value] of each(map)) yield value
}

/** The first `limit` entries in order of key, from the key `from` on. They cost O(limit + log n). */
export function entriesFrom<V>(
  map: SortedMap<V>,
  from: string,
  limit = Number.POSITIVE_INFINITY,
): (readonly [key: string, value: V])[] {
  const above: SortedNode<V>[] = []
  for (let node = map; node !== null; node = from <= node.key ? node.left : node.right) {
    if (from <= node.key) above.push(node)
  }
  return collected(above, null, limit)
}

/** The number of keys of `map` that are below `key`, at a cost of O(log n). */
export function countBelow<V>(map: SortedMap<V>, key: string): number {
  let count = 0
  let node = map
  while (node !== null) {
    if (node.key < key) {
      count += sizeOf(node.left) + 1
      node = node.right
    } else node = node.left
  }
  return count
}

/**
 * The map of `entries`. A later entry replaces an earlier one of the same key. Costs O(n) when the entries are in order of key,
 * otherwise O(n log n).
 */
export function mapOf<V>(entries: Iterable<readonly [key: string, value: V]>): SortedMap<V> {
  const given = [...entries]
  const isInOrder = given.every(([key], place) => place === 0 || (given[place - 1]?.[0] ?? '') < key)
  const sorted = isInOrder ? given : inOrder(given)
  const keys = sorted.map(([key]) => key)
  return built(keys, (_, place) => sorted[place]?.[1] as V, 0, keys.length)
}

/**
 * The map of `keys`, each with the value that `valueAt` gives it, asked once for each place. Costs O(n) and makes nothing but the nodes
 * when the keys are in order, each once; otherwise as `mapOf`.
 */
export function mapOfKeys<V>(
  keys: readonly string[],
  valueAt: (key: string, place: number) => V,
): SortedMap<V> {
  const isInOrder = keys.every((key, place) => place === 0 || (keys[place - 1] ?? '') < key)
  if (isInOrder) return built(keys, valueAt, 0, keys.length)
  return mapOf(keys.map((key, place) => [key, valueAt(key, place)] as const))
}

/** Sorted by key, each key once with its last value. */
function inOrder<V>(entries: readonly (readonly [key: string, value: V])[]): (readonly [string, V])[] {
  return [...new Map(entries)].sort(([a], [b]) => (a < b ? -1 : 1))
}

/** The balanced tree of the sorted keys from `first` to below `end`. */
function built<V>(
  keys: readonly string[],
  valueAt: (key: string, place: number) => V,
  first: number,
  end: number,
): SortedMap<V> {
  const middle = (first + end) >> 1
  const key = keys[middle]
  if (first >= end || key === undefined) return null
  const left = built(keys, valueAt, first, middle)
  const right = built(keys, valueAt, middle + 1, end)
  return searched(new SortedMapNode(key, valueAt(key, middle), end - first, left, right))
}

/** A restored state has more nodes than one search visits, and a later state may have them elsewhere. */
function searched<V>(node: SortedMapNode<V>): SortedMapNode<V> {
  searchNew(node)
  return node
}

/** The entries of `below`, then those of each node of `above`, the last first, with its right side: `limit` of them. */
function collected<V>(
  above: SortedNode<V>[],
  below: SortedMap<V>,
  limit: number,
): (readonly [key: string, value: V])[] {
  const entries: (readonly [string, V])[] = []
  let node = below
  while (entries.length < limit) {
    for (; node !== null; node = node.left) above.push(node)
    const next = above.pop()
    if (next === undefined) break
    entries.push([next.key, next.value])
    node = next.right
  }
  return entries
}

function node<V>({ key, value }: SortedNode<V>, left: SortedMap<V>, right: SortedMap<V>): SortedNode<V> {
  return new SortedMapNode(key, value, sizeOf(left) + sizeOf(right) + 1, left, right)
}

function weight<V>(map: SortedMap<V>): number {
  return sizeOf(map) + 1
}

/** `top` with two sides, one of which gained or lost one entry since they were balanced. */
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

/** Joins two sides. Every key of `left` is below every key of `right`. */
function joined<V>(left: SortedMap<V>, right: SortedMap<V>): SortedMap<V> {
  if (left === null) return right
  if (right === null) return left
  // The new root is the key of the heavier side that is next to the other side.
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
