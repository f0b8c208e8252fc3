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
      return value === null ? null : containerFault(value, maxDepth)
    default:
      return `a ${typeof value} is no JSON`
  }
}

function containerFault(value: object, maxDepth: number): string | null {
  if (maxDepth === 0) return 'it is nested too deep'
  if (Array.isArray(value)) {
    for (const element of value) {
      const fault = jsonFault(element, maxDepth - 1)
      if (fault !== null) return fault
    }
    return null
  }
  for (const [key, element] of Object.entries(value)) {
    if (key === '__proto__') return 'a key is __proto__'
    const fault = isWellFormed(key)
      ? jsonFault(element, maxDepth - 1)
      : 'a key holds half of a surrogate pair'
    if (fault !== null) return fault
  }
  return null
}
