/** A record without entries, for the steps of one function. It has no prototype, so any key may be looked up in it. */
export function emptyRecord<V>(): Record<string, V | undefined> {
  return Object.create(null) as Record<string, V | undefined>
}
