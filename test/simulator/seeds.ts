import { expect } from 'vitest'
import { drawPlan, type PlanOptions } from '../../src/simulator/draw-plan.ts'
import { nothingRun, type Total, withRun } from '../../src/simulator/total.ts'
import { runWithCodec } from '../../src/simulator/wire.ts'

/** Runs the seeds from `first` on, each of which has to hold. Returns what they came to. */
export function runSeeds(first: number, runs: number, options: PlanOptions = {}): Total {
  let total = nothingRun
  for (let seed = first; seed < first + runs; seed += 1) {
    const report = runWithCodec(drawPlan(seed, options))
    expect(report.failure, `paxos simulate --seed ${seed}`).toBeNull()
    total = withRun(total, report)
  }
  return total
}
