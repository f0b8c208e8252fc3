/**
 * A table in plain JSON that is never changed in place: `put` and `drop` copy one small branch, not the whole, so a role's
 * context may hold many entries and stay a plain immutable value. Keys are spread over three levels of sixteen branches.
 */
export interface Table<V> {
  readonly [branch: string]: { readonly [branch: string]: { readonly [branch: string]: Leaf<V> } }
}

interface Leaf<V> {
  readonly [key: string]: V
}

/** A table of nothing. */
export const emptyTable = {}

/** The branches that lead to `key`: the FNV-1a hash of its characters, folded to three hexadecimal digits. */
function pathOf(key: string): readonly [string, string, string] {
  let hash = 0x811c9dc5
  for (let i = 0; i < key.length; i += 1) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
  const folded = (hash ^ (hash >>> 12) ^ (hash >>> 24)) >>> 0
  return [(folded & 15).toString(16), ((folded >>> 4) & 15).toString(16), ((folded >>> 8) & 15).toString(16)]
}

/** What stands under `key`, or `undefined`. Keys are prefixed inside, so that no key means anything to JavaScript. */
export function get<V>(table: Table<V>, key: string): V | undefined {
  const [a, b, c] = pathOf(key)
  return table[a]?.[b]?.[c]?.[`=${key}`]
}

/** The table with `value` under `key`. */
export function put<V>(table: Table<V>, key: string, value: V): Table<V> {
  const [a, b, c] = pathOf(key)
  return {
    ...table,
    [a]: { ...table[a], [b]: { ...table[a]?.[b], [c]: { ...table[a]?.[b]?.[c], [`=${key}`]: value } } },
  }
}

/** The table without `key`. */
export function drop<V>(table: Table<V>, key: string): Table<V> {
  const [a, b, c] = pathOf(key)
  const leaf = table[a]?.[b]?.[c]
  if (leaf === undefined || !(`=${key}` in leaf)) return table
  const { [`=${key}`]: _, ...left } = leaf
  const branch =
    Object.keys(left).length > 0 ? { ...table[a]?.[b], [c]: left } : without(table[a]?.[b] ?? {}, c)
  const stem = Object.keys(branch).length > 0 ? { ...table[a], [b]: branch } : without(table[a] ?? {}, b)
  return Object.keys(stem).length > 0 ? { ...table, [a]: stem } : without(table, a)
}

/** All keys, in no order that means anything. */
export function keysOf<V>(table: Table<V>): string[] {
  return Object.values(table)
    .flatMap((stem) => Object.values(stem))
    .flatMap((branch) => Object.values(branch))
    .flatMap((leaf) => Object.keys(leaf).map((key) => key.slice(1)))
}

function without<T>(record: { readonly [key: string]: T }, key: string): { readonly [key: string]: T } {
  const { [key]: _, ...left } = record
  return left
}
