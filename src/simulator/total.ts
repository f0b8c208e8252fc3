import type { RunReport } from './run-report.ts'
import { addCounts, type Counts, noCounts } from './situations.ts'

/** What many runs come to. */
export interface Total {
  readonly runs: number
  readonly virtualMs: number
  readonly steps: number
  readonly datagrams: number
  readonly instances: number
  readonly operations: number
  readonly searched: number
  readonly counts: Counts
}

export const nothingRun: Total = {
  runs: 0,
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
    virtualMs: total.virtualMs + report.virtualMs,
    steps: total.steps + report.steps,
    datagrams: total.datagrams + report.datagrams,
    instances: total.instances + report.instances,
    operations: total.operations + report.operations,
    searched: total.searched + report.searched,
    counts: addCounts(total.counts, report.counts),
  }
}
