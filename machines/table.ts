/**
 * An immutable table in plain JSON. `put` and `drop` copy one small branch instead of the whole, so a role's context may hold
 * many entries and stay a plain immutable value. Keys are spread over three levels of sixteen places. The levels are arrays,
 * which are copied several times faster than objects with changing keys.
 */
export type Table<V> = Places<Places<Places<Leaf<V>>>>

type Places<T> = readonly (T | null)[]

type Leaf<V> = readonly (readonly [key: string, value: V])[]

const width = 16

/** An empty table. */
export const emptyTable: readonly never[] = []

/** The places that lead to `key`: the FNV-1a hash of its characters, folded to three numbers below sixteen. */
function pathOf(key: string): readonly [number, number, number] {
  let hash = 0x811c9dc5
  for (let i = 0; i < key.length; i += 1) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
  const folded = (hash ^ (hash >>> 12) ^ (hash >>> 24)) >>> 0
  return [folded & 15, (folded >>> 4) & 15, (folded >>> 8) & 15]
}

function withPlace<T>(places: Places<T>, place: number, item: T | null): Places<T> {
  const copy = places.length === width ? places.slice() : new Array<T | null>(width).fill(null)
  copy[place] = item
  return copy
}

/** The places without the item at `place`; `null` when nothing is left. */
function withoutPlace<T>(places: Places<T>, place: number): Places<T> | null {
  const left = withPlace(places, place, null)
  return left.every((item) => item === null) ? null : left
}

/** The value of `key`, or `undefined`. */
export function get<V>(table: Table<V>, key: string): V | undefined {
  const [a, b, c] = pathOf(key)
  return table[a]?.[b]?.[c]?.find(([other]) => other === key)?.[1]
}

/** The table with `value` for `key`. */
export function put<V>(table: Table<V>, key: string, value: V): Table<V> {
  const [a, b, c] = pathOf(key)
  const stem = table[a] ?? emptyTable
  const branch = stem[b] ?? emptyTable
  const others = (branch[c] ?? emptyTable).filter(([other]) => other !== key)
  return withPlace(table, a, withPlace(stem, b, withPlace(branch, c, [...others, [key, value] as const])))
}

/** The table without `key`. */
export function drop<V>(table: Table<V>, key: string): Table<V> {
  const [a, b, c] = pathOf(key)
  const stem = table[a]
  const branch = stem?.[b]
  const leaf = branch?.[c]
  if (!stem || !branch || !leaf?.some(([other]) => other === key)) return table
  const others = leaf.filter(([other]) => other !== key)
  if (others.length > 0) {
    return withPlace(table, a, withPlace(stem, b, withPlace(branch, c, others)))
  }
  const branchLeft = withoutPlace(branch, c)
  const stemLeft = branchLeft === null ? withoutPlace(stem, b) : withPlace(stem, b, branchLeft)
  return (stemLeft === null ? withoutPlace(table, a) : withPlace(table, a, stemLeft)) ?? emptyTable
}

/** All keys, in no particular order. */
export function keysOf<V>(table: Table<V>): string[] {
  return table.flatMap((stem) =>
    (stem ?? []).flatMap((branch) => (branch ?? []).flatMap((leaf) => (leaf ?? []).map(([key]) => key))),
  )
}

/** The first `limit` values. The cost does not grow with the table. */
export function firstValues<V>(table: Table<V>, limit: number): V[] {
  const values: V[] = []
  for (const stem of table) {
    for (const branch of stem ?? []) {
      for (const leaf of branch ?? []) {
        for (const [, value] of leaf ?? []) {
          if (values.length === limit) return values
          values.push(value)
        }
      }
    }
  }
  return values
}
