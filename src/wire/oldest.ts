/** Removes the first element of `collection`, which is the oldest when the collection is kept in order of use. */
export function forgetOldest<K>(collection: { keys(): IterableIterator<K>; delete(key: K): boolean }): void {
  for (const oldest of collection.keys()) {
    collection.delete(oldest)
    return
  }
}
