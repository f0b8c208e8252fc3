/**
 * Promises in what a service returns or throws: each is refused, and its rejection handled, since Node.js ends a process in
 * which a promise is rejected that nobody waits for.
 */

/** Objects that are searched in a row without a promise being found, at most: of a new state, and of what is thrown away. */
const mostOfState = 1_000
const mostThrownAway = 10_000

/** Objects that wait to be searched, at most. */
const mostOpen = 100_000

/** Elements of lists that are looked at, at most: a list may be as long as it says, and take no memory. */
const mostElements = 1_000_000

/**
 * True when there is a promise in `value` where it differs from `before`: the same object at the same place is not searched, so
 * that the cost does not grow with what stayed. Of much that differs, the uppermost thousand objects are searched. Throws nothing.
 */
export function holdsPromise(value: unknown, before?: unknown): boolean {
  if (value === before || !isObject(value)) return false
  return new Search(mostOfState, null).run(value, before)
}

/** Handles the rejection of each promise in `value`, which is thrown away, where it differs from `before`. Throws nothing. */
export function silencePromises(value: unknown, before?: unknown): void {
  if (value === before || !isObject(value)) return
  new Search(mostThrownAway, silence).run(value, before)
}

/** True when `value` is a promise, or would be taken for one. Throws what reading its `then` throws. */
export function isThenable(value: unknown): boolean {
  return isObject(value) && typeof (value as Fields).then === 'function'
}

type Fields = { readonly [key: PropertyKey]: unknown }

/** The uppermost first. Without `found`, the first promise ends it. */
class Search {
  readonly #most: number
  readonly #found: ((promise: object) => void) | null
  readonly #open: object[] = []
  /** What stood at the same places before. */
  readonly #olds: unknown[] = []
  /** Only where all are searched for: the bound is enough where there is little. */
  readonly #seen: Set<object> | null
  /** Where it ends unless a promise is found. */
  #end: number
  #searched = 0
  #elementsLeft = mostElements
  #isFound = false

  constructor(most: number, found: ((promise: object) => void) | null) {
    this.#most = most
    this.#found = found
    this.#end = most
    this.#seen = found === null ? null : new Set()
  }

  /** True when a promise was found. */
  run(value: object, before: unknown): boolean {
    try {
      this.#look(value, before)
    } catch {
      // A proxy that cannot be read.
    }
    for (; this.#searched < this.#open.length && this.#searched < this.#end; this.#searched += 1) {
      if (this.#isFound && this.#found === null) return true
      const next = this.#open[this.#searched] as object
      const old = this.#olds[this.#searched]
      try {
        this.#searchIn(next, old)
      } catch {
        this.#searchInEach(next)
      }
    }
    return this.#isFound
  }

  #searchIn(value: object, before: unknown): void {
    const olds: Fields | undefined = isObject(before) ? (before as Fields) : undefined
    if (Array.isArray(value)) this.#searchInList(value, olds)
    else if (isPlain(value)) for (const key in value) this.#look((value as Fields)[key], olds?.[key])
    else if (value instanceof Map) {
      for (const [key, part] of value) {
        this.#look(key, before instanceof Map && before.has(key) ? key : undefined)
        this.#look(part, before instanceof Map ? before.get(key) : undefined)
      }
    } else if (value instanceof Set) {
      for (const part of value) this.#look(part, before instanceof Set && before.has(part) ? part : undefined)
    } else for (const key of keysOf(value)) this.#look((value as Fields)[key], olds?.[key])
  }

  #searchInList(list: readonly unknown[], olds: Fields | undefined): void {
    const most = Math.min(list.length, this.#elementsLeft)
    this.#elementsLeft -= most
    for (let place = 0; place < most; place += 1) {
      const part = list[place]
      // One more or less before it is no change of it.
      if (part !== olds?.[place + 1] && part !== olds?.[place - 1]) this.#look(part, olds?.[place])
    }
  }

  /** One part cannot be read: the others may be. */
  #searchInEach(value: object): void {
    try {
      for (const key of keysOf(value).slice(0, mostOpen)) {
        const read = Object.getOwnPropertyDescriptor(value, key)
        this.#look(read?.value, undefined)
      }
    } catch {
      // A proxy that cannot be read.
    }
  }

  #look(part: unknown, before: unknown): void {
    if (part === before || !isObject(part)) return
    if (this.#seen?.has(part)) return
    this.#seen?.add(part)
    if (part instanceof Promise) {
      this.#isFound = true
      this.#end = this.#searched + this.#most
      this.#found?.(part)
    } else if (this.#open.length < mostOpen) {
      this.#open.push(part)
      this.#olds.push(before)
    }
  }
}

function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function'
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** The names of all that stands in an object of a class, also what is not listed, as the cause of an Error. */
function keysOf(value: object): readonly PropertyKey[] {
  if (value instanceof String || ArrayBuffer.isView(value)) return []
  // The stack is text, and made when it is read.
  return Reflect.ownKeys(value).filter((key) => key !== 'stack')
}

function silence(promise: object): void {
  try {
    Promise.prototype.then.call(promise, noop, noop)
  } catch {
    // Its class does not let anybody wait for it.
  }
}

function noop(): void {}
