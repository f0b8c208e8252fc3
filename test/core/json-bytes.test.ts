import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Json } from '../../machines/batch.ts'
import { jsonBytes } from '../../src/core/json-bytes.ts'
import { commands, jsonValues } from '../support/arbitraries.ts'

function written(value: unknown): number {
  return new TextEncoder().encode(JSON.stringify(value)).length
}

describe('the size of JSON', () => {
  it.each<[Json]>([
    [null],
    [true],
    [false],
    [0],
    [-1.5],
    [1e21],
    [1e20],
    [5e-324],
    [-1.7976931348623157e308],
    [''],
    ['"\\/\b\t\n\u000b\f\r\u0000\u001f\u007f\u0080\u07ff\u0800\uffff\u{10000}\u{10ffff}'],
    [[]],
    [{}],
    [[[], [{}], [1, [2, 3]]]],
    [{ '': [], 'é"\n': { a: 1, b: [null, 'x'] } }],
  ])('of %j is that of its text', (value) => {
    expect(jsonBytes(value)).toBe(written(value))
  })

  it('of every code unit alone in a text is that of its text', () => {
    const texts = Array.from({ length: 0x1_0000 }, (_, unit) => String.fromCharCode(unit))
    const wrong = texts.filter((text) => text.isWellFormed() && jsonBytes(text) !== written(text))
    expect(wrong).toEqual([])
  })

  it('of any value is that of its text', () => {
    fc.assert(
      fc.property(fc.oneof(jsonValues, commands as fc.Arbitrary<unknown>), (value) => {
        expect(jsonBytes(value)).toBe(written(value))
      }),
      { numRuns: 2_000 },
    )
  })

  it('counts nothing for a property that is undefined', () => {
    for (const value of [{ a: undefined }, { a: undefined, b: 1 }, { b: 1, c: undefined }]) {
      expect(jsonBytes(value)).toBe(written(value))
    }
  })
})
