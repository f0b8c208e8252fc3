import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Pair, step } from './pair.ts'

describe('any commands and ends', () => {
  test('the service does what the lists do', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
        const pair = new Pair()
        for (const each of steps) pair.do(each)
      }),
      { numRuns: 400 },
    )
  })

  test('they reach what they are meant to reach', () => {
    const reached = new Set<string>()
    for (const steps of fc.sample(fc.array(step, { maxLength: 60, size: 'max' }), {
      numRuns: 150,
      seed: 11,
    })) {
      const pair = new Pair()
      for (const each of steps) pair.do(each)
      for (const each of pair.reached) reached.add(each)
    }
    expect([...reached].sort()).toEqual([
      'alreadyHeld',
      'busy',
      'deadlock',
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
