/** One turn of a measurement: a load on a cluster, with what it cost. */
import type { Load } from '../load/load.ts'
import type { Measured } from '../load/window.ts'
import type { Agent } from './agent.ts'
import type { ClientCommands } from './client-process.ts'
import type { BenchCluster } from './cluster.ts'
import type { Usage } from './commands.ts'

export interface Turn extends Measured {
  /** CPU microseconds for each request. */
  readonly leaderUs: number
  /** Of one follower: the mean over all. */
  readonly followerUs: number
  readonly clientUs: number
  /** Of all processes together. */
  readonly allUs: number
  /** The datagrams that all processes together sent for each request. */
  readonly datagrams: number
  /** All datagrams of the turn, and those of them that were lost on purpose. */
  readonly sent: number
  readonly lost: number
}

/** The load of one client that asks the first server. */
export function oneClient(
  { servers }: BenchCluster,
  window: { readonly outstanding: number; readonly seconds: number; readonly warmUpSeconds: number },
): Load {
  return { clients: [servers], requests: 'pairs', ...window }
}

/** Measures `load` from `client`. The costs are those of the whole turn, divided by all answered requests. */
export async function takeTurn(
  cluster: BenchCluster,
  client: Agent<ClientCommands>,
  load: Load,
): Promise<Turn> {
  const usage = () => Promise.all([cluster.usage(), client.call('usage')])
  const [serversBefore, clientBefore] = await usage()
  const measured = await client.call('load', load)
  const [serversAfter, clientAfter] = await usage()
  const { answered } = measured
  const used = serversAfter.map((after, id) => difference(after, serversBefore[id]!))
  const [leader, ...followers] = used
  const byClient = difference(clientAfter, clientBefore)
  const all = [...used, byClient]
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
  const sent = sum(all.map(({ sent }) => sent))
  return {
    ...measured,
    leaderUs: (leader!.cpuMs * 1_000) / answered,
    followerUs: (sum(followers.map(({ cpuMs }) => cpuMs)) * 1_000) / followers.length / answered,
    clientUs: (byClient.cpuMs * 1_000) / answered,
    allUs: (sum(all.map(({ cpuMs }) => cpuMs)) * 1_000) / answered,
    datagrams: sent / answered,
    ...{ sent, lost: sum(all.map(({ lost }) => lost)) },
  }
}

function difference(after: Usage, before: Usage): Usage {
  return {
    cpuMs: after.cpuMs - before.cpuMs,
    sent: after.sent - before.sent,
    lost: after.lost - before.lost,
  }
}
