import { describe, expect, test } from 'vitest'
import type { Operation } from '../../src/verify/history.ts'
import { counterModel, lockModel, type Model, registerModel } from '../../src/verify/models.ts'
import { searchLinearization, TooManyConfigurations } from '../../src/verify/search.ts'
import { checkWitness } from '../../src/verify/witness.ts'
import {
  add,
  cas,
  count,
  counted,
  freed,
  lock,
  op,
  read,
  set,
  token,
  unanswered,
  unlock,
  value,
  voided,
  write,
  written,
} from '../support/histories.ts'

const good: [string, Model, Operation[]][] = [
  ['nothing happened', registerModel, []],
  [
    'one after another',
    registerModel,
    [
      op('a', write(1), [1, 2], written, 0),
      op('b', read, [3, 4], value(1), 1),
      op('b', cas(1, 2), [5, 6], set(true), 2),
      op('a', cas(1, 3), [7, 8], set(false), 3),
      op('a', read, [9, 10], value(2), 4),
    ],
  ],
  [
    'a read during a write sees it or does not',
    registerModel,
    [
      op('a', write(1), [1, 8], written, 1),
      op('b', read, [2, 3], value(null), 0),
      op('b', read, [4, 5], value(1), 2),
    ],
  ],
  [
    'a client has several under way',
    counterModel,
    [
      op('a', add, [1, 6], counted(2), 1),
      op('a', add, [2, 5], counted(1), 0),
      op('a', add, [3, 4], counted(3), 2),
    ],
  ],
  [
    'a write without an answer took effect',
    registerModel,
    [
      unanswered('a', write(1), 1, 1),
      op('b', read, [2, 3], value(null), 0),
      op('b', read, [4, 5], value(1), 2),
    ],
  ],
  [
    'a write without an answer never took effect',
    registerModel,
    [
      unanswered('a', write(1), 1),
      op('b', read, [2, 3], value(null), 0),
      op('b', read, [4, 5], value(null), 1),
    ],
  ],
  [
    'what was cancelled has no effect',
    registerModel,
    [voided('a', write(1), 1, 2), op('b', read, [3, 4], value(null), 0)],
  ],
  [
    'a lock waits for long',
    lockModel,
    [
      op('a', lock, [1, 2], token(1), 0),
      op('b', lock, [3, 10], token(3), 2),
      op('c', lock, [4, 13], token(5), 4),
      op('a', unlock, [7, 9], freed(true), 1),
      op('b', unlock, [11, 12], freed(true), 3),
    ],
  ],
  [
    'a lock without an answer is held, until it is freed without a token',
    lockModel,
    [
      unanswered('a', lock, 1, 0),
      op('b', lock, [2, 6], token(4), 3),
      op('c', { ...unlock, token: 9 }, [3, 4], freed(false), 1),
      op('c', unlock, [4.5, 5], freed(true), 2),
    ],
  ],
  [
    'an unlock with the token of its lock',
    lockModel,
    [
      op('a', lock, [1, 2], token(6), 5),
      op('a', { ...unlock, token: 6 }, [3, 4], freed(true), 6),
      op('a', { ...unlock, token: 6 }, [5, 6], freed(false), 7),
    ],
  ],
  [
    'keys have nothing to do with each other',
    registerModel,
    [
      op('a', { ...(write(1) as object), key: 'y' }, [1, 2], written, 0),
      op('a', read, [3, 4], value(null), 1),
    ],
  ],
]

describe('good histories pass both', () => {
  test.each(good)('%s', (_, model, operations) => {
    expect(checkWitness(operations, model)).toBe(null)
    expect(searchLinearization(operations, model)).toBe(null)
  })
})

