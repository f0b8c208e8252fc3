import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { drop, emptyTable, get, keysOf, put, type Table } from '../../machines/table.ts'

function tableOf(...keys: readonly string[]): Table<string> {
  return keys.reduce<Table<string>>((table, key) => put(table, key, `value of ${key}`), emptyTable)
}

function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    Object.freeze(value)
    Object.values(value).forEach(frozen)
  }
  return value
}

describe('a table', () => {
  test.each([
    '',
    'a',
    '=a',
    '0',
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    'ключ',
    '\u0000',
    '1:x',
  ])('knows nothing of %j until it is put, and after it is dropped', (key) => {
    expect(get(emptyTable, key)).toBeUndefined()
    const table = put<string>(emptyTable, key, 'here')
    expect(get(table, key)).toBe('here')
    expect(keysOf(table)).toEqual([key])
    expect(drop(table, key)).toEqual(emptyTable)
  })

  test('holds one value a key: the last', () => {
    const table = put(put<number>(emptyTable, 'a', 1), 'a', 2)
    expect(get(table, 'a')).toBe(2)
    expect(keysOf(table)).toEqual(['a'])
  })

  test('is the same table after a key is dropped that it does not hold', () => {
    const table = tableOf('a', 'b')
    expect(drop(table, 'c')).toBe(table)
    expect(drop(emptyTable, 'c')).toBe(emptyTable)
  })

  test('tells apart keys whose branches are the same', () => {
    const keys = Array.from({ length: 20_000 }, (_, n) => `${n}:client`)
    const table = tableOf(...keys)
    expect(keys.map((key) => get(table, key))).toEqual(keys.map((key) => `value of ${key}`))
    expect(keysOf(table).sort()).toEqual([...keys].sort())
    // Of these, most share a branch with some key that is there.
    for (let n = 0; n < 50; n += 1) expect(drop(table, `${n}:nobody`) === table).toBe(true)
    // 4096 branches: with five keys a branch on average, a put copies little.
    const leaves = table.flatMap((stem) =>
      (stem ?? []).flatMap((b) => (b ?? []).filter((leaf) => leaf !== null)),
    )
    expect(leaves.length).toBeGreaterThan(2_000)
    expect(Math.max(...leaves.map((leaf) => leaf.length))).toBeLessThan(40)
  })

  test('is plain JSON', () => {
    const table = tableOf('a', '__proto__', 'b')
    expect(JSON.parse(JSON.stringify(table))).toEqual(table)
  })

  test('is never changed in place, and does what a Map does', () => {
    const key = fc.oneof(fc.constantFrom('a', 'b', '__proto__', ''), fc.string({ maxLength: 3 }))
    const change = fc.record({ key, value: fc.option(fc.nat()) })
    fc.assert(
      fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
        const map = new Map<string, number>()
        let table: Table<number> = frozen(emptyTable)
        for (const { key, value } of changes) {
          if (value === null) map.delete(key)
          else map.set(key, value)
          table = frozen(value === null ? drop(table, key) : put(table, key, value))
          for (const { key } of changes) expect(get(table, key)).toBe(map.get(key))
        }
        expect(keysOf(table).sort()).toEqual([...map.keys()].sort())
        for (const key of map.keys()) table = drop(table, key)
        expect(table).toEqual(emptyTable)
      }),
    )
  })
})
