import { describe, expect, test } from 'vitest'
import { lockCommand } from '../../src/services/lock-commands.ts'
import type { Operation } from '../../src/verify/history.ts'
import { lockModel } from '../../src/verify/models.ts'
import { searchLinearization } from '../../src/verify/search.ts'
import { withSessionEnds } from '../../src/verify/session-ends.ts'
import { checkWitness } from '../../src/verify/witness.ts'
import { op, unanswered } from '../support/histories.ts'

const lock = lockCommand('x')

/** The first server executes at `at` that `uid` has ended. */
function end(uid: string, at: number, instance: number) {
  return { uid, instance, from: { order: at, timeMs: at }, to: { order: at + 1, timeMs: at } }
}

function verdicts(operations: readonly Operation[]) {
  return [checkWitness(operations, lockModel), searchLinearization(operations, lockModel)].map(
    (flaw) => flaw === null,
  )
}

const next = op('b@1', lock, [11, 30], { token: 2 }, 5)

describe.each<[string, Operation]>([
  ['took the lock', op('a@0', lock, [1, 2], { token: 1 }, 0)],
  ['took the lock and did not learn it', unanswered('a@0', lock, 1, 0)],
])('a session that %s', (_, taken) => {
  test('frees it when it ends', () => {
    expect(verdicts(withSessionEnds([taken, next], [end('a@0', 9, 4)]))).toEqual([true, true])
  })

  test('frees it no earlier', () => {
    expect(verdicts(withSessionEnds([taken, next], [end('a@0', 40, 6)]))[0]).toBe(false)
  })
})

test('a session frees nothing that another one holds', () => {
  const operations = [
    op('a@0', lock, [1, 2], { token: 1 }, 0),
    op('c@0', lockCommand('y'), [3, 4], { token: 1 }, 1),
    next,
  ]
  expect(verdicts(withSessionEnds(operations, [end('c@0', 9, 4)]))).toEqual([false, false])
})
