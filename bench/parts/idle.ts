/** The datagrams of a cluster without an outstanding request. */
import { BenchCluster } from '../processes/cluster.ts'
import { elapse } from '../workspace.ts'
import { type Bench, print, warmUp } from './part.ts'

const idleSeconds = 10

export async function measureIdle(bench: Bench): Promise<void> {
  const cluster = await BenchCluster.start({ directory: bench.directory })
  const sent = async () => (await cluster.usage()).reduce((sum, { sent }) => sum + sent, 0)
  try {
    const atStart = await sent()
    await warmUp(bench, cluster, 1)
    await elapse(1)
    const before = await sent()
    if (before === atStart) throw new Error('the servers answered requests, but counted no datagram')
    await elapse(idleSeconds)
    print(`idle for ${idleSeconds} s, after a load: ${(await sent()) - before} datagrams sent`)
  } finally {
    await cluster.stop()
  }
}
