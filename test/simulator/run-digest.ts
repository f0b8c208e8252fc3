import { createHash } from 'node:crypto'
import type { Plan } from '../../src/simulator/plan.ts'
import type { RunOptions } from '../../src/simulator/run.ts'
import { runWithCodec } from '../../src/simulator/wire.ts'

/** SHA-256 of all that happens in the run of a plan, in order, with its time. */
export function digestOf(plan: Plan, options: Omit<RunOptions, 'told'> = {}): string {
  const hash = createHash('sha256')
  runWithCodec(plan, { ...options, told: (line) => hash.update(line) })
  return hash.digest('hex')
}
