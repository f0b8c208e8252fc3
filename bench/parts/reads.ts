/** Reads of one client, which write nothing, beside requests that set a key, and beside reads that may be stale. */
import { join } from 'node:path'
import type { Requests } from '../load/load.ts'
import { BenchCluster } from '../processes/cluster.ts'
import { type Turn, takeTurn } from '../processes/turn.ts'
import { rotated } from '../rotated.ts'
import { figure, spread, table } from '../show.ts'
import { median } from '../statistics.ts'
import { type Bench, print } from './part.ts'

const loads = [1, 64, 1_024]

interface Contender {
  readonly name: string
  readonly requests: Requests
  /** The server that the client asks; the first one leads. */
  readonly server: number
  readonly outstanding: number
  readonly turns: Turn[]
}

const kinds: readonly Pick<Contender, 'name' | 'requests' | 'server'>[] = [
  { name: 'put', requests: 'put', server: 0 },
  { name: 'get at the leader', requests: 'get', server: 0 },
  { name: 'get at another server', requests: 'get', server: 1 },
  { name: 'get, stale', requests: 'staleGet', server: 1 },
]

export async function measureReads({ directory, client, rounds, seconds }: Bench): Promise<void> {
  const cluster = await BenchCluster.start({ directory: join(directory, 'kv'), service: 'kv' })
  const contenders = loads.flatMap((outstanding) =>
    kinds.map((kind): Contender => ({ ...kind, outstanding, turns: [] })),
  )
  const loadOf = ({ requests, server, outstanding }: Contender, ownSeconds: number) => {
    const servers = [...cluster.servers.slice(server), ...cluster.servers.slice(0, server)]
    return { clients: [servers], requests, outstanding, seconds: ownSeconds, warmUpSeconds: 0.3 }
  }
  try {
    for (const contender of contenders) await client.call('load', loadOf(contender, 0.5))
    for (let round = 0; round < rounds; round += 1) {
      for (const contender of rotated(contenders, round)) {
        contender.turns.push(await takeTurn(cluster, client, loadOf(contender, seconds)))
      }
    }
  } finally {
    await cluster.stop()
  }
  print(
    `reads of one client beside requests, durable, medians of ${rounds} rounds of ${seconds} s (least to most)`,
  )
  print(table([header, ...contenders.map(row)]))
}

const header = ['', 'outstanding', 'per second', 'p50 ms', 'p99 ms', 'CPU µs: all', 'client', 'datagrams']

function row({ name, outstanding, turns }: Contender): readonly string[] {
  return [
    name,
    String(outstanding),
    spread(turns.map(({ perSecond }) => perSecond)),
    spread(turns.map(({ p50 }) => p50)),
    figure(median(turns.map(({ p99 }) => p99))),
    ...[
      turns.map(({ allUs }) => allUs),
      turns.map(({ clientUs }) => clientUs),
      turns.map(({ datagrams }) => datagrams),
    ].map(spread),
  ]
}
