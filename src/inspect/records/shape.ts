/** What a value that comes from elsewhere is made of: each look says what is wrong, in a few words, or `null`. */

export type FieldTypes = Readonly<Record<string, 'string' | 'number' | 'boolean' | 'object' | 'array'>>

/** The field of what may be an object. */
export function fieldOf(value: unknown, field: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[field] : undefined
}

/** What is wrong with a list of which each part has these fields. */
export function eachFault(values: unknown, fields: FieldTypes, where: string): string | null {
  return eachOf(values, (value) => fieldFault(value, fields, where), where)
}

/** What is wrong with a list: the first fault of one of its parts. */
export function eachOf(
  values: unknown,
  faultOf: (value: unknown) => string | null,
  where: string,
): string | null {
  return Array.isArray(values) ? firstFault(values, faultOf) : `${where} is to be of the type array`
}

/** The first fault of a part of what is known to be a list. */
export function firstFault(values: unknown, faultOf: (value: unknown) => string | null): string | null {
  for (const value of values as readonly unknown[]) {
    const fault = faultOf(value)
    if (fault !== null) return fault
  }
  return null
}

/** What is wrong with the fields of `value`: each is to be of its type. */
export function fieldFault(value: unknown, fields: FieldTypes, where: string): string | null {
  for (const field in fields) {
    const type = fields[field]
    if (typeName(fieldOf(value, field)) !== type) return `${where}: ${field} is to be of the type ${type}`
  }
  return null
}

/** True when `key` is a field of `fields` itself. */
export function isKey<T extends object>(fields: T, key: unknown): key is keyof T & string {
  return typeof key === 'string' && Object.hasOwn(fields, key)
}

function typeName(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'array' : typeof value
}

/** A value in a few characters. */
export function shown(value: unknown): string {
  return (JSON.stringify(value) ?? 'undefined').slice(0, 80)
}
