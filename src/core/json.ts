/** The one rule of what JSON is here: for what comes over the network and for what a service returns. */
import type { Json } from '../../machines/batch.ts'
import { utf8 } from './bytes.ts'
import { silencePromises } from './promises.ts'

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
  if (typeof value === 'object' && value !== null) return containerFault(value, maxDepth)
  const fault = scalarFault(value)
  return fault === null ? null : `a value ${fault}`
}

const notCarried = 'which JSON cannot carry'

/** What is wrong with `value`, as said of it: `is NaN, which JSON cannot carry`. */
function scalarFault(value: unknown): string | null {
  switch (typeof value) {
    case 'string':
      return isWellFormed(value) ? null : 'holds half of a surrogate pair'
    case 'number':
      if (!Number.isFinite(value)) return `is ${value}, ${notCarried}`
      // JSON writes it as 0: servers that read it again would divide by something else.
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

/** The same of a key. */
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
  for (const [key, element] of Object.entries(value)) {
    const wrongKey = keyFault(key)
    const fault = wrongKey === null ? jsonFault(element, maxDepth - 1) : `a key ${wrongKey}`
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

/**
 * What `copyJson` throws: `message` is what of the value is not kept, and why, in words that are the same on every server. So it
 * holds keys and kinds, and nothing that the engine, the machine or the name of a class decides.
 */
export class JsonFault extends Error {}

/**
 * A copy of any value that a program made. The copy is equal to `value` and holds nothing of it: each property is read once, so
 * what changes later, or answers otherwise when it is read again, is no part of it. Its cost is bounded by `limits`, whatever
 * the value. Throws a `JsonFault`, which calls the value `name`, when JSON cannot carry `value` without loss or it is beyond a
 * limit, and whatever a property throws that is read.
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

/** Bytes that JSON may take for each one that is counted while it is copied: those of the longest number. */
const mostBytesForOne = 25

/** Characters of a path that are shown, and of each key in it. */
const longestPath = 80
const longestKey = 40

class Copier {
  readonly #limits: JsonLimits
  readonly #name: string
  /** Where the value is that is copied now. */
  readonly #path: (string | number)[] = []
  /** Never more than what the JSON of the copy takes: what it takes is known when there is a copy. */
  #bytes = 0

  constructor(limits: JsonLimits, name: string) {
    this.#limits = limits
    this.#name = name
  }

  copy(value: unknown, depth: number): Json {
    if (typeof value === 'object' && value !== null) return this.#copyObject(value, depth)
    // Counted before it is looked at: a text may be longer than anybody wants to look at.
    this.#count(typeof value === 'string' ? value.length + 2 : 1)
    const fault = scalarFault(value)
    if (fault !== null) this.#refuse(fault)
    return value as Json
  }

  /** Throws when the JSON of the copy is too long. It is written only where it may be. */
  measure(copy: Json): void {
    const { bytes } = this.#limits
    if (this.#bytes * mostBytesForOne <= bytes) return
    if (utf8(JSON.stringify(copy)).length > bytes) this.#refuseLength()
  }

  #refuseLength(): never {
    throw new JsonFault(`${this.#name} takes more than ${this.#limits.bytes} bytes of JSON`)
  }

  /** Throws that the value which is copied now does what `fault` says. */
  #refuse(fault: string): never {
    throw new JsonFault(`${this.#place()} ${fault}`)
  }

  /** The value that is copied now: `body.by`, `body[3]["a key"]`. */
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
    // The other way round it would let through what is no number, as a `length` may be.
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
      // A getter gives another one to whoever reads it again.
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
    // By place, so that a hole is found; and as long as it is, where a list that grows would take more than it needs.
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

/** True for `{…}`, of this realm or another; false for what a class makes. */
function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

/** Kinds that are called by their name: it is the same on every server, as that of a class that somebody wrote may not be. */
const namedKinds = new Set(['Map', 'Set', 'Date', 'Promise', 'RegExp', 'Error', 'Uint8Array', 'ArrayBuffer'])

function kindOf(value: object): string {
  const tag = Object.prototype.toString.call(value).slice('[object '.length, -1)
  if (!namedKinds.has(tag)) return 'an object of a class'
  return `${/^[AE]/.test(tag) ? 'an' : 'a'} ${tag}`
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
