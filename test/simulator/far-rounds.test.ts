/** Servers whose promises lie further apart than one message may raise a round: they meet, and do not refuse each other for ever. */
import { expect, test } from 'vitest'
import type { NodeId } from '../../machines/batch.ts'
import { roundStep } from '../../machines/limits.ts'
import type { Outcome } from '../../machines/outcome.ts'
import { lockService } from '../../src/services/lock.ts'
import type { Service } from '../../src/services/service.ts'
import { SimulatedCluster } from '../../src/simulator/cluster.ts'

const apart: readonly (readonly number[])[] = [
  [2 * roundStep, 4 * roundStep, 1],
  [1, 2 * roundStep, 4 * roundStep],
  [7 * roundStep + 3, 1, 3 * roundStep],
]

test.each(
  apart.flatMap((rounds) => [0, 1, 2].map((first) => ({ rounds, first }))),
)('promises at $rounds: a request at server $first is answered', ({ rounds, first }) => {
  const cluster = new SimulatedCluster({
    seed: 1,
    servers: 3,
    service: lockService as Service,
    observe: () => undefined,
  })
  for (const [id, round] of rounds.entries()) {
    const promised = { round, node: 2 }
    cluster.server(id).disk.persist({ by: 'acceptor', promised, accepted: [] }, () => undefined)
  }
  while (cluster.timeline.advance());
  cluster.start()
  const ids: readonly NodeId[] = [0, 1, 2]
  const ended: Outcome[] = []
  cluster
    .client('client', ids, first)
    .ask({ kind: 'service', body: { action: 'lock', name: 'a' } }, (outcome) => ended.push(outcome))
  while (ended.length === 0 && cluster.timeline.nowMs < 60_000 && cluster.timeline.advance());
  expect(ended).toMatchObject([{ kind: 'executed' }])
})
