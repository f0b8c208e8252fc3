/** Functions that read a command from JSON. Each throws an error that names the problem and the received value. */
import type { Json } from '../../machines/batch.ts'
import { canonicalJson } from '../core/digest.ts'

export type Fields = { readonly [key: string]: Json | undefined }

const shownLength = 80

/** `value` as text for an error message, truncated when it is long. Equal values have equal texts: they become part of outcomes. */
export function shown(value: unknown): string {
  const text = value === undefined ? 'nothing' : canonicalJson(value)
  return text.length > shownLength ? `${text.slice(0, shownLength)}… (${text.length} characters)` : text
}

/** `what` names the value in the error. */
export function fieldsOf(value: Json | undefined, what: string): Fields {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw new Error(`${what} is ${shown(value)}: it must be an object`)
  }
  return value as Fields
}

/** A non-empty string of at most `maxLength` characters. */
export function nameIn(fields: Fields, field: string, maxLength: number): string {
  const value = fields[field]
  if (typeof value !== 'string' || value.length === 0 || value.length > maxLength) {
    throw new Error(`${field} is ${shown(value)}: it must be a string of 1 to ${maxLength} characters`)
  }
  return value
}

/** A whole number, 0 or more. */
export function countIn(fields: Fields, field: string): number {
  const value = fields[field]
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
    throw new Error(`${field} is ${shown(value)}: it must be a whole number, 0 or more`)
  }
  return value
}

/** Any JSON but `null`, which means that there is no value. */
export function valueIn(fields: Fields, field: string): Json {
  const value = fields[field]
  if (value === undefined || value === null) {
    throw new Error(`${field} is ${shown(value)}: it must be a value other than null`)
  }
  return value
}
