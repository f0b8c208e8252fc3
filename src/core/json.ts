/** The single rule for valid JSON, both for messages from the network and for the values that a service returns. */
import type { Json } from '../../machines/batch.ts'
import { utf8 } from './bytes.ts'
import { silencePromises } from './promises.ts'
import { SortedMapNode } from './sorted-map-node.ts'

/** True when `text` is well-formed Unicode. Half of a surrogate pair would become another character when stored as UTF-8. */
export function isWellFormed(text: string): boolean {
  return text.isWellFormed()
}

/**
 * True when JSON carries `value` without loss, as `copyJson` decides it, and all of it are plain arrays and objects. False does not mean
 * that JSON cannot carry it.
 */
export function isQuicklyJson(value: unknown, maxDepth: number): value is Json {
  if (typeof value === 'string') return isWellFormed(value)
  if (typeof value === 'number') return Number.isFinite(value) && !Object.is(value, -0)
  if (typeof value === 'boolean' || value === null) return true
  if (typeof value !== 'object' || maxDepth === 0) return false
  if (Array.isArray(value)) {
    // By index, so that holes are found.
    for (let place = 0; place < value.length; place += 1) {
      if (!isQuicklyJson(value[place], maxDepth - 1)) return false
    }
    return true
  }
  if (!isPlain(value)) return false
  if (Object.getOwnPropertySymbols(value).length > 0) return false
  for (const key of Object.keys(value)) {
    if (keyFault(key) !== null) return false
    if (!isQuicklyJson((value as { readonly [key: string]: unknown })[key], maxDepth - 1)) return false
  }
  return true
}

/**
 * Why a `value` from `JSON.parse` is refused; `null` when it is valid. A valid value equals itself after it was sent, stored and
 * read again on every server. Its arrays and objects are nested at most `maxDepth` deep, so that recursive code can process it.
 */
export function jsonFault(value: unknown, maxDepth: number): string | null {
  if (typeof value === 'object' && value !== null) return containerFault(value, maxDepth)
  const fault = scalarFault(value)
  return fault === null ? null : `a value ${fault}`
}

const notCarried = 'which JSON cannot carry'

/** What is wrong with `value`, as a predicate: `is NaN, which JSON cannot carry`. */
function scalarFault(value: unknown): string | null {
  switch (typeof value) {
    case 'string':
      return isWellFormed(value) ? null : 'holds half of a surrogate pair'
    case 'number':
      if (!Number.isFinite(value)) return `is ${value}, ${notCarried}`
      // JSON writes -0 as 0. A server that reads it again would get a different quotient from a division.
      return Object.is(value, -0) ? `is -0, ${notCarried}` : null
    case 'boolean':
      return null
    case 'object':
      return null
    case 'undefined':
      return `is undefined, ${notCarried}`
    case 'bigint':
      return `is a BigInt, ${notCarried}`
    default:
      return `is a ${typeof value}, ${notCarried}`
  }
}

/** What is wrong with a key, as a predicate. */
function keyFault(key: string): string | null {
  if (key === '__proto__') return 'is __proto__'
  return isWellFormed(key) ? null : 'holds half of a surrogate pair'
}

const tooDeep = 'it is nested too deep'

function containerFault(value: object, maxDepth: number): string | null {
  if (maxDepth === 0) return tooDeep
  if (Array.isArray(value)) {
    for (const element of value) {
      const fault = jsonFault(element, maxDepth - 1)
      if (fault !== null) return fault
    }
    return null
  }
  // `Object.entries` would create an array for each property, and every command runs this code.
  for (const key of Object.keys(value)) {
    const wrongKey = keyFault(key)
    const element = (value as { readonly [key: string]: unknown })[key]
    const fault = wrongKey === null ? jsonFault(element, maxDepth - 1) : `a key ${wrongKey}`
    if (fault !== null) return fault
  }
  return null
}

/** The limits on the nesting and the size of a value. */
export interface JsonLimits {
  /** The deepest allowed nesting of arrays and objects. */
  readonly depth: number
  /** The size of the JSON in UTF-8. */
  readonly bytes: number
}

/**
 * The error of `copyJson`. `message` says which part of the value is refused and why. The message is the same on every server: it
 * holds keys and kinds, and nothing that depends on the JavaScript engine, the machine or the name of a class.
 */
export class JsonFault extends Error {}

/**
 * Copies any value that a program made. The copy equals `value` and shares no object with it. Each property is read once, so that
 * later changes, or a getter with varying results, cannot affect the copy. `limits` bounds the cost for every value.
 *
 * Throws a `JsonFault`, which calls the value `name`, when JSON cannot carry `value` without loss or when `value` exceeds a
 * limit. Errors that a getter throws pass through.
 */
export function copyJson(value: unknown, limits: JsonLimits, name: string): Json {
  try {
    const copier = new Copier(limits, name)
    const json = copier.copy(value, 0)
    copier.measure(json)
    return json
  } catch (error) {
    silencePromises(value)
    throw error
  }
}

/** The most bytes of JSON for each byte that is counted during the copy: the length of the longest number. */
const mostBytesForOne = 25

/** The longest path that an error message shows, and the longest key in it, in characters. */
const longestPath = 80
const longestKey = 40

