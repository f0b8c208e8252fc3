/** A leader that is killed under load: how long no client receives an answer. */
import { BenchCluster } from '../processes/cluster.ts'
import { spread, table } from '../show.ts'
import { elapse } from '../workspace.ts'
import { type Bench, print, warmUp } from './part.ts'

const clientCount = 8
const outstanding = 64
const leader = 0

export async function measureFailover(bench: Bench): Promise<void> {
  const { directory, client, rounds, seconds } = bench
  const cluster = await BenchCluster.start({ directory })
  const load = {
    clients: Array.from({ length: clientCount }, () => cluster.servers),
    requests: 'pairs' as const,
    ...{ outstanding, warmUpSeconds: 1 },
  }
  const undisturbed: number[] = []
  const gaps: number[] = []
  const longest: number[] = []
  try {
    await warmUp(bench, cluster)
    for (let round = 0; round < rounds; round += 1) {
      const quiet = await client.call('load', { ...load, seconds })
      undisturbed.push(quiet.longestGap)
      const running = client.call('load', { ...load, seconds: 3 * seconds })
      await elapse(load.warmUpSeconds + seconds / 2)
      await cluster.kill(leader)
      const measured = await running
      gaps.push(measured.longestGap)
      longest.push(measured.longest)
      await cluster.restart(leader)
    }
  } finally {
    await cluster.stop()
  }
  print(`kill -9 of the leader, ${outstanding} outstanding from ${clientCount} clients, durable; ms`)
  print(
    table([
      ['longest gap without an answer', spread(gaps)],
      ['the same without a kill', spread(undisturbed)],
      ['longest request', spread(longest)],
    ]),
  )
}
