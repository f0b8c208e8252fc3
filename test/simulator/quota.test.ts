/** The quota in simulated clusters: messages get lost, servers crash and start from snapshots, and all refuse the same requests. */
import { expect, test } from 'vitest'
import { defaultLimits, replicatedLimits } from '../../machines/limits.ts'
import type { Execution, Outcome } from '../../machines/outcome.ts'
import type { Service } from '../../src/services/service.ts'
import { SimulatedCluster } from '../../src/simulator/cluster.ts'
import { noFaults } from '../../src/simulator/network.ts'

const itemBytes = replicatedLimits.quotaBytes / 8

/** A stack of items, each of which takes an eighth of the quota. */
const stack: Service<number, string, number> = {
  name: 'stack',
  initial: () => 0,
  parse: (body) => String(body),
  execute(items, command) {
    const after = command === 'push' ? items + 1 : Math.max(0, items - 1)
    return { kind: 'executed', state: after, result: after }
  },
  sizeBytes: (items) => items * itemBytes,
  snapshot: (items) => [items],
  restore: (rows) => [...rows][0] as number,
}

function run(seed: number) {
  const executions = new Map<number, Execution['outcomes']>()
  const outcomes: Outcome[] = []
  const cluster = new SimulatedCluster({
    ...{ seed, servers: 3, service: stack as Service, digestEvery: 1 },
    limits: { ...defaultLimits, snapshotEvery: 3 },
    observe: (fact) => {
      if (fact.type !== 'executed') return
      const before = executions.get(fact.instance)
      if (before === undefined) executions.set(fact.instance, fact.execution.outcomes)
      else expect(fact.execution.outcomes, `server ${fact.node} at ${fact.instance}`).toEqual(before)
    },
  })
  const { timeline, network } = cluster
  network.faults = { ...noFaults, lossPercent: 10, maxDelayMs: 5 }
  cluster.start()
  const client = cluster.client('c', [0, 1, 2])
  // Twelve are pushed, of which at most seven fit; five go, and twelve more are pushed.
  const commands = ['push', 12, 'pop', 5, 'push', 12].flatMap((word, place, all) =>
    typeof word === 'string' ? Array.from({ length: Number(all[place + 1]) }, () => word) : [],
  )
  const askNext = (): void => {
    const command = commands[outcomes.length]
    if (command === undefined) return
    client.ask({ kind: 'service', body: command }, (outcome: Outcome) => {
      outcomes.push(outcome)
      // Each server in turn starts again, from its snapshot and the batches after it.
      const server = cluster.servers[outcomes.length % 3]
      if (outcomes.length % 4 === 0 && server?.isUp) server.crash('lost')
      for (const other of cluster.servers) if (other !== server && !other.isUp) other.start()
      timeline.schedule(50, askNext)
    })
  }
  askNext()
  while (timeline.nowMs < 120_000 && timeline.advance());
  return outcomes
}

test.each([1, 2, 3, 4, 5, 6])('all servers refuse the same requests: seed %i', (seed) => {
  const kinds = run(seed).map(({ kind }) => kind)
  const of = (count: number, kind: string) => Array.from({ length: count }, () => kind)
  expect(kinds).toEqual([
    ...[...of(7, 'executed'), ...of(5, 'overQuota'), ...of(5, 'executed')],
    ...[...of(5, 'executed'), ...of(7, 'overQuota')],
  ])
})
