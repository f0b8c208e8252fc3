/** JSON values as EDN (https://github.com/edn-format/edn), which Clojure programs read. */
import type { Json } from '../../machines/batch.ts'

/** An EDN keyword: `:name`. */
export class Keyword {
  readonly name: string

  constructor(name: string) {
    this.name = name
  }
}

/**
 * `value` on one line: objects as maps with string keys, arrays as vectors, `null` as `nil`. Clojure's reader knows all
 * escapes that JSON uses in strings (quote, backslash, control characters).
 */
export function ednOf(value: Json): string {
  if (value === null) return 'nil'
  if (typeof value !== 'object') return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(ednOf).join(' ')}]`
  const entries = Object.entries(value).map(([key, item]) => `${JSON.stringify(key)} ${ednOf(item)}`)
  return `{${entries.join(', ')}}`
}

/** A map on one line with keywords as keys, in the given order. */
export function ednRecord(fields: Readonly<Record<string, Json | Keyword>>): string {
  const entries = Object.entries(fields).map(
    ([key, item]) => `:${key} ${item instanceof Keyword ? `:${item.name}` : ednOf(item)}`,
  )
  return `{${entries.join(', ')}}`
}
