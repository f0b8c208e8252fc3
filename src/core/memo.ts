/**
 * `compute` with a cache by identity: a value is computed once for each object, and forgotten with it. The object must never
 * change, and its value is never `undefined`. An error is not cached.
 */
export function memoByIdentity<Key extends object, Value extends NonNullable<unknown>>(
  compute: (key: Key) => Value,
): (key: Key) => Value {
  const known = new WeakMap<Key, Value>()
  return (key) => {
    const before = known.get(key)
    if (before !== undefined) return before
    const value = compute(key)
    known.set(key, value)
    return value
  }
}
