/** The timers of a service, on the replicated clock. */
import { numberKey } from './number-key.ts'
import { drop, eachValue, emptyMap, entriesOf, firstValue, put, type SortedMap } from './sorted-map.ts'

/** Sets the timer `name` to fire `afterMs` from now on the replicated clock, also when it is set already; with `null`, cancels it. */
export interface TimerChange {
  readonly name: string
  /** A whole number of milliseconds, from 1 to `serviceLimits.timerMs`. */
  readonly afterMs: number | null
}

export interface Timer {
  readonly name: string
  /** The value of the replicated clock from which on it is due, in milliseconds. */
  readonly deadlineMs: number
}

/** All timers that are set, in order of deadline; timers of one deadline in the order in which they were set. */
export class Timers {
  /** The place of each timer, by name. */
  readonly #places = new Map<string, string>()
  #inOrder: SortedMap<Timer> = emptyMap
  #settings = 0

  get size(): number {
    return this.#places.size
  }

  /** The earliest deadline; `null` when no timer is set. */
  get earliestMs(): number | null {
    return this.#first?.deadlineMs ?? null
  }

  /** The timer that is due first. */
  get #first(): Timer | undefined {
    return firstValue(this.#inOrder)
  }

  /** In order of firing. A new table in which the same timers are set in this order is equal to this one. */
  get all(): readonly Timer[] {
    return entriesOf(this.#inOrder).map(([, timer]) => timer)
  }

  /** Walks the timers that are set now in order of firing, also while others are set. */
  get inOrder(): Iterable<Timer> {
    return eachValue(this.#inOrder)
  }

  /** The first `most` timers in order of firing. */
  first(most: number): readonly Timer[] {
    return entriesOf(this.#inOrder, most).map(([, timer]) => timer)
  }

  has(name: string): boolean {
    return this.#places.has(name)
  }

  /** Sets a timer; a timer of the same name is replaced. */
  set(name: string, deadlineMs: number): void {
    this.cancel(name)
    const place = placeOf(deadlineMs, this.#settings)
    this.#settings += 1
    this.#places.set(name, place)
    this.#inOrder = put(this.#inOrder, place, { name, deadlineMs })
  }

  /** Removes a timer. Does nothing when it is not set. */
  cancel(name: string): void {
    const place = this.#places.get(name)
    if (place === undefined) return
    this.#places.delete(name)
    this.#inOrder = drop(this.#inOrder, place)
  }

  /** Removes and returns the first timer that is due at `clockMs`; `null` for none. */
  takeDue(clockMs: number): Timer | null {
    const first = this.#first
    if (first === undefined || first.deadlineMs > clockMs) return null
    this.cancel(first.name)
    return first
  }
}

/** A text that sorts by deadline, then by the order of setting. */
function placeOf(deadlineMs: number, setting: number): string {
  return `${numberKey(deadlineMs)}.${numberKey(setting)}`
}
