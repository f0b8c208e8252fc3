import { describe, expect, test } from 'vitest'
import { drawPlan } from '../../src/simulator/draw-plan.ts'
import { faultKinds, type Plan } from '../../src/simulator/plan.ts'
import { formatPlan, parsePlan } from '../../src/simulator/plan-file.ts'

describe('a plan', () => {
  test('of any seed is read as it was written', () => {
    for (let seed = 0; seed < 300; seed += 1) {
      const plan = drawPlan(seed)
      expect(parsePlan(formatPlan(plan))).toEqual(plan)
    }
  })

  test('is drawn with the servers and the faults that are asked for', () => {
    for (let seed = 0; seed < 100; seed += 1) {
      const { servers, faults } = drawPlan(seed, { servers: 5, faults: ['cut', 'crash'] })
      expect(servers).toBe(5)
      expect(faults.every(({ kind }) => kind === 'cut' || kind === 'crash')).toBe(true)
    }
  })

  test('comes with every kind of fault, service and number of servers, over the seeds', () => {
    const plans = Array.from({ length: 200 }, (_, seed) => drawPlan(seed))
    const kinds = new Set(plans.flatMap(({ faults }) => faults.map(({ kind }) => kind)))
    expect([...kinds].sort()).toEqual([...faultKinds].sort())
    expect(new Set(plans.map(({ service }) => service)).size).toBe(2)
    expect(new Set(plans.map(({ servers }) => servers))).toEqual(new Set([1, 2, 3, 4, 5]))
  })

  const plan = drawPlan(1)
  test.each<[what: string, changed: unknown, fault: string]>([
    ['of another format', { ...plan, format: 1 } as unknown as Plan, '/format'],
    ['with a fault of no kind', { ...plan, faults: [{ kind: 'flood', atMs: 1 }] }, '/faults/0'],
    [
      'with too much of something',
      { ...plan, faults: [{ kind: 'loss', percent: 101, atMs: 0, forMs: 1 }] },
      '/faults/0',
    ],
    ['with a time that is no whole number', { ...plan, stormMs: 1.5 }, '/stormMs'],
    ['with a field that nobody knows', { ...plan, more: 1 } as Plan, '/more'],
    [
      'that sets the clock of a server that is not there',
      { ...plan, faults: [{ kind: 'clock', atMs: 0, server: 9, jumpMs: 1 }] },
      'server 9',
    ],
    ['in which a founder joins', { ...plan, faults: [{ kind: 'join', atMs: 0, server: 0 }] }, 'server 0'],
    ['in which a client asks a server that is not there', withStranger(plan), 'server 9'],
  ])('%s is refused, with the place', (_, changed, fault) => {
    expect(() => parsePlan(JSON.stringify(changed))).toThrow(fault)
  })
})

function withStranger(plan: Plan): Plan {
  return { ...plan, clients: [{ beginsAtMs: 0, server: 9, lanes: [] }] }
}
