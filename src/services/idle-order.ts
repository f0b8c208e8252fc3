/** An item that an `IdleOrder` can contain. Only the order itself reads and writes these fields. */
export interface Linked<T> {
  longerIdle: T | null
  lessIdle: T | null
}

/**
 * Items in order of last use, the longest idle first. Every operation is O(1). A Map keeps this order too when an entry is
 * deleted and inserted again, but finding its first entry takes time for all entries that were deleted before it.
 */
export class IdleOrder<T extends Linked<T>> {
  #longest: T | null = null
  #shortest: T | null = null

  get longestIdle(): T | null {
    return this.#longest
  }

  /** Moves `item` to the end, as the last used, or inserts it there. */
  use(item: T): void {
    this.remove(item)
    item.longerIdle = this.#shortest
    if (this.#shortest === null) this.#longest = item
    else this.#shortest.lessIdle = item
    this.#shortest = item
  }

  /** Removes `item`. Does nothing when the order does not contain it. */
  remove(item: T): void {
    const { longerIdle, lessIdle } = item
    if (longerIdle !== null) longerIdle.lessIdle = lessIdle
    else if (this.#longest === item) this.#longest = lessIdle
    if (lessIdle !== null) lessIdle.longerIdle = longerIdle
    else if (this.#shortest === item) this.#shortest = longerIdle
    item.longerIdle = null
    item.lessIdle = null
  }
}