/** What only positions tell is for the witness check; no history that it passes is bad to the search. */
const bad: ['both' | 'witness', string, Model, Operation[]][] = [
  [
    'both',
    'stale read',
    registerModel,
    [op('a', write(1), [1, 2], written, 0), op('b', read, [3, 4], value(null), 1)],
  ],
  [
    'both',
    'lost update',
    registerModel,
    [op('a', cas(null, 1), [1, 4], set(true), 0), op('b', cas(null, 2), [2, 3], set(true), 1)],
  ],
  [
    'both',
    'lost write',
    registerModel,
    [
      op('a', write(1), [1, 2], written, 0),
      op('a', write(2), [3, 4], written, 1),
      op('b', read, [5, 6], value(1), 2),
    ],
  ],
  [
    'both',
    'a value from nowhere',
    registerModel,
    [op('a', write(1), [1, 4], written, 0), op('b', read, [2, 3], value(7), 1)],
  ],
  [
    'both',
    'a value from the future',
    registerModel,
    [op('a', read, [1, 2], value(1), 1), op('b', write(1), [3, 4], written, 0)],
  ],
  [
    'both',
    'a value that goes back',
    registerModel,
    [
      op('a', write(1), [1, 10], written, 0),
      op('b', read, [2, 3], value(1), 1),
      op('c', read, [4, 5], value(null), 2),
    ],
  ],
  [
    'both',
    'a value that goes to and fro',
    registerModel,
    [
      op('a', write(1), [1, 12], written, 0),
      op('b', write(2), [2, 13], written, 2),
      op('c', read, [3, 4], value(1), 1),
      op('c', read, [5, 6], value(2), 3),
      op('c', read, [7, 8], value(1), 4),
    ],
  ],
  [
    'both',
    'a compare-and-set that fails for no reason',
    registerModel,
    [op('a', write(1), [1, 2], written, 0), op('a', cas(1, 2), [3, 4], set(false), 1)],
  ],
  [
    'both',
    'a compare-and-set of what is not there',
    registerModel,
    [op('a', write(1), [1, 2], written, 0), op('a', cas(3, 2), [3, 4], set(true), 1)],
  ],
  [
    'both',
    'a write without an answer that is seen and unseen',
    registerModel,
    [
      unanswered('a', write(1), 1, 0),
      op('b', read, [2, 3], value(1), 1),
      op('b', read, [4, 5], value(null), 2),
    ],
  ],
  [
    'both',
    'a cancelled write that took effect',
    registerModel,
    [voided('a', write(1), 1, 2), op('b', read, [3, 4], value(1), 0)],
  ],
  [
    'both',
    'lost increment',
    counterModel,
    [op('a', add, [1, 4], counted(1), 0), op('b', add, [2, 3], counted(1), 1)],
  ],
  [
    'both',
    'executed twice',
    counterModel,
    [op('a', add, [1, 2], counted(1), 0), op('a', count, [3, 4], counted(2), 1)],
  ],
  [
    'both',
    'a count that goes down',
    counterModel,
    [
      op('a', add, [1, 2], counted(1), 0),
      op('b', count, [3, 4], counted(1), 1),
      op('b', count, [5, 6], counted(0), 2),
    ],
  ],
  [
    'both',
    'an increment too many',
    counterModel,
    [op('a', add, [1, 4], counted(1), 0), op('b', add, [2, 3], counted(3), 1)],
  ],
  [
    'both',
    'answered twice',
    counterModel,
    [op('a', add, [1, 2], counted(1), 0), op('a', add, [1, 3], counted(2), 1)],
  ],
  [
    'both',
    'said to be cancelled, and answered',
    counterModel,
    [op('a', add, [1, 2], counted(1), 0), voided('a', add, 1, 3)],
  ],
  [
    'both',
    'two holders, one after the other',
    lockModel,
    [op('a', lock, [1, 2], token(1), 0), op('b', lock, [3, 4], token(2), 1)],
  ],
  [
    'both',
    'two holders at once',
    lockModel,
    [op('a', lock, [1, 3], token(1), 0), op('b', lock, [2, 4], token(2), 1)],
  ],
  [
    'both',
    'a lock given before it was freed',
    lockModel,
    [
      op('a', lock, [1, 2], token(1), 0),
      op('b', lock, [3, 4], token(3), 2),
      op('a', unlock, [5, 6], freed(true), 1),
    ],
  ],
  [
    'both',
    'token goes back',
    lockModel,
    [
      op('a', lock, [1, 2], token(6), 5),
      op('a', unlock, [3, 4], freed(true), 6),
      op('b', lock, [5, 6], token(4), 7),
    ],
  ],
  [
    'both',
    'one token for two holders',
    lockModel,
    [
      op('a', lock, [1, 2], token(1), 0),
      op('a', unlock, [3, 4], freed(true), 1),
      op('b', lock, [5, 6], token(1), 2),
    ],
  ],
  [
    'both',
    'a late holder frees the lock of another',
    lockModel,
    [
      op('a', lock, [1, 2], token(1), 0),
      op('c', unlock, [3, 4], freed(true), 1),
      op('b', lock, [5, 6], token(3), 2),
      op('a', { ...unlock, token: { instance: 0, index: 0 } }, [7, 8], freed(true), 3),
    ],
  ],
  ['both', 'a lock is freed that nobody held', lockModel, [op('a', unlock, [1, 2], freed(true), 0)]],
  [
    'both',
    'a held lock is not freed',
    lockModel,
    [op('a', lock, [1, 2], token(1), 0), op('a', { ...unlock, token: 1 }, [3, 4], freed(false), 1)],
  ],
  ['both', 'a lock that gave nothing', lockModel, [op('a', lock, [1, 2], null, 0)]],
  ['both', 'a lock without a token', lockModel, [op('a', lock, [1, 2], freed(true), 0)]],
  [
    'witness',
    'out of real-time order, though nobody can tell by the results',
    registerModel,
    [op('a', write(1), [1, 2], written, 1), op('b', write(1), [3, 4], written, 0)],
  ],
  [
    'witness',
    'a read placed before the write that it came after',
    registerModel,
    [
      op('a', write(1), [1, 2], written, 0),
      op('b', write(1), [3, 4], written, 2),
      op('b', read, [5, 6], value(1), 1),
    ],
  ],
  [
    'witness',
    'two commands at one place',
    registerModel,
    [op('a', write(1), [1, 4], written, 0), op('b', read, [2, 3], value(1), 0)],
  ],
  [
    'witness',
    'another order than the one that the results show',
    registerModel,
    [
      op('a', write(1), [1, 4], written, 0),
      op('b', write(2), [2, 3], written, 1),
      op('c', read, [5, 6], value(1), 2),
    ],
  ],
  [
    'witness',
    'executed before it was called',
    registerModel,
    [op('b', read, [2, 3], value(null), 1), unanswered('a', write(null), 4, 0)],
  ],
]

describe('bad histories are caught', () => {
  test.each(bad)('by %s: %s', (by, _, model, operations) => {
    expect(checkWitness(operations, model)?.message).toEqual(expect.any(String))
    if (by === 'both') expect(searchLinearization(operations, model)?.message).toEqual(expect.any(String))
    else expect(searchLinearization(operations, model)).toBe(null)
  })
})

test('a long history is judged by its positions, and a fault at its end is found', () => {
  const length = 50_000
  const adds = Array.from({ length }, (_, i) => op('a', add, [3 * i, 3 * i + 4], counted(i + 1), i))
  expect(checkWitness(adds, counterModel)).toBe(null)
  const last = op('b', count, [3 * length, 3 * length + 1], counted(length - 1), length)
  // It was called while the last one was under way, but stands after it.
  expect(checkWitness([...adds, last], counterModel)?.operation).toBe(last)
  expect(checkWitness([last, ...adds.reverse()], counterModel)?.operation).toBe(last)
})

test('a search that would take too long says so', () => {
  const writes = Array.from({ length: 12 }, (_, i) => op(`c${i}`, write(i), [i, 100 + i], written, i))
  expect(() => searchLinearization(writes, registerModel, 1_000)).toThrow(TooManyConfigurations)
})
