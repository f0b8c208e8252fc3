/** Lock and unlock requests of one client, durable and in memory, beside the bare path without the protocol. */
import { join } from 'node:path'
import { startBarePath } from '../floor/floor.ts'
import { BenchCluster } from '../processes/cluster.ts'
import { oneClient, type Turn, takeTurn } from '../processes/turn.ts'
import { rotated } from '../rotated.ts'
import { figure, spread, table } from '../show.ts'
import { median, quantile, ratios } from '../statistics.ts'
import { type Bench, print, warmUp } from './part.ts'

const loads = [1, 64, 256, 1_024]

interface Contender {
  readonly store: string
  readonly cluster: BenchCluster
  readonly outstanding: number
  readonly turns: Turn[]
}

export async function measureRequests(bench: Bench): Promise<void> {
  const { directory, client, rounds, seconds } = bench
  const clusters = await Promise.all([
    BenchCluster.start({ directory: join(directory, 'durable') }),
    BenchCluster.start({ directory: null }),
  ])
  const bare = await startBarePath(directory)
  const bareMs: number[] = []
  const contenders = ['durable', 'in memory'].flatMap((store, place) =>
    loads.map((outstanding): Contender => ({ store, cluster: clusters[place]!, outstanding, turns: [] })),
  )
  try {
    for (const cluster of clusters) await warmUp(bench, cluster)
    await bare.measure(500, 200)
    for (let round = 0; round < rounds; round += 1) {
      bareMs.push(quantile(await bare.measure(500, 200), 0.5))
      for (const { cluster, outstanding, turns } of rotated(contenders, round)) {
        const load = oneClient(cluster, { outstanding, seconds, warmUpSeconds: 0.3 })
        turns.push(await takeTurn(cluster, client, load))
      }
    }
  } finally {
    bare.stop()
    await Promise.all(clusters.map((cluster) => cluster.stop()))
  }
  print(`requests of one client, medians of ${rounds} rounds of ${seconds} s (least to most)`)
  print(`  bare path: p50 ${spread(bareMs)} ms`)
  print(table([speedHeader, ...contenders.map((contender) => speedRow(contender, bareMs))]))
  print('costs of a request: CPU time of each process in µs, and datagrams')
  print(table([costHeader, ...contenders.map(costRow)]))
}

const speedHeader = ['', 'outstanding', 'requests/s', 'p50 ms', 'p99 ms', 'p50 / bare path']

function speedRow({ store, outstanding, turns }: Contender, bareMs: readonly number[]): readonly string[] {
  const p50s = turns.map(({ p50 }) => p50)
  return [
    store,
    String(outstanding),
    spread(turns.map(({ perSecond }) => perSecond)),
    spread(p50s),
    figure(median(turns.map(({ p99 }) => p99))),
    store === 'durable' && outstanding === 1 ? spread(ratios(p50s, bareMs)) : '',
  ]
}

const costHeader = ['', 'outstanding', 'leader', 'one follower', 'client', 'all', 'datagrams']

function costRow({ store, outstanding, turns }: Contender): readonly string[] {
  return [
    store,
    String(outstanding),
    ...[
      turns.map(({ leaderUs }) => leaderUs),
      turns.map(({ followerUs }) => followerUs),
      turns.map(({ clientUs }) => clientUs),
      turns.map(({ allUs }) => allUs),
      turns.map(({ datagrams }) => datagrams),
    ].map(spread),
  ]
}
