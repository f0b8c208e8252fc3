/** `npm run bench -- --profile`: where the leader, a follower and the client spend their CPU time. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { BenchOptions } from '../options.ts'
import { startClient } from '../parts/index.ts'
import { print } from '../parts/part.ts'
import type { Agent } from '../processes/agent.ts'
import { BenchCluster } from '../processes/cluster.ts'
import type { ServerCommands } from '../processes/server-process.ts'
import { oneClient, takeTurn } from '../processes/turn.ts'
import { figure, table } from '../show.ts'
import type { CpuProfile } from './profiler.ts'
import { type Share, sharesOf } from './shares.ts'

/** The directory for the profiles, below the working directory. */
const profiles = 'profiles'
const outstanding = 256
const mostModules = 15
const mostFunctions = 15

export async function profileLoad(directory: string, { rounds, seconds }: BenchOptions): Promise<void> {
  const client = await startClient()
  const cluster = await BenchCluster.start({ directory })
  const [leader, follower] = cluster.agents
  const profiled: readonly (readonly [name: string, agent: Agent<ServerCommands>])[] = [
    ['leader', leader!],
    ['follower', follower!],
    ['client', client],
  ]
  const window = { outstanding, seconds: rounds * seconds, warmUpSeconds: 0 }
  await client.call('load', oneClient(cluster, { ...window, seconds: 6 }))
  await Promise.all(profiled.map(([, agent]) => agent.call('startProfile')))
  const turn = await takeTurn(cluster, client, oneClient(cluster, window))
  const written = await Promise.all(
    profiled.map(async ([name, agent]) => [name, await agent.call('stopProfile')] as const),
  )
  await Promise.all([client.end(), cluster.stop()])
  print(
    `${outstanding} outstanding, durable, with profilers: ${figure(turn.perSecond)} requests/s; ` +
      `CPU µs a request: leader ${figure(turn.leaderUs)}, follower ${figure(turn.followerUs)}, client ${figure(turn.clientUs)}`,
  )
  mkdirSync(profiles, { recursive: true })
  for (const [name, profile] of written) printProfile(name, profile)
}

function printProfile(name: string, profile: CpuProfile): void {
  const file = resolve(profiles, `${name}.cpuprofile`)
  writeFileSync(file, JSON.stringify(profile))
  const { busy, samples, modules, functions } = sharesOf(profile)
  const rows = (shares: readonly Share[]) => table(shares.map((each) => [percent(each.share), each.name]))
  print(`${name}: busy ${percent(busy).trim()} of the time, ${samples} samples; ${file}`)
  print(rows(modules.slice(0, mostModules)))
  print(`${name}, functions without those that they call`)
  print(rows(functions.slice(0, mostFunctions)))
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1).padStart(5)} %`
}
