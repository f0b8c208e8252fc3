import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import type { Command } from '../../machines/batch.ts'

/** The canonical JSON of `value`: the keys of every object are sorted, so equal values give equal text. */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value !== 'object') return scalarJson(value)
  // Loops are faster here, and snapshots run this code for every result.
  let text = ''
  if (Array.isArray(value)) {
    for (let place = 0; place < value.length; place += 1) {
      if (place > 0) text += ','
      if (value[place] !== undefined) text += canonicalJson(value[place])
    }
    return `[${text}]`
  }
  const record = value as { readonly [key: string]: unknown }
  for (const key of sorted(Object.keys(record))) {
    const field = record[key]
    if (field === undefined) continue
    if (text !== '') text += ','
    text += `${JSON.stringify(key)}:${canonicalJson(field)}`
  }
  return `{${text}}`
}

function scalarJson(value: unknown): string {
  if (typeof value === 'number' && Number.isFinite(value)) return `${value}`
  if (typeof value === 'boolean') return value ? 'true' : 'false'
  return JSON.stringify(value)
}

/** The most keys for which `sorted` is faster than the sort of the language. */
const fewKeys = 24

/** Sorts keys in place, by their UTF-16 code units. */
function sorted(keys: string[]): readonly string[] {
  if (keys.length > fewKeys) return keys.sort()
  for (let end = 1; end < keys.length; end += 1) {
    const key = keys[end] ?? ''
    let place = end
    for (; place > 0 && (keys[place - 1] ?? '') > key; place -= 1) keys[place] = keys[place - 1] ?? ''
    keys[place] = key
  }
  return keys
}

/** SHA-256, in hexadecimal. */
export function sha256Hex(bytes: Uint8Array): string {
  return bytesToHex(sha256(bytes))
}

/** A fast 53-bit hash of `text` (cyrb53). It detects accidental differences, but an attacker can construct collisions. */
export function hash53(text: string): number {
  let low = 0xdeadbeef
  let high = 0x41c6ce57
  for (let i = 0; i < text.length; i += 1) {
    const unit = text.charCodeAt(i)
    low = Math.imul(low ^ unit, 2654435761)
    high = Math.imul(high ^ unit, 1597334677)
  }
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909)
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909)
  return 4294967296 * (2097151 & high) + (low >>> 0)
}

/**
 * A fast hash of a command in base 36. A server uses it to detect a client that gives two commands the same request name. Every
 * server computes it for large commands; SHA-256 would cost more than most executions.
 */
export function commandDigest(command: Command): string {
  return hash53(canonicalJson(command)).toString(36)
}
