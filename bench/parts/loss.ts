/** Ten clients on a network that loses datagrams, compared with the same clients on one that does not. */
import { BenchCluster } from '../processes/cluster.ts'
import { type Turn, takeTurn } from '../processes/turn.ts'
import { figure, spread, table } from '../show.ts'
import { ratios } from '../statistics.ts'
import { type Bench, inTurns, print, warmUp } from './part.ts'

const lostShare = 0.2
const clientCount = 10

export async function measureLoss(bench: Bench): Promise<void> {
  const { directory, client, rounds, seconds } = bench
  const cluster = await BenchCluster.start({ directory })
  const contenders = [0, lostShare].map((share) => ({ share, turns: [] as Turn[] }))
  const load = {
    clients: Array.from({ length: clientCount }, () => cluster.servers),
    requests: 'pairs' as const,
    ...{ outstanding: clientCount, seconds: 3 * seconds, warmUpSeconds: 0.5 },
  }
  let counted = { sent: 0, lost: 0 }
  try {
    await warmUp(bench, cluster)
    for (let round = 0; round < rounds; round += 1) {
      for (const { share, turns } of inTurns(contenders, round)) {
        const lose = (lost: number) => Promise.all([cluster.lose(lost), client.call('lose', lost)])
        const before = await usageOfAll(bench, cluster)
        await lose(share)
        turns.push(await takeTurn(cluster, client, load))
        await lose(0)
        const after = await usageOfAll(bench, cluster)
        if (share > 0) {
          counted = {
            sent: counted.sent + after.sent - before.sent,
            lost: counted.lost + after.lost - before.lost,
          }
        }
      }
    }
  } finally {
    await cluster.stop()
  }
  const percent = ((counted.lost * 100) / counted.sent).toFixed(1)
  const speeds = contenders.map(({ turns }) => turns.map(({ perSecond }) => perSecond))
  print(
    `${clientCount} clients with one request each, durable; ${percent} % of the datagrams of each process lost`,
  )
  print(
    table([
      ['lost', 'requests/s', 'p50 ms', 'p99 ms', 'longest ms', 'ratio of requests/s'],
      ...contenders.map(({ share, turns }, place) => [
        `${share * 100} %`,
        spread(speeds[place]!),
        spread(turns.map(({ p50 }) => p50)),
        spread(turns.map(({ p99 }) => p99)),
        figure(Math.max(...turns.map(({ longest }) => longest))),
        place === 0 ? '' : spread(ratios(speeds[place]!, speeds[0]!)),
      ]),
    ]),
  )
}

async function usageOfAll(
  { client }: Bench,
  cluster: BenchCluster,
): Promise<{ readonly sent: number; readonly lost: number }> {
  const usages = [...(await cluster.usage()), await client.call('usage')]
  return usages.reduce((sum, { sent, lost }) => ({ sent: sum.sent + sent, lost: sum.lost + lost }), {
    sent: 0,
    lost: 0,
  })
}
