/** What every part of a run receives, and what the parts have in common. */
import type { Agent } from '../processes/agent.ts'
import type { ClientCommands } from '../processes/client-process.ts'
import type { BenchCluster } from '../processes/cluster.ts'
import { oneClient } from '../processes/turn.ts'

export interface Bench {
  /** An empty directory for the files of this part. */
  readonly directory: string
  /** The process of the clients. It serves all parts, so that its code is compiled. */
  readonly client: Agent<ClientCommands>
  readonly rounds: number
  readonly seconds: number
}

/** Prints one result. A part prints as it goes. */
export function print(text: string): void {
  console.log(text)
}

/** Puts a cluster under load for some seconds: a new process still compiles its code, but a real server runs for a long time. */
export async function warmUp({ client }: Bench, cluster: BenchCluster, seconds = 4): Promise<void> {
  await client.call('load', oneClient(cluster, { outstanding: 64, seconds, warmUpSeconds: 0 }))
}
