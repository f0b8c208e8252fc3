import { type Invariant, invariantNumbers } from '../core/invariants.ts'
import type { RunReport, Sums } from './run-report.ts'
import { addCounts, noCounts } from './situations.ts'

/** The totals of many runs. */
export interface Total extends Sums {
  readonly runs: number
  /** By invariant: the number of runs in which it was judged to the end. */
  readonly judged: Readonly<Record<Invariant, number>>
}

export const nothingRun: Total = {
  runs: 0,
  judged: countedOf(() => 0),
  virtualMs: 0,
  steps: 0,
  datagrams: 0,
  instances: 0,
  operations: 0,
  searched: 0,
  counts: noCounts,
}

export function withRun(total: Total, report: RunReport): Total {
  return {
    runs: total.runs + 1,
    judged: countedOf((invariant) => total.judged[invariant] + (report.judged.includes(invariant) ? 1 : 0)),
    virtualMs: total.virtualMs + report.virtualMs,
    steps: total.steps + report.steps,
    datagrams: total.datagrams + report.datagrams,
    instances: total.instances + report.instances,
    operations: total.operations + report.operations,
    searched: total.searched + report.searched,
    counts: addCounts(total.counts, report.counts),
  }
}

function countedOf(count: (invariant: Invariant) => number): Record<Invariant, number> {
  const counted = invariantNumbers.map((invariant) => [invariant, count(invariant)])
  return Object.fromEntries(counted) as Record<Invariant, number>
}
