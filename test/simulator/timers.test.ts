/** Timers of a service in simulated clusters, whose messages get lost and whose leader stops before the deadline. */
import { expect, test } from 'vitest'
import type { Json } from '../../machines/batch.ts'
import type { Outcome } from '../../machines/outcome.ts'
import type { Service } from '../../src/services/service.ts'
import { SimulatedCluster } from '../../src/simulator/cluster.ts'
import { noFaults } from '../../src/simulator/network.ts'

const afterMs = 3_000
/** The clocks of simulated servers run at rates within 5 % of real time. */
const fastest = 1 / 1.05
const slowest = 1 / 0.95
/** The turns of two servers, and two ballots under loss. */
const mostLateMs = 2_500

/** A command sets the timer that it names. */
const alarms: Service<null, string, Json> = {
  name: 'alarms',
  initial: () => null,
  parse: (body) => String(body),
  execute: (state, name) => ({ kind: 'executed', state, result: null, timers: [{ name, afterMs }] }),
  timerFired: (state) => ({ state }),
  snapshot: () => [],
  restore: () => null,
}

interface Firing {
  readonly node: number
  readonly instance: number
  readonly atMs: number
}

/** Sets a timer at the time 0 and stops the server that proposed it at `stopAtMs`, if that is given. It starts again after the deadline. */
function run(seed: number, { lossPercent, stopAtMs }: { lossPercent: number; stopAtMs: number | null }) {
  const firings: Firing[] = []
  const preparing = new Set<number>()
  const cluster: SimulatedCluster = new SimulatedCluster({
    ...{ seed, servers: 3, service: alarms as Service },
    heard: (_, { message }) => {
      if (message.type === 'prepare') preparing.add(message.ballot.node)
    },
    observe: (fact) => {
      if (fact.type !== 'executed') return
      for (const { name, failed } of fact.execution.fired) {
        expect({ name, failed }).toEqual({ name: 't', failed: null })
        firings.push({ node: fact.node, instance: fact.instance, atMs: cluster.timeline.nowMs })
      }
    },
  })
  const { timeline, network } = cluster
  network.faults = { ...noFaults, lossPercent, maxDelayMs: 5 }
  cluster.start()
  let answeredAtMs: number | null = null
  cluster.client('c', [0, 1, 2]).ask({ kind: 'service', body: 't' }, (outcome: Outcome) => {
    expect(outcome.kind).toBe('executed')
    answeredAtMs = timeline.nowMs
  })
  if (stopAtMs !== null) timeline.schedule(stopAtMs, () => cluster.server(cluster.leader()).crash('lost'))
  timeline.schedule(20_000, () => {
    network.faults = noFaults
    for (const server of cluster.servers) if (!server.isUp) server.start()
  })
  while (timeline.nowMs < 60_000 && timeline.advance());
  return { firings, preparing, answeredAtMs: answeredAtMs ?? Number.NaN, isQuiet: timeline.isEmpty }
}

test.each([
  1, 2, 3, 4, 5, 6, 7, 8,
])('a timer fires at one instance, neither early nor late, and then nothing runs any more: seed %i', (seed) => {
  for (const lossPercent of [0, 15]) {
    const { firings, answeredAtMs, isQuiet } = run(seed, { lossPercent, stopAtMs: 1_000 + 200 * seed })
    const first = Math.min(...firings.map(({ atMs }) => atMs))
    expect(first).toBeGreaterThanOrEqual(afterMs * fastest)
    expect(first).toBeLessThanOrEqual(answeredAtMs + afterMs * slowest + mostLateMs)
    expect(new Set(firings.map(({ instance }) => instance)).size).toBe(1)
    expect(new Set(firings.map(({ node }) => node)).size).toBeGreaterThanOrEqual(2)
    expect(isQuiet).toBe(true)
  }
})

test.each([
  1, 2, 3,
])('at a deadline only the server that leads proposes, and all fire the timer at once: seed %i', (seed) => {
  const { firings, preparing, isQuiet } = run(seed, { lossPercent: 0, stopAtMs: null })
  expect(firings.map(({ node }) => node).sort()).toEqual([0, 1, 2])
  const times = firings.map(({ atMs }) => atMs)
  expect(Math.max(...times) - Math.min(...times)).toBeLessThan(100)
  expect([...preparing]).toEqual([0])
  expect(isQuiet).toBe(true)
})
