import { createHash } from 'node:crypto'
import type { Command } from '../../machines/batch.ts'

/** `value` as JSON with the keys of every object in order: equal values give equal text, however they were built. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  const record = value as { readonly [key: string]: unknown }
  // A loop, since this is on the path of every request.
  let fields = ''
  for (const key of Object.keys(record).sort()) {
    if (record[key] === undefined) continue
    if (fields !== '') fields += ','
    fields += `${JSON.stringify(key)}:${canonicalJson(record[key])}`
  }
  return `{${fields}}`
}

/** SHA-256, in hexadecimal. */
export function sha256Hex(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** Tells two commands apart: 96 bits of SHA-256, in 16 characters. */
export function commandDigest(command: Command): string {
  return createHash('sha256').update(canonicalJson(command)).digest('base64url').slice(0, 16)
}
