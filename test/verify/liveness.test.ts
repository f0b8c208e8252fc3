import { expect, test } from 'vitest'
import { Violation } from '../../src/core/violation.ts'
import { checkProgress, checkQuiet } from '../../src/verify/liveness.ts'

function violationOf(run: () => void): Violation | null {
  try {
    run()
    return null
  } catch (error) {
    expect(error).toBeInstanceOf(Violation)
    return error as Violation
  }
}

test('progress: everything is answered in the end', () => {
  expect(violationOf(() => checkProgress([], 1_000))).toBe(null)
  const names = Array.from({ length: 7 }, (_, seq) => ({ uid: 'a@0', seq }))
  const violation = violationOf(() => checkProgress(names, 1_000))
  expect(violation?.invariant).toBe(11)
  expect(violation?.message).toBe(
    'invariant 11 (progress): no answer to a@0 0, a@0 1, a@0 2, a@0 3, a@0 4 and 2 more after 1000 ms without faults',
  )
})

test('quiet: with nothing asked for nothing remains', () => {
  expect(violationOf(() => checkQuiet({ datagrams: 0, timers: 0 }))).toBe(null)
  expect(violationOf(() => checkQuiet({ datagrams: 1, timers: 0 }))?.invariant).toBe(12)
  expect(violationOf(() => checkQuiet({ datagrams: 0, timers: 1 }))?.invariant).toBe(12)
})