class Copier {
  readonly #limits: JsonLimits
  readonly #name: string
  /** The path to the value that is copied now. */
  readonly #path: (string | number)[] = []
  /** A lower bound for the size of the copy's JSON. The exact size is known only after the copy. */
  #bytes = 0

  constructor(limits: JsonLimits, name: string) {
    this.#limits = limits
    this.#name = name
  }

  copy(value: unknown, depth: number): Json {
    if (typeof value === 'object' && value !== null) return this.#copyObject(value, depth)
    // Counted before the check, because the text may be very long.
    this.#count(typeof value === 'string' ? value.length + 2 : 1)
    const fault = scalarFault(value)
    if (fault !== null) this.#refuse(fault)
    return value as Json
  }

  /** Throws when the JSON of the copy is too long. Computes the JSON only when it could be too long. */
  measure(copy: Json): void {
    const { bytes } = this.#limits
    if (this.#bytes * mostBytesForOne <= bytes) return
    if (utf8(JSON.stringify(copy)).length > bytes) this.#refuseLength()
  }

  #refuseLength(): never {
    throw new JsonFault(`${this.#name} takes more than ${this.#limits.bytes} bytes of JSON`)
  }

  /** Throws an error about the value that is copied now; `fault` is the predicate. */
  #refuse(fault: string): never {
    throw new JsonFault(`${this.#place()} ${fault}`)
  }

  /** The path of the value that is copied now: `body.by`, `body[3]["a key"]`. */
  #place(): string {
    let place = this.#name
    for (const step of this.#path) {
      place += stepText(step)
      if (place.length > longestPath) return `${place.slice(0, longestPath)}…`
    }
    return place
  }

  #count(bytes: number): void {
    this.#bytes += bytes
    // The negation also refuses NaN: `length` may be a value that is not a number.
    if (!(this.#bytes <= this.#limits.bytes)) this.#refuseLength()
  }

  #copyObject(value: object, depth: number): Json {
    if (depth === this.#limits.depth) {
      throw new JsonFault(
        `${this.#name} is nested more than ${depth} deep, or holds itself, at ${this.#place()}`,
      )
    }
    this.#count(2)
    if (Array.isArray(value)) return this.#copyArray(value, depth)
    if (!isPlain(value)) {
      // A getter may return a different promise at each read.
      silencePromises(value)
      this.#refuse(`is ${kindOf(value)}, ${notCarried}`)
    }
    if (Object.getOwnPropertySymbols(value).length > 0) this.#refuse('has a key that is a symbol')
    const copy: Record<string, Json> = {}
    for (const key of Object.keys(value)) {
      this.#count(key.length + 3)
      const fault = keyFault(key)
      if (fault !== null) this.#refuse(`has a key that ${fault}`)
      copy[key] = this.#copyPart((value as Record<string, unknown>)[key], key, depth)
    }
    return copy
  }

  #copyArray(value: readonly unknown[], depth: number): Json {
    const { length } = value
    this.#count(Math.max(0, length - 1))
    // By index, so that holes are found. `Array.from` allocates the exact length; a growing list would take more memory than it
    // needs.
    return Array.from({ length }, (_, place) => this.#copyPart(value[place], place, depth))
  }

  #copyPart(part: unknown, step: string | number, depth: number): Json {
    this.#path.push(step)
    const copy = this.copy(part, depth + 1)
    this.#path.pop()
    return copy
  }
}

function stepText(step: string | number): string {
  if (typeof step === 'number') return `[${step}]`
  if (/^[A-Za-z_$][\w$]*$/.test(step) && step.length <= longestKey) return `.${step}`
  return `[${JSON.stringify(step.length <= longestKey ? step : `${step.slice(0, longestKey)}…`)}]`
}

/** True for an object literal `{…}` of any realm and a node of a sorted map; false for an instance of another class. */
function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value)
  if (prototype === Object.prototype || prototype === null || prototype === SortedMapNode.prototype)
    return true
  return Object.getPrototypeOf(prototype) === null
}

/** Built-in classes that a message may name: their names are the same on every server, unlike the names of a program's classes. */
const namedKinds = new Set(['Map', 'Set', 'Date', 'Promise', 'RegExp', 'Error', 'Uint8Array', 'ArrayBuffer'])

function kindOf(value: object): string {
  const tag = Object.prototype.toString.call(value).slice('[object '.length, -1)
  if (!namedKinds.has(tag)) return 'an object of a class'
  return `${/^[AE]/.test(tag) ? 'an' : 'a'} ${tag}`
}

/**
 * The approximate size of `json` in memory, in bytes. The result is the same on every server and does not depend on the
 * JavaScript engine.
 */
export function heldBytes(json: unknown): number {
  if (typeof json === 'string') return 24 + json.length
  if (typeof json !== 'object' || json === null) return 8
  if (Array.isArray(json)) {
    let bytes = 32
    for (const element of json) bytes += heldBytes(element)
    return bytes
  }
  let bytes = 64
  for (const key of Object.keys(json)) {
    bytes += 24 + key.length + heldBytes((json as { readonly [key: string]: unknown })[key])
  }
  return bytes
}
