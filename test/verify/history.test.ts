import { expect, test } from 'vitest'
import type { Outcome } from '../../machines/outcome.ts'
import { History } from '../../src/verify/history.ts'
import { counterModel } from '../../src/verify/models.ts'
import { searchLinearization } from '../../src/verify/search.ts'
import { checkWitness } from '../../src/verify/witness.ts'
import { execution } from '../support/facts.ts'
import { add, counted } from '../support/histories.ts'

const done = (instance: number, count = instance + 1): Outcome => ({
  kind: 'executed',
  result: counted(count),
  instance,
  index: 0,
})

/** A client that has called `add` once, and nothing come back. */
function called(): History {
  const history = new History()
  history.called('a@0', 0, add, 10)
  return history
}

test('an answer', () => {
  const history = called()
  history.ended('a@0', 0, done(0), 20)
  expect(history.operations).toEqual([
    {
      uid: 'a@0',
      seq: 0,
      command: add,
      called: { order: 1, timeMs: 10 },
      ending: {
        kind: 'answered',
        at: { order: 2, timeMs: 20 },
        result: { count: 1 },
        position: { instance: 0, index: 0 },
      },
    },
  ])
})

test('the same answer twice is one; another one is found by both checkers', () => {
  const history = called()
  history.ended('a@0', 0, done(0), 20)
  history.ended('a@0', 0, done(0), 30)
  expect(history.operations).toHaveLength(1)
  expect(checkWitness(history.operations, counterModel)).toBe(null)
  history.ended('a@0', 0, done(1), 40)
  expect(checkWitness(history.operations, counterModel)?.message).toBe('a@0 0 ended twice')
  expect(searchLinearization(history.operations, counterModel)?.message).toBe('a@0 0 ended twice')
})

test.each<[Outcome, string]>([
  [{ kind: 'cancelled', instance: 0, index: 0 }, 'void'],
  [{ kind: 'failed', error: 'no', instance: 0, index: 0 }, 'void'],
  [{ kind: 'refused', reason: 'conflict' }, 'void'],
  // What became of it is forgotten.
  [{ kind: 'refused', reason: 'expired' }, 'unknown'],
  [{ kind: 'refused', reason: 'stale' }, 'unknown'],
])('%j is %s', (outcome, kind) => {
  const history = called()
  history.ended('a@0', 0, outcome, 20)
  expect(history.operations[0]?.ending.kind).toBe(kind)
})

test('where a command without an answer was executed is known from the servers', () => {
  const history = called()
  history.executed(execution(3, [{ uid: 'b@0', seq: 0, outcome: done(3) }]), 20)
  expect(history.operations[0]?.ending).toEqual({ kind: 'unknown', position: null })
  history.executed(execution(3, [{ uid: 'a@0', seq: 0, outcome: done(3) }]), 20)
  // At another instance its outcome is only repeated.
  history.executed(execution(4, [{ uid: 'a@0', seq: 0, outcome: done(3) }]), 30)
  expect(history.operations[0]?.ending).toEqual({ kind: 'unknown', position: { instance: 3, index: 0 } })
  history.ended('a@0', 0, done(3), 20)
  expect(history.operations[0]?.ending.kind).toBe('answered')
})

test('an answer to what was never called', () => {
  expect(() => called().ended('b@0', 0, done(0), 20)).toThrow('b@0 0')
})
