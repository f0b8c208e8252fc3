import { expect } from 'vitest'
import type { CheckReport } from '../../src/checker/check.ts'
import { countedIn, differences } from '../../src/checker/counts.ts'
import type { Counted } from '../../src/checker/named-bounds.ts'

/** Expects that the whole search held, and came to what is recorded of its bounds. */
export function expectRecorded(report: CheckReport, counted: Counted | null): void {
  const { verdict, missing, broken, stats } = report
  expect({ verdict, missing, broken }).toEqual({ verdict: 'holds', missing: [], broken: null })
  expect(stats.expanded).toBe(stats.states)
  expect(counted === null ? 'not counted' : differences(counted, countedIn(report))).toEqual([])
}
