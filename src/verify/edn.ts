/** JSON values as EDN (https://github.com/edn-format/edn), which Clojure programs read. */
import type { Json } from '../../machines/batch.ts'

/** A name that stands for itself: `:name`. */
export class Keyword {
  readonly name: string

  constructor(name: string) {
    this.name = name
  }
}

/**
 * `value` on one line: objects as maps with strings for keys, arrays as vectors, `null` as `nil`. JSON's escapes in a string
 * (quote, backslash, control characters) are among those that Clojure's reader knows.
 */
export function ednOf(value: Json): string {
  if (value === null) return 'nil'
  if (typeof value !== 'object') return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(ednOf).join(' ')}]`
  const entries = Object.entries(value).map(([key, item]) => `${JSON.stringify(key)} ${ednOf(item)}`)
  return `{${entries.join(', ')}}`
}

/** A map on one line with keywords for keys, in the order given. */
export function ednRecord(fields: Readonly<Record<string, Json | Keyword>>): string {
  const entries = Object.entries(fields).map(
    ([key, item]) => `:${key} ${item instanceof Keyword ? `:${item.name}` : ednOf(item)}`,
  )
  return `{${entries.join(', ')}}`
}
