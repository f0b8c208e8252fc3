import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Networks } from '../../src/checker/networks.ts'
import { PairTable } from '../../src/checker/pair-table.ts'

const sorted = (datagrams: Iterable<number>) => [...new Set(datagrams)].sort((a, b) => a - b)
const sets = fc.array(fc.uniqueArray(fc.nat({ max: 30 }), { maxLength: 12 }).map(sorted), {
  maxLength: 1_500,
})

test('equal sets have one number, and a set keeps its datagrams', () => {
  fc.assert(
    fc.property(sets, (added) => {
      const networks = new Networks()
      const known = new Map([['', 0]])
      for (const set of added) {
        const expected = known.get(set.join()) ?? known.size
        expect(networks.idOf(set)).toBe(expected)
        known.set(set.join(), expected)
        expect(networks.datagramsOf(expected)).toEqual(set)
      }
      expect(networks.size).toBe(known.size)
    }),
    { numRuns: 20 },
  )
})

test('a union has the datagrams of both sets, and a datagram can be taken away, also the second time', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 20 })), fc.array(fc.nat({ max: 20 })), (some, more) => {
      const networks = new Networks()
      const [first, second] = [networks.idOf(sorted(some)), networks.idOf(sorted(more))]
      for (let time = 0; time < 2; time += 1) {
        const union = networks.union(first, second)
        expect(networks.datagramsOf(union)).toEqual(sorted([...some, ...more]))
        for (const datagram of networks.datagramsOf(union)) {
          const left = networks.datagramsOf(networks.without(union, datagram))
          expect(left).toEqual(sorted([...some, ...more]).filter((other) => other !== datagram))
        }
      }
    }),
  )
})

test('a table of pairs returns what was stored, and never the value of another pair', () => {
  const pairs = fc.array(fc.tuple(fc.nat({ max: 60 }), fc.nat({ max: 60 }), fc.nat()), { maxLength: 3_000 })
  fc.assert(
    fc.property(pairs, (added) => {
      const table = new PairTable()
      const known = new Map<string, number>()
      for (const [first, second, value] of added) {
        const key = `${first} ${second}`
        expect(table.get(first, second)).toBe(known.get(key) ?? -1)
        if (known.has(key)) continue
        table.add(first, second, value)
        known.set(key, value)
      }
      for (const [first, second] of added) {
        expect(table.get(first, second)).toBe(known.get(`${first} ${second}`))
      }
    }),
    { numRuns: 20 },
  )
})
