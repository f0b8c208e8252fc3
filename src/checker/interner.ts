/** Gives equal things one number, counted from 0, so that they are compared and kept as numbers. */
export class Interner<T> {
  readonly #ids = new Map<string, number>()
  readonly #values: T[] = []

  get size(): number {
    return this.#values.length
  }

  /** The key of each, in the order of their numbers. */
  get keys(): readonly string[] {
    return [...this.#ids.keys()]
  }

  /** The number of what `key` names; `value` is kept when it is new. */
  idOf(key: string, value: T): number {
    const known = this.#ids.get(key)
    if (known !== undefined) return known
    const id = this.#values.length
    this.#ids.set(key, id)
    this.#values.push(value)
    return id
  }

  /** Throws when no thing has that number. */
  valueOf(id: number): T {
    const value = this.#values[id]
    if (value === undefined) throw new Error(`nothing has the number ${id}`)
    return value
  }
}
