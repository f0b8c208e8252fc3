/** One of the two clusters of a comparison, with its client. */
import { join } from 'node:path'
import type { Requests } from '../load/load.ts'
import type { Measured, Window } from '../load/window.ts'
import { Agent } from '../processes/agent.ts'
import type { ClientCommands } from '../processes/client-process.ts'
import { BenchCluster } from '../processes/cluster.ts'

export interface Side {
  readonly name: string
  /** Measures a load of one client. */
  load(requests: Requests, window: Window): Promise<Measured>
  /** The processes that such a load occupies. */
  pids(requests: Requests): { readonly servers: readonly number[]; readonly client: number }
  stop(): Promise<void>
}

/**
 * Starts the clusters of this project that both kinds of requests need, below `directory`, with durable data. `programs` is the folder of
 * the programs of servers and clients; by default that of this build.
 */
export async function startSide(
  name: string,
  directory: string,
  programs = new URL('../processes/', import.meta.url),
): Promise<Side> {
  const start = (service: 'lock' | 'kv') =>
    BenchCluster.start({ directory: join(directory, service), service, programs })
  const [lock, kv, client] = await Promise.all([
    start('lock'),
    start('kv'),
    Agent.start<ClientCommands>(new URL('client-process.js', programs)),
  ])
  const clusters: Readonly<Record<Requests, BenchCluster>> = { pairs: lock, put: kv, get: kv, staleGet: kv }
  return {
    name,
    load: (requests, window) =>
      client.call('load', { clients: [clusters[requests].servers], requests, ...window }),
    pids: (requests) => ({ servers: clusters[requests].pids, client: client.pid }),
    async stop() {
      await Promise.all([client.end(), lock.stop(), kv.stop()])
    },
  }
}
