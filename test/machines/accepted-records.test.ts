import { describe, expect, test } from 'vitest'
import { recordAt, withRecord } from '../../machines/accepted-records.ts'
import { ballot, record } from '../support/role.ts'

const low = record(3, ballot(1, 0), 'low')
const high = record(5, ballot(1, 0), 'high')

test('the record of an instance, if there is one', () => {
  expect(recordAt([low, high], 5)).toBe(high)
  expect(recordAt([low, high], 4)).toBeUndefined()
})

describe('with a record', () => {
  test.each([
    ['above all others', record(6, ballot(2, 1), 'new'), [3, 5, 6]],
    ['below all others', record(2, ballot(2, 1), 'new'), [2, 3, 5]],
    ['between others', record(4, ballot(2, 1), 'new'), [3, 4, 5]],
    ['in the place of the last', record(5, ballot(2, 1), 'new'), [3, 5]],
    ['in the place of the first', record(3, ballot(2, 1), 'new'), [3, 5]],
  ])('%s', (_, added, instances) => {
    const records = withRecord([low, high], added)
    expect(records.map(({ instance }) => instance)).toEqual(instances)
    expect(recordAt(records, added.instance)).toBe(added)
  })
})
