import { describe, expect, test } from 'vitest'
import { drawPlan } from '../../src/simulator/draw-plan.ts'
import type { Plan } from '../../src/simulator/plan.ts'
import type { RunFailure } from '../../src/simulator/run-report.ts'
import { shrink } from '../../src/simulator/shrink.ts'

const failure: RunFailure = { broke: 1, message: 'as planned', step: 1, atMs: 1 }

function stepsOf({ clients }: Plan): unknown[] {
  return clients.flatMap(({ lanes }) => lanes.flat())
}

describe('a plan that fails', () => {
  const plan = drawPlan(3)
  const [loss] = plan.faults
  const step = stepsOf(plan)[4]

  test('is reduced to what it takes', () => {
    const fails = ({ faults, ...rest }: Plan) =>
      loss !== undefined && faults.includes(loss) && stepsOf({ faults, ...rest }).includes(step)
        ? failure
        : null
    const shrunk = shrink(plan, failure, fails)
    expect(shrunk.plan.faults).toEqual([loss])
    expect(stepsOf(shrunk.plan)).toEqual([step])
    expect(shrunk.plan.clients).toHaveLength(plan.clients.length)
  })

  test('that always fails is reduced to nothing', () => {
    const shrunk = shrink(plan, failure, () => failure)
    expect(shrunk.plan.faults).toEqual([])
    expect(stepsOf(shrunk.plan)).toEqual([])
  })

  test('is not taken for another that breaks something else', () => {
    const shrunk = shrink(plan, failure, () => ({ ...failure, broke: 2 }))
    expect(shrunk.plan).toEqual(plan)
    expect(shrunk.failure).toBe(failure)
  })

  test('is run no more often than allowed', () => {
    let runs = 0
    const everySeventh = () => {
      runs += 1
      return runs % 7 === 0 ? failure : null
    }
    const shrunk = shrink(plan, failure, everySeventh, 20)
    expect(runs).toBeLessThanOrEqual(20)
    expect(shrunk.runs).toBe(runs)
  })
})
