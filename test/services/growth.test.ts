/** How much one value takes beyond another one: the result depends on the values alone, the cost on what they do not share. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { heldBytes } from '../../src/core/json.ts'
import { growthBytes } from '../../src/services/growth.ts'
import { drop, mapOf, put, type SortedMap } from '../../src/services/sorted-map.ts'
import { jsonValues as json } from '../support/arbitraries.ts'

const sizeOf = (value: unknown) => growthBytes(undefined, value)

describe('the growth from one value to another', () => {
  it('is the estimate of the memory for JSON, from nothing', () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(sizeOf(value)).toBe(heldBytes(value))
      }),
    )
  })

  it('is the difference of the sizes of any two values', () => {
    fc.assert(
      fc.property(json, json, json, (a, b, shared) => {
        const [before, after] = [
          { a, shared, list: [shared, a, 1] },
          { b, shared, list: [b, shared, a, 1] },
        ]
        expect(growthBytes(before, after)).toBe(sizeOf(after) - sizeOf(before))
        expect(growthBytes(after, before)).toBe(sizeOf(before) - sizeOf(after))
      }),
    )
  })

  it('is the difference of the sizes of any two versions of a sorted map', () => {
    const change = fc.record({ key: fc.nat({ max: 40 }), value: fc.option(fc.string()) })
    const changed = (map: SortedMap<unknown>, changes: readonly { key: number; value: string | null }[]) =>
      changes.reduce(
        (all, { key, value }) => (value === null ? drop(all, `${key}`) : put(all, `${key}`, { value })),
        map,
      )
    fc.assert(
      fc.property(fc.array(change), fc.array(change), (first, more) => {
        const before = changed(null, first)
        const after = changed(before, more)
        expect(growthBytes({ before }, { before: after })).toBe(sizeOf(after) - sizeOf(before))
      }),
    )
  })

  it('does not depend on the order in which the entries of a sorted map came', () => {
    const entries = Array.from({ length: 200 }, (_, place): [string, number] => [`${(place * 37) % 200}`, 0])
    const one = entries.reduce<SortedMap<number>>((map, [key, value]) => put(map, key, value), null)
    expect(sizeOf(one)).toBe(sizeOf(mapOf(entries)))
    expect(growthBytes(one, mapOf(entries))).toBe(0)
  })

  it('visits little of a large map, of a list that moved, and of the fields that stayed', () => {
    let reads = 0
    const counted = (value: number) =>
      Object.defineProperty({}, 'value', {
        enumerable: true,
        get: () => {
          reads += 1
          return value
        },
      })
    const many = Array.from({ length: 10_000 }, (_, place) => counted(place))
    const map = mapOf(many.map((value, place) => [`${place}`.padStart(5, '0'), value]))
    const before = { map, list: many, same: { many } }
    const after = {
      map: drop(put(map, '05000x', 1), '00003'),
      list: [...many.slice(1), 7],
      same: before.same,
    }
    // `mapOf` has searched the values for promises.
    reads = 0
    const growth = growthBytes(before, after)
    expect(reads).toBeLessThan(20)
    expect(growth).toBe(sizeOf(after) - sizeOf(before))
  })

  it('counts maps, sets and bytes of a service that keeps such', () => {
    const before = { map: new Map([['a', [1]]]), set: new Set(['x']), bytes: new Uint8Array(10) }
    const after = {
      map: new Map([...before.map, ['bb', [2, 3]]]),
      set: new Set(['x', 'yy']),
      bytes: new Uint8Array(30),
    }
    expect(growthBytes(before, after)).toBe(24 + 26 + 32 + 16 + 24 + 26 + 20)
    expect(growthBytes(before, after)).toBe(sizeOf(after) - sizeOf(before))
  })

  it('takes objects that only look like nodes of a sorted map for what they are', () => {
    const box = { key: 'a', value: 1, size: 10, left: 20, right: 5 }
    const other = { ...box, left: { ...box, right: null } }
    expect(growthBytes(box, other)).toBe(heldBytes(other) - heldBytes(box))
    expect(growthBytes(other, box)).toBe(heldBytes(box) - heldBytes(other))
  })

  it('counts no property without a value: a snapshot has none', () => {
    expect(growthBytes({ a: 1 }, { a: 1, b: undefined, c: () => 1 })).toBe(0)
  })

  it('measures a long chain', () => {
    let chain: unknown = null
    for (let link = 0; link < 100_000; link += 1) chain = { next: chain }
    expect(sizeOf(chain)).toBe(100_000 * (64 + 28) + 8)
  })
})
