/**
 * The size of `JSON.stringify(value)` in UTF-8, without the text. It costs a third of writing the text. `value` is a value that JSON carries
 * without loss (see `jsonFault`), but for properties that are `undefined`, which JSON omits.
 */
export function jsonBytes(value: unknown): number {
  switch (typeof value) {
    case 'string':
      return 2 + textBytes(value)
    case 'number':
      return String(value).length
    case 'boolean':
      return value ? 4 : 5
    default:
      return value === null ? 4 : containerBytes(value as object)
  }
}

function containerBytes(value: object): number {
  // The two brackets, without the comma that is counted for the first element.
  let bytes = 1
  if (Array.isArray(value)) {
    for (const element of value) bytes += 1 + jsonBytes(element)
    return value.length === 0 ? 2 : bytes
  }
  for (const key of Object.keys(value)) {
    const part = (value as { readonly [key: string]: unknown })[key]
    if (part !== undefined) bytes += 4 + textBytes(key) + jsonBytes(part)
  }
  return bytes === 1 ? 2 : bytes
}

const quote = 0x22
const backslash = 0x5c

/** The size of a string without its quotes. */
function textBytes(text: string): number {
  let bytes = text.length
  for (let place = 0; place < text.length; place += 1) {
    const unit = text.charCodeAt(place)
    if (unit >= 0x80) {
      // Each half of a surrogate pair counts for two of its four bytes.
      bytes += unit < 0x800 || (unit & 0xf800) === 0xd800 ? 1 : 2
    } else if (unit < 0x20) bytes += isShortEscape(unit) ? 1 : 5
    else if (unit === quote || unit === backslash) bytes += 1
  }
  return bytes
}

/** True for the control characters that JSON writes with one letter: \b, \t, \n, \f and \r. */
function isShortEscape(unit: number): boolean {
  return unit >= 0x08 && unit <= 0x0d && unit !== 0x0b
}
