/**
 * What idle holders and waiters cost. Their clients touch their sessions, and the servers agree on each touch. The client of a waiter also
 * asks its server again and again whether the request still waits.
 */
import { join } from 'node:path'
import { BenchCluster } from '../processes/cluster.ts'
import type { Usage } from '../processes/commands.ts'
import { figure, table } from '../show.ts'
import { elapse } from '../workspace.ts'
import { type Bench, print, warmUp } from './part.ts'

/** With 0 locks, the clients wait for one lock. */
const loads = [
  { clients: 1, locks: 10_000 },
  { clients: 1_000, locks: 1 },
  { clients: 10_000, locks: 1 },
  { clients: 1_000, locks: 0 },
] as const

/** Twice the time between two touches of a session with the usual ttl. */
const windowSeconds = 20

/** What the processes used in a second of the window. */
interface Cost {
  /** The datagrams of the clients. */
  readonly sent: number
  /** Percent of a processor. */
  readonly leader: number
  /** Of one follower: the mean over all. */
  readonly follower: number
  readonly client: number
}

/** Each load is measured once: it takes long to set up, and the window averages over it. */
export async function measureHolders(bench: Bench): Promise<void> {
  const rows: string[][] = []
  for (const [place, load] of loads.entries()) {
    const cost = await costOf({ ...bench, directory: join(bench.directory, String(place)) }, load)
    rows.push([
      String(load.clients),
      load.locks === 0 ? 'none, all wait for one' : String(load.locks),
      ...[cost.sent, cost.leader, cost.follower, cost.client].map(figure),
    ])
  }
  print('idle holders and waiters with the usual ttl, durable; in each second, and in percent of a processor')
  print(
    table([['clients', 'hold', 'datagrams of clients', 'leader %', 'one follower %', 'clients %'], ...rows]),
  )
}

/** Of new servers: the holders of an earlier round would have to lapse first. */
async function costOf(bench: Bench, load: (typeof loads)[number]): Promise<Cost> {
  const { directory, client } = bench
  const cluster = await BenchCluster.start({ directory })
  const usage = () => Promise.all([cluster.usage(), client.call('usage')])
  try {
    await warmUp(bench, cluster)
    await client.call('hold', { ...load, servers: cluster.servers })
    await elapse(1)
    const [serversBefore, clientBefore] = await usage()
    await elapse(windowSeconds)
    const [serversAfter, clientAfter] = await usage()
    const [leader = 0, ...followers] = serversAfter.map((after, id) => percentOf(after, serversBefore[id]!))
    return {
      sent: (clientAfter.sent - clientBefore.sent) / windowSeconds,
      leader,
      follower: followers.reduce((sum, percent) => sum + percent, 0) / followers.length,
      client: percentOf(clientAfter, clientBefore),
    }
  } finally {
    await client.call('closeHolders')
    await cluster.stop()
  }
}

function percentOf(after: Usage, before: Usage): number {
  return (after.cpuMs - before.cpuMs) / (windowSeconds * 10)
}
