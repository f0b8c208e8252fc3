import { crc32 as crc32OfNode } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { crc32 } from '../../inspector/crc32.ts'

test('the checksum in the page is that of Node.js', () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.uint8Array(), (before, bytes) => {
      const value = crc32(before)
      expect(value).toBe(crc32OfNode(before))
      expect(crc32(bytes, value)).toBe(crc32OfNode(bytes, value))
    }),
  )
})
