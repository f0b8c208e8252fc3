import fc from 'fast-check'
import { expect, test } from 'vitest'
import { base64, bytesOfBase64, textOf, utf8 } from '../../src/core/bytes.ts'

/** What stands in a snapshot must be what Node.js wrote there, or stored digests would no longer be those of the same state. */
test('text and base64 are what Node.js makes of them', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 70 }), fc.string({ unit: 'binary' }), (bytes, text) => {
      expect(base64(bytes)).toBe(Buffer.from(bytes).toString('base64'))
      expect(bytesOfBase64(base64(bytes))).toEqual(bytes)
      expect([...utf8(text)]).toEqual([...Buffer.from(text)])
      expect(textOf(utf8(text))).toBe(Buffer.from(text).toString())
    }),
  )
})
