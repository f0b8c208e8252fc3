/** Servers under load are killed and started again, one after another and sometimes all at once. */
import { LiveCluster } from '../support/live-cluster.ts'
import { judge } from './judge.ts'
import { LockLoad } from './lock-load.ts'

const servers = [0, 1, 2]
const clients = 4
/** Each of these cycles kills all servers at once. */
const cyclesPerOutage = 10

export interface KillReport {
  readonly kills: number
  readonly answered: number
  readonly longestWaitMs: number
  readonly longestStartMs: number
  /** What does not hold; empty when all is well. */
  readonly faults: readonly string[]
}

/** A server that does not become ready again ends the campaign with its error. */
export async function killCampaign(cycles: number, progress: (line: string) => void): Promise<KillReport> {
  const cluster = await LiveCluster.start(servers.length)
  try {
    const load = new LockLoad(Array.from({ length: clients }, (_, number) => cluster.connect(number % 3)))
    let kills = 0
    let longestStartMs = 0
    for (let cycle = 0; cycle < cycles; cycle += 1) {
      // From shorter than the time after which `head` is written, to several times that.
      await cluster.pass(20 + ((cycle * 137) % 500))
      const killed = cycle % cyclesPerOutage === cyclesPerOutage - 1 ? servers : [cycle % servers.length]
      await Promise.all(killed.map((id) => cluster.crash(id)))
      kills += killed.length
      const beganMs = performance.now()
      await Promise.all(killed.map((id) => cluster.restart(id)))
      longestStartMs = Math.max(longestStartMs, performance.now() - beganMs)
      progress(`cycle ${cycle + 1} of ${cycles}: ${load.answered.length} answered`)
    }
    await load.stop()
    const faults = await judge(cluster, load, servers)
    const { answered, longestMs } = load
    return { kills, answered: answered.length, longestWaitMs: longestMs, longestStartMs, faults }
  } finally {
    await cluster.close()
  }
}
