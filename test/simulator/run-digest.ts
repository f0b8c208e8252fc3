import { createHash } from 'node:crypto'
import type { Plan } from '../../src/simulator/plan.ts'
import type { RunOptions } from '../../src/simulator/run.ts'
import type { RunReport } from '../../src/simulator/run-report.ts'
import { runWithCodec } from '../../src/simulator/wire.ts'

type Options = Omit<RunOptions, 'told'>

/** Runs a plan. The digest is the SHA-256 of all that happens, in order, with its time. */
export function digestedRun(plan: Plan, options: Options = {}): { report: RunReport; digest: string } {
  const hash = createHash('sha256')
  const report = runWithCodec(plan, { ...options, told: (line) => hash.update(line) })
  return { report, digest: hash.digest('hex') }
}

export function digestOf(plan: Plan, options: Options = {}): string {
  return digestedRun(plan, options).digest
}
