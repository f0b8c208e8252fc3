/**
 * Finds promises in the values that a service returns or throws. The replica refuses each one and handles its rejection, because
 * Node.js ends a process on an unhandled rejection.
 */
import { SortedMapNode } from './sorted-map-node.ts'

/** The most objects that are searched in a row without a promise: in a new state, and in a discarded value. */
const mostOfState = 1_000
const mostThrownAway = 10_000

/** The most objects that the quick search visits, and the longest list: below the limits of the full search. */
const mostQuick = 512
const longestQuickList = 64

/** The most objects that wait for the search. */
const mostOpen = 100_000

/** The most list elements that are searched: a sparse list may be very long and take no memory. */
const mostElements = 1_000_000

/**
 * True when `value` holds a promise where it differs from `before`. An object that stands at the same place in both is not
 * searched, so the cost does not grow with the unchanged part. If much differs, only the uppermost thousand objects are searched.
 * Never throws.
 */
export function holdsPromise(value: unknown, before?: unknown): boolean {
  if (value === before || !isObject(value)) return false
  return !isPlainWithoutPromise(value, before) && new Search(mostOfState, null).run(value, before)
}

/** Searches a new node, whose sides were searched when they were new. Never throws. */
export function searchNew(node: SortedMapNode<unknown>): void {
  isPlainWithoutPromise(node, undefined)
}

let quickLeft = 0

/**
 * True when a small part of `value` differs from `before`, and that part consists of plain objects and lists without a promise.
 * Most states and commands do, and then no full search is necessary. Never throws.
 */
function isPlainWithoutPromise(value: object, before: unknown): boolean {
  quickLeft = mostQuick
  try {
    return isQuicklyPlain(value, before)
  } catch {
    return false
  }
}

function isQuicklyPlain(value: object, before: unknown): boolean {
  if (value instanceof SortedMapNode) return isPlainSide(value, before)
  quickLeft -= 1
  if (quickLeft < 0) return false
  const olds = typeof before === 'object' && before !== null ? (before as Fields) : nothing
  if (Array.isArray(value)) {
    if (value.length > longestQuickList) return false
    for (let place = 0; place < value.length; place += 1) {
      const part: unknown = value[place]
      if (isObject(part) && part !== olds[place] && !isQuicklyPlain(part, olds[place])) return false
    }
    return true
  }
  if (!isPlain(value)) return false
  for (const key in value) {
    // The old value is read only when it is needed: that costs more than the new one.
    const part = (value as Fields)[key]
    if (isObject(part) && part !== olds[key] && !isQuicklyPlain(part, olds[key])) return false
  }
  return true
}

/** Visits the nodes that no search has visited: a state has few of them, wherever its other nodes stand now. */
function isPlainMap(node: SortedMapNode<unknown>, before: SortedMapNode<unknown> | null): boolean {
  if (node.isSearched) return true
  quickLeft -= 1
  if (quickLeft < 0) return false
  const { value, left, right } = node
  if (isObject(value) && value !== before?.value && !isQuicklyPlain(value, before?.value)) return false
  if (left !== null && left !== before?.left && !isPlainSide(left, before?.left)) return false
  if (right !== null && right !== before?.right && !isPlainSide(right, before?.right)) return false
  node.recordSearch()
  return true
}

/** A side is a plain object where a service restored the map from JSON. */
function isPlainSide(side: object, before: unknown): boolean {
  return side instanceof SortedMapNode
    ? isPlainMap(side, before instanceof SortedMapNode ? before : null)
    : isQuicklyPlain(side, before)
}

const nothing: Fields = {}

/** Handles the rejection of each promise in the discarded `value`, where it differs from `before`. Never throws. */
export function silencePromises(value: unknown, before?: unknown): void {
  if (value === before || !isObject(value)) return
  new Search(mostThrownAway, silence).run(value, before)
}

/** True when `value` is a promise or `await` would treat it as one. Throws the error of reading its `then`. */
export function isThenable(value: unknown): boolean {
  return isObject(value) && typeof (value as Fields).then === 'function'
}

type Fields = { readonly [key: PropertyKey]: unknown }

/** A breadth-first search. Without `found`, the search ends at the first promise. */
class Search {
  readonly #most: number
  readonly #found: ((promise: object) => void) | null
  readonly #open: object[] = []
  /** The previous values at the same places. */
  readonly #olds: unknown[] = []
  /** Used only when the search looks for every promise; otherwise the bound suffices. */
  readonly #seen: Set<object> | null
  /** The search ends here unless it finds a promise. */
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
    else if (isPlain(value) || value instanceof SortedMapNode)
      for (const key in value) this.#look((value as Fields)[key], olds?.[key])
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
      // An element that moved by one place did not change.
      if (part !== olds?.[place + 1] && part !== olds?.[place - 1]) this.#look(part, olds?.[place])
    }
  }

  /** One property cannot be read, but others may be readable. */
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
    if (part instanceof SortedMapNode && part.isSearched) return
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

/** All own property names of an instance, including those that are not enumerable, such as the cause of an Error. */
function keysOf(value: object): readonly PropertyKey[] {
  if (value instanceof String || ArrayBuffer.isView(value)) return []
  // The stack is text, and is created when it is read.
  return Reflect.ownKeys(value).filter((key) => key !== 'stack')
}

function silence(promise: object): void {
  try {
    Promise.prototype.then.call(promise, noop, noop)
  } catch {
    // The class of the promise prevents `then`.
  }
}

function noop(): void {}
