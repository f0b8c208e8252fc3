/** A part of the knowledge of the invariants. It keeps its JSON until it changes, also in its copies. */
export abstract class Part {
  #text: string | null = null

  /** The part as JSON. */
  get text(): string {
    this.#text ??= JSON.stringify(this.toJson())
    return this.#text
  }

  /** A copy that changes independently. */
  copy(): this {
    const copy = this.duplicate() as this
    copy.#text = this.#text
    return copy
  }

  /** The part as plain data. */
  abstract toJson(): unknown

  protected abstract duplicate(): Part

  /** To be called at each change. */
  protected changed(): void {
    this.#text = null
  }
}
