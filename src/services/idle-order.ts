/** Something that can stand in an `IdleOrder`. Only the order itself touches these. */
export interface Linked<T> {
  longerIdle: T | null
  lessIdle: T | null
}

/**
 * Things in order of last use, the longest idle first; every operation is O(1). A Map that is inserted into again would do
 * for the order, but to find its first entry it walks over all that was deleted before it.
 */
export class IdleOrder<T extends Linked<T>> {
  #longest: T | null = null
  #shortest: T | null = null

  get longestIdle(): T | null {
    return this.#longest
  }

  /** Puts `item` last, as just used, wherever it stood. */
  use(item: T): void {
    this.remove(item)
    item.longerIdle = this.#shortest
    if (this.#shortest === null) this.#longest = item
    else this.#shortest.lessIdle = item
    this.#shortest = item
  }

  /** Takes `item` out; nothing happens when it is not in. */
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
