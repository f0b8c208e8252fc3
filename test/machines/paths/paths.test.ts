/**
 * Paths generated from the charts, to every state and along every transition, each replayed against a live actor and against
 * `src/core/step.ts`. A transition that no path takes fails by its name.
 */
import { describe, expect, test } from 'vitest'
import { createActor } from 'xstate'
import { defaultLimits } from '../../../machines/limits.ts'
import { nodeMachine } from '../../../machines/node.ts'
import { defaultTiming } from '../../../machines/timing.ts'
import { roleInputs } from '../../../src/core/roles.ts'
import { members } from '../../support/role.ts'
import { acceptorChart } from './acceptor.ts'
import { auditorChart } from './auditor.ts'
import type { Chart } from './chart.ts'
import { clientChart } from './client.ts'
import { type Path, pathsThrough } from './generate.ts'
import { learnerChart } from './learner.ts'
import { leaseChart } from './lease.ts'
import { proposerChart } from './proposer.ts'
import { readerChart } from './reader.ts'
import { expectSame, randomWalk } from './replay.ts'
import { requestQueueChart } from './request-queue.ts'
import { timekeeperChart } from './timekeeper.ts'
import { Coverage } from './transitions.ts'

const charts: readonly Chart[] = [
  acceptorChart,
  proposerChart,
  learnerChart,
  requestQueueChart,
  timekeeperChart,
  auditorChart,
  readerChart,
  clientChart,
  leaseChart,
]

/** What is taken on the way along these paths, which both engines must walk alike. */
function coverageOf(chart: Chart, paths: readonly Path[]): Coverage {
  const coverage = new Coverage(chart.machine)
  for (const path of paths) expectSame(chart, (_, taken) => path[taken], coverage.watch)
  return coverage
}

describe.each(charts)('the chart of the $name', (chart) => {
  test('does the same live as stepped along paths to each state, through each transition', () => {
    const { paths } = pathsThrough(chart)
    const { untaken, unentered } = coverageOf(chart, paths)
    expect({ untaken, unentered }).toEqual({ untaken: [], unentered: [] })
  })

  test.each([1, 2, 3, 4])('does the same live as stepped wherever chance leads it: seed %i', (seed) => {
    expectSame(chart, randomWalk(chart.happenings, seed, 250))
  })
})

test('an event that never happens leaves its transitions untaken, and they are named', () => {
  const chart: Chart = {
    ...clientChart,
    happenings: (snapshot) => clientChart.happenings(snapshot).filter(({ type }) => type !== 'give.up'),
  }
  const { untaken, unentered } = coverageOf(chart, pathsThrough(chart).paths)
  expect(untaken).toEqual(['client on give.up[0] guard namesNothing', 'client on give.up[1]'])
  expect(unentered).toEqual([])
})

test('a case of an event that never happens leaves the alternative untaken that only it takes', () => {
  const chart: Chart = {
    ...clientChart,
    happenings: (snapshot) =>
      clientChart.happenings(snapshot).filter((event) => !('reason' in event && event.reason === 'busy')),
  }
  expect(coverageOf(chart, pathsThrough(chart).paths).untaken).toEqual([
    'client on busy[2] guard serverIsBusy',
  ])
})

// The node spawns actors, which no pure step does: its few events are tried in every order, live.
test('the chart of the node takes each transition that it has', () => {
  const recovered = {
    self: 0,
    incarnation: 'founder-0',
    members: members(3),
    promised: null,
    accepted: [],
    firstUnchosen: 0,
    snapshot: null,
    requestsSince: 0,
    dueInMs: null,
  }
  const inputs = roleInputs(recovered, { timing: defaultTiming, limits: defaultLimits, randomSeed: 1 })
  const events = [
    { type: 'node.recovered', inputs },
    { type: 'node.stopping' },
    { type: 'node.stopped' },
    { type: 'node.failed', reason: 'the disk is gone' },
  ] as const
  const coverage = new Coverage(nodeMachine)
  for (const first of events) {
    for (const second of events) {
      for (const third of events) {
        const node = createActor(nodeMachine, { inspect: coverage.watch })
        node.start()
        for (const event of [first, second, third]) {
          if (node.getSnapshot().status === 'active') node.send(event)
        }
        node.stop()
      }
    }
  }
  expect({ untaken: coverage.untaken, unentered: coverage.unentered }).toEqual({ untaken: [], unentered: [] })
})
