/** Servers whose promises lie further apart than one message may raise a round: they meet, and do not refuse each other for ever. */
import { expect, test } from 'vitest'
import type { NodeId } from '../../machines/batch.ts'
import { roundStep } from '../../machines/limits.ts'
import type { Outcome } from '../../machines/outcome.ts'
import type { Write } from '../../machines/outputs.ts'
import { run } from '../../src/core/process.ts'
import { lockService } from '../../src/services/lock.ts'
import type { Service } from '../../src/services/service.ts'
import { SimulatedCluster } from '../../src/simulator/cluster.ts'
import type { SimulatedDisk } from '../../src/simulator/disk.ts'
import type { SimulatedFiles } from '../../src/simulator/files.ts'

const apart: readonly (readonly number[])[] = [
  [2 * roundStep, 4 * roundStep, 1],
  [1, 2 * roundStep, 4 * roundStep],
  [7 * roundStep + 3, 1, 3 * roundStep],
]

/** Stores a write before the server starts. */
function storeOn(disk: SimulatedDisk, write: Write): void {
  const files = (files: SimulatedFiles) =>
    files.session((_, act, ended) => {
      act()
      ended()
    })
  const process = { files, after: () => () => undefined, failed: () => undefined }
  run(disk.open(process), () => disk.persist(write, () => undefined))
  disk.crash('lost')
}

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
    storeOn(cluster.server(id).disk, { by: 'acceptor', promised, accepted: [] })
  }
  cluster.start()
  const ids: readonly NodeId[] = [0, 1, 2]
  const ended: Outcome[] = []
  cluster
    .client('client', ids, first)
    .ask({ kind: 'service', body: { action: 'lock', name: 'a' } }, (outcome) => ended.push(outcome))
  while (ended.length === 0 && cluster.timeline.nowMs < 60_000 && cluster.timeline.advance());
  expect(ended).toMatchObject([{ kind: 'executed' }])
})
