/** Takes the first of `collection` out: the oldest where it is kept in the order of use. */
export function forgetOldest<K>(collection: { keys(): IterableIterator<K>; delete(key: K): boolean }): void {
  for (const oldest of collection.keys()) {
    collection.delete(oldest)
    return
  }
}
