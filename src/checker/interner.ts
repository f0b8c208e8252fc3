/** Gives equal values one number, counted from 0, so that the search compares and stores numbers. */
export class Interner<T> {
  readonly #ids = new Map<string, number>()
  readonly #values: T[] = []

  get size(): number {
    return this.#values.length
  }

  /** The values, in the order of the numbers. */
  get values(): readonly T[] {
    return this.#values
  }

  /** The number of the value with this `key`. A new `value` is stored. */
  idOf(key: string, value: T): number {
    const known = this.#ids.get(key)
    if (known !== undefined) return known
    const id = this.#values.length
    this.#ids.set(key, id)
    this.#values.push(value)
    return id
  }

  /** Throws when no value has this number. */
  valueOf(id: number): T {
    const value = this.#values[id]
    if (value === undefined) throw new Error(`no value has the number ${id}`)
    return value
  }
}
