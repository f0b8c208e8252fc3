/** The function `crc32` of `node:zlib`, for browsers. */

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte
  for (let bit = 0; bit < 8; bit += 1) rest = rest & 1 ? (rest >>> 1) ^ 0xedb88320 : rest >>> 1
  return rest
})

/** The CRC-32 of `bytes`. `value` is the checksum of the bytes before them. */
export function crc32(bytes: Uint8Array, value = 0): number {
  let rest = ~value
  for (const byte of bytes) rest = (rest >>> 8) ^ (table[(rest ^ byte) & 0xff] ?? 0)
  return ~rest >>> 0
}
