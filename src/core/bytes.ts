/** Bytes, and conversions between them and text, that work in Node.js and in browsers. */

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** `text` in UTF-8. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text)
}

/** Decodes UTF-8. Bytes that are not valid UTF-8 become U+FFFD. */
export function textOf(bytes: Uint8Array): string {
  return decoder.decode(bytes)
}

/** A copy of all parts, one after the other. */
export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let offset = 0
  for (const part of parts) {
    all.set(part, offset)
    offset += part.length
  }
  return all
}

const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
/** Two digits for each group of twelve bits: this halves the number of steps. */
const pairs = Array.from({ length: 4_096 }, (_, bits) => `${digits[bits >> 6]}${digits[bits & 63]}`)

/** `bytes` in base64. `btoa` takes text instead of bytes, and is several times slower. */
export function base64(bytes: Uint8Array): string {
  let text = ''
  const at = (place: number) => bytes[place] ?? 0
  for (let place = 0; place < bytes.length; place += 3) {
    const bits = (at(place) << 16) | (at(place + 1) << 8) | at(place + 2)
    text += `${pairs[bits >> 12]}${pairs[bits & 4_095]}`
  }
  const missing = (3 - (bytes.length % 3)) % 3
  return missing === 0 ? text : text.slice(0, -missing) + '='.repeat(missing)
}

/** `bytes` in parts of `partBytes`, each in base64. Only the last part may be shorter. */
export function base64Parts(bytes: Uint8Array, partBytes: number): string[] {
  const parts: string[] = []
  for (let at = 0; at < bytes.length; at += partBytes) parts.push(base64(bytes.subarray(at, at + partBytes)))
  return parts
}

/** Decodes base64. Throws when `text` is not valid base64. */
export function bytesOfBase64(text: string): Uint8Array {
  const characters = atob(text)
  const bytes = new Uint8Array(characters.length)
  for (let at = 0; at < bytes.length; at += 1) bytes[at] = characters.charCodeAt(at)
  return bytes
}
