import { describe, expect, test } from 'vitest'
import { drawPlan } from '../../src/simulator/draw-plan.ts'
import type { Plan } from '../../src/simulator/plan.ts'
import { formatPlan, parsePlan } from '../../src/simulator/plan-file.ts'
import type { RunOptions } from '../../src/simulator/run.ts'
import type { RunFailure } from '../../src/simulator/run-report.ts'
import { shrink } from '../../src/simulator/shrink.ts'
import { runWithCodec } from '../../src/simulator/wire.ts'
import { mutations } from '../mutations/all.ts'

/** The first seed that fails, of the first so many. */
function firstFailing(runs: number, options: RunOptions): { plan: Plan; failure: RunFailure } | null {
  for (let seed = 0; seed < runs; seed += 1) {
    const plan = drawPlan(seed)
    const { failure } = runWithCodec(plan, options)
    if (failure !== null) return { plan, failure }
  }
  return null
}

const planted = mutations.filter(({ name }) => ['accepts below its promise', 'skips helping'].includes(name))

describe.each(planted)('$name', ({ plant }) => {
  const found = firstFailing(60, { plant })

  test('is found', () => {
    expect(found).not.toBeNull()
  })

  test('its plan is shrunk, written down, and fails alike when it is run again', () => {
    if (found === null) throw new Error('it was not found')
    const fails = (plan: Plan) => runWithCodec(plan, { plant }).failure
    const { plan, failure } = shrink(found.plan, found.failure, fails, 60)
    expect(failure.broke).toBe(found.failure.broke)
    expect(sizeOf(plan)).toBeLessThan(sizeOf(found.plan) / 2)
    expect(fails(parsePlan(formatPlan(plan)))).toEqual(failure)
    expect(runWithCodec(plan).failure, 'with machines that are right the same plan holds').toBeNull()
  })
})

function sizeOf({ faults, clients }: Plan): number {
  return faults.length + clients.flatMap(({ lanes }) => lanes.flat()).length
}
