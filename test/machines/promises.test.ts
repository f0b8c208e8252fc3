import { describe, expect, test } from 'vitest'
import type { AcceptedRecord, Batch } from '../../machines/batch.ts'
import { foundingIncarnation } from '../../machines/members.ts'
import {
  batchToHelp,
  bestInformed,
  type GivenPromise,
  highestAccepted,
  isPrepared,
  withPromise,
} from '../../machines/promises.ts'
import { ballot, batch, member, members, record, sentBy } from '../support/role.ts'

function given(node: number, accepted: readonly AcceptedRecord[] = [], firstUnchosen = 0): GivenPromise {
  return { node, incarnation: foundingIncarnation(node), accepted, firstUnchosen }
}

describe('the batch to help', () => {
  const low = record(3, ballot(1, 0), 'low')
  const high = record(3, ballot(2, 0), 'high')
  const sameRound = record(3, ballot(2, 1), 'same round, higher node')

  test.each<[title: string, promises: GivenPromise[], instance: number, expected: Batch | null]>([
    ['nobody has promised', [], 3, null],
    ['nobody accepted any', [given(0), given(1)], 3, null],
    ['one did', [given(0), given(1, [low])], 3, batch('low')],
    ['it was at an earlier instance', [given(0), given(1, [low])], 4, null],
    ['it was at a later instance', [given(0), given(1, [low])], 2, null],
    ['the highest ballot comes last', [given(0, [low]), given(1, [high])], 3, batch('high')],
    ['the highest ballot comes first', [given(0, [high]), given(1, [low])], 3, batch('high')],
    [
      'more of them accepted at the lower one',
      [given(0, [low]), given(1, [low]), given(2, [high]), given(3, [low])],
      3,
      batch('high'),
    ],
    [
      'rounds are equal and nodes are not',
      [given(0, [sameRound]), given(1, [high])],
      3,
      batch('same round, higher node'),
    ],
    [
      'there is a higher ballot at another instance',
      [given(0, [low, record(4, ballot(9, 0), 'later')]), given(1)],
      3,
      batch('low'),
    ],
  ])('when %s', (_, promises, instance, expected) => {
    expect(batchToHelp(promises, instance)).toEqual(expected)
  })
})

describe('the highest accepted instance', () => {
  test.each<[promises: GivenPromise[], expected: number]>([
    [[], -1],
    [[given(0), given(1)], -1],
    [[given(0, [record(0, ballot(1, 0), 'a')])], 0],
    [[given(0, [record(7, ballot(1, 0), 'a')]), given(1, [record(5, ballot(2, 0), 'b')])], 7],
    [[given(0), given(1, [record(5, ballot(2, 0), 'b'), record(6, ballot(2, 0), 'c')])], 6],
  ])('%#', (promises, expected) => {
    expect(highestAccepted(promises)).toBe(expected)
  })
})

test('the best informed knows most of what was chosen; of equals the first', () => {
  expect(bestInformed([given(0, [], 2), given(1, [], 5), given(2, [], 4)]).node).toBe(1)
  expect(bestInformed([given(2, [], 5), given(1, [], 5)]).node).toBe(2)
})

test('a second promise of the same server changes nothing', () => {
  const heard = { type: 'promise', ballot: ballot(1, 0), from: 0 } as const
  const one = withPromise([], { ...heard, ...sentBy(1), accepted: [], firstUnchosen: 2 })
  expect(one).toEqual([given(1, [], 2)])
  const accepted = [record(3, ballot(9, 2), 'later')]
  expect(withPromise(one, { ...heard, ...sentBy(1), accepted, firstUnchosen: 9 })).toEqual(one)
  expect(withPromise(one, { ...heard, ...sentBy(2), accepted, firstUnchosen: 1 })).toEqual([
    given(1, [], 2),
    given(2, accepted, 1),
  ])
})

describe('a ballot is prepared', () => {
  test.each([
    ['with a quorum that has the own acceptor in it', [0, 1], true],
    ['not without the own acceptor', [1, 2], false],
    ['not without a quorum', [0], false],
    ['not with a server that is no member', [0, 7], false],
  ])('%s', (_, givers, prepared) => {
    expect(
      isPrepared(
        members(3),
        0,
        givers.map((node) => given(node)),
      ),
    ).toBe(prepared)
  })

  test('not with a member that is not counted', () => {
    expect(isPrepared([...members(3), member(3, null)], 0, [given(0), given(3)])).toBe(false)
  })
})
