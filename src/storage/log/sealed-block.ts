/** Small facts in a block of their own: a magic word, the length and the checksum of a JSON text, and the text. */
import { crc32 } from 'node:zlib'
import type { Json } from '../../../machines/batch.ts'
import { textOf, utf8 } from '../../core/bytes.ts'
import { isZeroFrom, readUint32, writeUint32 } from './bytes.ts'

const prefixBytes = 16

/** `fact` in a block of `sizeBytes`. `magic` has eight characters. Throws a `RangeError` when it does not fit. */
export function sealed(magic: string, fact: Json, sizeBytes: number): Uint8Array {
  const text = utf8(JSON.stringify(fact))
  if (prefixBytes + text.length > sizeBytes) {
    throw new RangeError(`a block of ${sizeBytes} bytes cannot hold ${prefixBytes + text.length}`)
  }
  const block = new Uint8Array(sizeBytes)
  block.set(utf8(magic))
  writeUint32(block, 8, text.length)
  writeUint32(block, 12, crc32(text, crc32(utf8(magic))))
  block.set(text, prefixBytes)
  return block
}

/** The fact in a block, or the reason why there is none. */
export function unsealed(
  magic: string,
  block: Uint8Array,
): { readonly fact: Json } | { readonly reason: string } {
  if (block.length < prefixBytes) return { reason: `it has only ${block.length} bytes` }
  if (isZeroFrom(block, 0)) return { reason: 'it holds only zeros' }
  if (textOf(block.subarray(0, 8)) !== magic) return { reason: `it does not begin with ${magic}` }
  const length = readUint32(block, 8)
  const text = block.subarray(prefixBytes, prefixBytes + length)
  const checksum = crc32(text, crc32(utf8(magic)))
  if (text.length < length || checksum !== readUint32(block, 12)) return { reason: 'its checksum is wrong' }
  return { fact: JSON.parse(textOf(text)) as Json }
}
