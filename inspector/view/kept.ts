import { useEffect, useState } from 'preact/hooks'

/** State that outlives its component: it is still there after the reader visits another tab. */
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

  /** Calls `listener` after changes. Returns a function that unsubscribes it. */
  subscribe(listener: (value: T) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}

/** The kept state. The component is drawn again when it changes. */
export function useKept<T>(kept: Kept<T>): T {
  const [value, setValue] = useState(kept.value)
  useEffect(() => {
    setValue(() => kept.value)
    return kept.subscribe((next) => setValue(() => next))
  }, [kept])
  return value
}
