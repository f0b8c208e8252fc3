import fc from 'fast-check'
import type { Plant } from '../../src/stepped/settings.ts'
import { counting, DifferingCluster } from './differing.ts'

interface Choice {
  readonly kind: 'deliver' | 'repeat' | 'lose' | 'ask' | 'retransmit'
  readonly place: number
}

const choices = fc.array(
  fc.record({
    kind: fc.oneof(
      { weight: 12, arbitrary: fc.constant('deliver' as const) },
      fc.constantFrom('repeat' as const, 'lose' as const, 'ask' as const, 'retransmit' as const),
    ),
    place: fc.nat(99),
  }),
  { minLength: 20, maxLength: 120, size: 'max' },
)

/** Every timer fires that may bring something on, and everything arrives. */
function recover(cluster: DifferingCluster, servers: number): void {
  for (let tries = 0; tries < 12; tries += 1) {
    for (let id = 0; id < servers; id += 1) {
      cluster.pass(id, 'proposer', 'retransmitInterval')
      cluster.pass(id, 'proposer', 'backoff')
      cluster.pass(id, 'learner', 'grace')
      cluster.pass(id, 'learner', 'askInterval')
      cluster.pass(id, 'requestQueue', 'handOverInterval')
      cluster.pass(id, 'auditor', 'askInterval')
      cluster.settle()
    }
  }
}

/**
 * One of three or five servers behaves differently from some request on. Whatever is lost, repeated and reordered, it halts when messages
 * arrive again, and no other server ever does or disputes.
 */
export function differingServerHalts(plant: Plant = (settings) => settings) {
  return fc.property(
    fc.constantFrom(3, 5),
    fc.nat(4),
    fc.integer({ min: 1, max: 3 }),
    choices,
    (servers, place, from, chosen) => {
      const odd = place % servers
      const services = Array.from({ length: servers }, (_, id) =>
        counting((request) => (id === odd && request >= from ? 1 : 0)),
      )
      const cluster = new DifferingCluster(services, plant)
      let asked = 0
      for (const choice of chosen) act(cluster, choice, () => cluster.ask('a', ++asked, 0))
      // The difference is found at the next batch: so many more that each server has executed one, and received the next.
      for (let more = 0; more < from + 2; more += 1) {
        for (const server of [0, 1]) cluster.ask(server === 0 ? 'b' : 'c', more + 1, server)
        recover(cluster, servers)
      }
      for (const [id, reason] of cluster.halted.entries()) {
        if (id !== odd && reason !== null)
          throw new Error(`server ${id} behaves like a quorum and halted: ${reason}`)
      }
      if (!(cluster.halted[odd] ?? '').includes('differ from those of a quorum')) {
        throw new Error(`server ${odd} differs, and did not halt for it: ${cluster.halted[odd]}`)
      }
    },
  )
}

function act(cluster: DifferingCluster, { kind, place }: Choice, ask: () => void): void {
  const flight = cluster.flying[place % Math.max(1, cluster.flying.length)]
  switch (kind) {
    case 'ask':
      ask()
      return
    case 'retransmit':
      cluster.pass(0, 'proposer', 'retransmitInterval')
      return
    case 'lose':
      if (flight !== undefined) cluster.flying = cluster.flying.filter((other) => other !== flight)
      return
    default:
      if (flight !== undefined) cluster.deliver(flight, kind === 'repeat')
  }
}
