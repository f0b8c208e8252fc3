/** Ten clients on a network that loses datagrams, compared with the same clients on one that does not. */
import { BenchCluster } from '../processes/cluster.ts'
import { type Turn, takeTurn } from '../processes/turn.ts'
import { rotated } from '../rotated.ts'
import { figure, spread, table } from '../show.ts'
import { ratios } from '../statistics.ts'
import { type Bench, print, warmUp } from './part.ts'

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
  try {
    await warmUp(bench, cluster)
    for (let round = 0; round < rounds; round += 1) {
      for (const { share, turns } of rotated(contenders, round)) {
        const lose = (lost: number) => Promise.all([cluster.lose(lost), client.call('lose', lost)])
        await lose(share)
        turns.push(await takeTurn(cluster, client, load))
        await lose(0)
      }
    }
  } finally {
    await cluster.stop()
  }
  const speeds = contenders.map(({ turns }) => turns.map(({ perSecond }) => perSecond))
  print(`${clientCount} clients with one request each, durable; each process loses datagrams that it sends`)
  print(
    table([
      ['lost', 'requests/s', 'p50 ms', 'p99 ms', 'longest ms', 'ratio of requests/s'],
      ...contenders.map(({ turns }, place) => [
        `${figure(lostPercent(turns))} %`,
        spread(speeds[place]!),
        spread(turns.map(({ p50 }) => p50)),
        spread(turns.map(({ p99 }) => p99)),
        figure(Math.max(...turns.map(({ longest }) => longest))),
        place === 0 ? '' : spread(ratios(speeds[place]!, speeds[0]!)),
      ]),
    ]),
  )
}

function lostPercent(turns: readonly Turn[]): number {
  const sum = (of: (turn: Turn) => number) => turns.reduce((total, turn) => total + of(turn), 0)
  return (sum(({ lost }) => lost) * 100) / sum(({ sent }) => sent)
}
