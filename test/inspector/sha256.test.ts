import { createHash as createHashOfNode } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createHash } from '../../inspector/sha256.ts'

test('parts have the digest that Node gives them, also before the last one', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 200 })), (parts) => {
      const [hash, ofNode] = [createHash('sha256'), createHashOfNode('sha256')]
      for (const part of parts) {
        hash.update(part)
        ofNode.update(part)
        expect(hash.copy().digest('hex')).toBe(ofNode.copy().digest('hex'))
      }
      expect(hash.digest('hex')).toBe(ofNode.digest('hex'))
    }),
  )
})

test('another algorithm is refused by name', () => {
  expect(() => createHash('md5')).toThrow(/no md5/)
})
