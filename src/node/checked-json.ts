/** The text of a file with a JSON object and a checksum of the rest of it. */
import { crc32 } from 'node:zlib'

/** The text for a file with `content`, which has no field `checksum`. */
export function encodeChecked(content: object): string {
  return `${JSON.stringify({ checksum: checksum(content), ...content }, null, 2)}\n`
}

/** The content of the text, without its checksum. Throws an `Error` with the reason when the text was changed. `name` is that of the file. */
export function decodeChecked(name: string, text: string): Record<string, unknown> {
  const { checksum: stored, ...content } = parsed(name, text)
  const actual = checksum(content)
  if (stored !== actual)
    throw new Error(`the checksum of its ${name} is ${actual}, and the file says ${stored}`)
  return content
}

function parsed(name: string, text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  } catch {
    // The same reason as below.
  }
  throw new Error(`its ${name} is not a JSON object`)
}

function checksum(content: object): string {
  return crc32(JSON.stringify(content)).toString(16).padStart(8, '0')
}
