/** Clients that ask all servers, compared with the same clients at one server. */
import { join } from 'node:path'
import { BenchCluster } from '../processes/cluster.ts'
import { type Turn, takeTurn } from '../processes/turn.ts'
import { rotated } from '../rotated.ts'
import { figure, spread, table } from '../show.ts'
import { median, ratios } from '../statistics.ts'
import { type Bench, print, warmUp } from './part.ts'

const sizes = [3, 5, 9]
const clientCount = 64

async function measureSize(bench: Bench, size: number): Promise<readonly string[]> {
  const { client, directory, rounds, seconds } = bench
  const cluster = await BenchCluster.start({ size, directory: join(directory, String(size)) })
  const atOne: Turn[] = []
  const spreadOut: Turn[] = []
  const contenders = [
    { turns: atOne, firstOf: () => 0 },
    { turns: spreadOut, firstOf: (place: number) => place % size },
  ]
  try {
    await warmUp(bench, cluster, 3)
    for (let round = 0; round < rounds; round += 1) {
      for (const { turns, firstOf } of rotated(contenders, round)) {
        const clients = Array.from({ length: clientCount }, (_, place) =>
          rotated(cluster.servers, firstOf(place)),
        )
        const window = { outstanding: clientCount, seconds: 1.5 * seconds, warmUpSeconds: 0.5 }
        turns.push(await takeTurn(cluster, client, { clients, requests: 'pairs', ...window }))
      }
    }
  } finally {
    await cluster.stop()
  }
  const speeds = (turns: readonly Turn[]) => turns.map(({ perSecond }) => perSecond)
  const p99 = (turns: readonly Turn[]) => figure(median(turns.map(({ p99 }) => p99)))
  return [
    String(size),
    spread(speeds(atOne)),
    p99(atOne),
    spread(speeds(spreadOut)),
    p99(spreadOut),
    spread(ratios(speeds(spreadOut), speeds(atOne))),
  ]
}

export async function measureSpread(bench: Bench): Promise<void> {
  const rows: (readonly string[])[] = []
  for (const size of sizes) rows.push(await measureSize(bench, size))
  print(`${clientCount} clients with one request each, at one server and spread over all, durable`)
  print(
    table([['servers', 'at one: requests/s', 'p99 ms', 'spread: requests/s', 'p99 ms', 'ratio'], ...rows]),
  )
}
