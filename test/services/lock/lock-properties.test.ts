import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Pair, type Step, step, tangledStep } from './pair.ts'

const stepsOf = (each: fc.Arbitrary<Step>, maxLength: number) => fc.array(each, { maxLength, size: 'max' })
const tests: [string, fc.Arbitrary<Step[]>][] = [
  ['any steps', stepsOf(step, 60)],
  ['sessions that wait for each other', stepsOf(tangledStep, 30)],
]

describe('any commands and ends', () => {
  test.each(tests)('the service does what the lists do, with %s', (_, any) => {
    fc.assert(
      fc.property(any, (steps) => {
        const pair = new Pair()
        for (const each of steps) pair.do(each)
      }),
      { numRuns: 400 },
    )
  })

  test('they reach what they are meant to reach', () => {
    const reached = new Set<string>()
    for (const [, any] of tests) {
      for (const steps of fc.sample(any, { numRuns: 100, seed: 11 })) {
        const pair = new Pair()
        for (const each of steps) pair.do(each)
        for (const each of pair.reached) reached.add(each)
      }
    }
    expect([...reached].sort()).toEqual([
      'alreadyHeld',
      'busy',
      'deadlock',
      'deadlock of a steal',
      'freed false',
      'freed true',
      'granted',
      'permitsDiffer',
      'revoked',
      'waits',
      'woken',
    ])
  })
})
