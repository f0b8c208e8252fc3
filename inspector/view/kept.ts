import { useEffect, useState } from 'preact/hooks'

/** State that outlives the part that shows it: a reader who looks at another tab meanwhile finds it as it went on. */
export class Kept<T> {
  readonly #listeners = new Set<(value: T) => void>()
  #value: T

  constructor(value: T) {
    this.#value = value
  }

  get value(): T {
    return this.#value
  }

  set(value: T): void {
    this.#value = value
    for (const listener of this.#listeners) listener(value)
  }

  /** Calls `listener` after changes; returns how to end that. */
  subscribe(listener: (value: T) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}

/** The state that is kept; the part is drawn again when it changes. */
export function useKept<T>(kept: Kept<T>): T {
  const [value, setValue] = useState(kept.value)
  useEffect(() => {
    setValue(() => kept.value)
    return kept.subscribe((next) => setValue(() => next))
  }, [kept])
  return value
}
