/** The one rule of what JSON is here: for what comes over the network and for what a service returns. */
import type { Json } from '../../machines/batch.ts'
import { utf8 } from './bytes.ts'

const loneSurrogate = /\p{Surrogate}/u

/** True when `text` is whole Unicode: half of a surrogate pair would be another character after it was stored as UTF-8. */
export function isWellFormed(text: string): boolean {
  return !loneSurrogate.test(text)
}

/**
 * Why `value`, as `JSON.parse` gives it, is not kept, or `null` when it is. What is kept is equal to itself after it was
 * sent, stored and read again on every server, and is shallow enough for whoever walks it: arrays and objects lie at most
 * `maxDepth` deep.
 */
export function jsonFault(value: unknown, maxDepth: number): string | null {
  return typeof value === 'object' && value !== null ? containerFault(value, maxDepth) : scalarFault(value)
}

function scalarFault(value: unknown): string | null {
  switch (typeof value) {
    case 'string':
      return isWellFormed(value) ? null : 'a string holds half of a surrogate pair'
    case 'number':
      if (!Number.isFinite(value)) return 'a number is out of range'
      // JSON writes it as 0: servers that read it again would divide by something else.
      return Object.is(value, -0) ? 'a number is -0' : null
    case 'boolean':
      return null
    case 'object':
      return null
    default:
      return `a value of the type ${typeof value} is no JSON`
  }
}

function keyFault(key: string): string | null {
  if (key === '__proto__') return 'a key is __proto__'
  return isWellFormed(key) ? null : 'a key holds half of a surrogate pair'
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
  for (const [key, element] of Object.entries(value)) {
    const fault = keyFault(key) ?? jsonFault(element, maxDepth - 1)
    if (fault !== null) return fault
  }
  return null
}

/** How deep and how long a value may be. */
export interface JsonLimits {
  /** Arrays and objects within each other. */
  readonly depth: number
  /** Of its JSON in UTF-8. */
  readonly bytes: number
}

/** What `copyJson` throws: `message` is why the value is not kept, in words that are the same on every server. */
export class JsonFault extends Error {}

/**
 * A copy of any value that a program made. The copy is equal to `value` and holds nothing of it: each property is read once, so
 * what changes later, or answers otherwise when it is read again, is no part of it. Its cost is bounded by `limits`, whatever
 * the value. Throws a `JsonFault` when JSON cannot carry `value` without loss or it is beyond a limit, and whatever a property
 * throws that is read.
 */
export function copyJson(value: unknown, limits: JsonLimits): Json {
  const copier = new Copier(limits)
  const json = copier.copy(value, 0)
  copier.measure(json)
  return json
}

/** Bytes that JSON may take for each one that is counted while it is copied: those of the longest number. */
const mostBytesForOne = 25

class Copier {
  readonly #limits: JsonLimits
  /** Never more than what the JSON of the copy takes: what it takes is known when there is a copy. */
  #bytes = 0

  constructor(limits: JsonLimits) {
    this.#limits = limits
  }

  copy(value: unknown, depth: number): Json {
    if (typeof value === 'object' && value !== null) return this.#copyObject(value, depth)
    // Counted before it is looked at: a text may be longer than anybody wants to look at.
    this.#count(typeof value === 'string' ? value.length + 2 : 1)
    refuseIf(scalarFault(value))
    return value as Json
  }

  /** Throws when the JSON of the copy is too long. It is written only where it may be. */
  measure(copy: Json): void {
    const { bytes } = this.#limits
    if (this.#bytes * mostBytesForOne <= bytes) return
    if (utf8(JSON.stringify(copy)).length > bytes) this.#refuseLength()
  }

  #refuseLength(): never {
    throw new JsonFault(`it takes more than ${this.#limits.bytes} bytes of JSON`)
  }

  #count(bytes: number): void {
    this.#bytes += bytes
    // The other way round it would let through what is no number, as a `length` may be.
    if (!(this.#bytes <= this.#limits.bytes)) this.#refuseLength()
  }

  #copyObject(value: object, depth: number): Json {
    if (depth === this.#limits.depth) {
      throw new JsonFault(`it is nested more than ${this.#limits.depth} deep, or holds itself`)
    }
    this.#count(2)
    if (Array.isArray(value)) return this.#copyArray(value, depth)
    if (!isPlain(value)) throw new JsonFault(`${kindOf(value)} is no JSON`)
    refuseIf(Object.getOwnPropertySymbols(value).length > 0 ? 'a key is a symbol' : null)
    const copy: Record<string, Json> = {}
    for (const key of Object.keys(value)) {
      this.#count(key.length + 3)
      refuseIf(keyFault(key))
      copy[key] = this.copy((value as Record<string, unknown>)[key], depth + 1)
    }
    return copy
  }

  #copyArray(value: readonly unknown[], depth: number): Json {
    const { length } = value
    this.#count(Math.max(0, length - 1))
    // By place, so that a hole is found; and as long as it is, where a list that grows would take more than it needs.
    return Array.from({ length }, (_, place) => this.copy(value[place], depth + 1))
  }
}

function refuseIf(fault: string | null): void {
  if (fault !== null) throw new JsonFault(fault)
}

/** True for `{…}`, of this realm or another; false for what a class makes. */
function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

/** Kinds that are called by their name: it is the same on every server, as that of a class that somebody wrote may not be. */
const namedKinds = new Set(['Map', 'Set', 'Date', 'Promise', 'RegExp', 'Error', 'Uint8Array', 'ArrayBuffer'])

function kindOf(value: object): string {
  const tag = Object.prototype.toString.call(value).slice('[object '.length, -1)
  if (tag === 'Error') return 'an Error'
  return namedKinds.has(tag) ? `a ${tag}` : 'an object of a class'
}

/** What `json` takes in memory, about, in bytes: the same on every server, whatever their engines really need. */
export function heldBytes(json: unknown): number {
  if (typeof json === 'string') return 24 + json.length
  if (typeof json !== 'object' || json === null) return 8
  if (Array.isArray(json)) return json.reduce((bytes, element) => bytes + heldBytes(element), 32)
  let bytes = 64
  for (const key of Object.keys(json)) {
    bytes += 24 + key.length + heldBytes((json as { readonly [key: string]: unknown })[key])
  }
  return bytes
}
