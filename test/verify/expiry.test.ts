import { describe, expect, test } from 'vitest'
import type { Outcome } from '../../machines/outcome.ts'
import type { Fact } from '../../src/core/facts.ts'
import { Violation } from '../../src/core/violation.ts'
import { defaultSessionIdleMs, wasNeverExecuted } from '../../src/services/expiry.ts'
import { Expiry } from '../../src/verify/expiry.ts'
import { batchOf, executed as executedBy, execution } from '../support/facts.ts'

const idleMs = 10_000
const name = { uid: 'a@0', seq: 1 }
const command = { kind: 'service', body: null } as const
const requested: Fact = { type: 'requested', request: { ...name, ackedBelow: 0, command } }
const expired: Outcome = { kind: 'refused', reason: 'expired' }
const refused: Fact = {
  type: 'responded',
  node: 0,
  to: 'a',
  message: { type: 'response', uid: name.uid, answers: [{ seq: name.seq, outcome: expired }] },
}

function executedAs(outcome: Outcome): Fact {
  return executedBy(0, batchOf(), execution(3, [{ ...name, outcome }]))
}

const executed = executedAs({ kind: 'executed', result: null, instance: 3, index: 0 })

/** Gives each fact at its time. */
function judge(...facts: readonly (readonly [nowMs: number, fact: Fact])[]): () => void {
  return () => {
    const expiry = new Expiry(idleMs)
    for (const [nowMs, fact] of facts) expiry.observe(fact, nowMs)
  }
}

describe('a request that is refused as expired', () => {
  test.each<[string, ReturnType<typeof judge>]>([
    ['after it was executed', judge([0, requested], [10, executed], [8_999, refused])],
    ['before it is executed', judge([0, requested], [10, refused], [20, executed])],
    [
      'after it failed',
      judge(
        [5_000, requested],
        [5_000, executedAs({ kind: 'failed', error: '', instance: 3, index: 0 })],
        [9_000, refused],
      ),
    ],
  ])('soon after it was sent, %s, breaks invariant 6', (_, judging) => {
    expect(judging).toThrow(Violation)
    expect(judging).toThrow('invariant 6')
  })

  test.each<[string, ReturnType<typeof judge>]>([
    ['never executed', judge([0, requested], [10, refused], [20, executedAs(expired)])],
    [
      'so long after it was sent that its client does not ask again',
      judge([0, requested], [10, executed], [9_000, refused]),
    ],
    ['of a client that is not seen', judge([10, executed], [20, refused])],
  ])('%s breaks nothing', (_, judging) => {
    expect(judging).not.toThrow()
  })
})

test('the library asks again within nine tenths of an hour', () => {
  expect(wasNeverExecuted(0.9 * defaultSessionIdleMs - 1)).toBe(true)
  expect(wasNeverExecuted(0.9 * defaultSessionIdleMs)).toBe(false)
})
