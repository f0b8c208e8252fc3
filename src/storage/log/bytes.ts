/** Numbers in bytes, little-endian. The format is also written and read in browsers, so it does not use `Buffer`. */

/** Bytes that are not shared with other threads. */
export type Bytes = Uint8Array<ArrayBufferLike>

export function readUint32(bytes: Bytes, offset: number): number {
  const low = bytes[offset]! | (bytes[offset + 1]! << 8)
  return (low | (bytes[offset + 2]! << 16) | (bytes[offset + 3]! << 24)) >>> 0
}

/** Returns the offset after the number. */
export function writeUint32(bytes: Bytes, offset: number, number: number): number {
  bytes[offset] = number
  bytes[offset + 1] = number >>> 8
  bytes[offset + 2] = number >>> 16
  bytes[offset + 3] = number >>> 24
  return offset + 4
}

/** A safe integer, at least 0, in eight bytes. */
export function readNumber(bytes: Bytes, offset: number): number {
  return readUint32(bytes, offset) + readUint32(bytes, offset + 4) * 2 ** 32
}

/** Returns the offset after the number. */
export function writeNumber(bytes: Bytes, offset: number, number: number): number {
  writeUint32(bytes, offset, number % 2 ** 32)
  return writeUint32(bytes, offset + 4, Math.floor(number / 2 ** 32))
}

export function isSameBytes(a: Bytes, b: Bytes): boolean {
  if (a.length !== b.length) return false
  for (let at = 0; at < a.length; at += 1) if (a[at] !== b[at]) return false
  return true
}

/** True when all bytes from `offset` on are zero. */
export function isZeroFrom(bytes: Bytes, offset: number): boolean {
  for (let at = offset; at < bytes.length; at += 1) if (bytes[at] !== 0) return false
  return true
}
