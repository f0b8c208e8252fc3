/** Clients that ask all servers, compared with the same clients at one server. */
import { join } from 'node:path'
import { BenchCluster } from '../processes/cluster.ts'
import { type Turn, takeTurn } from '../processes/turn.ts'
import { rotated } from '../rotated.ts'
import { figure, spread, table } from '../show.ts'
import { median, ratios } from '../statistics.ts'
import { type Bench, print } from './part.ts'

const sizes = [3, 5, 9]
const clientCount = 64
const warmUpSeconds = 4

async function measureSize(bench: Bench, size: number): Promise<readonly string[]> {
  const { client, directory, rounds, seconds } = bench
  const cluster = await BenchCluster.start({ size, directory: join(directory, String(size)) })
  const atOne: Turn[] = []
  const spreadOut: Turn[] = []
  const loadOf = (firstOf: (place: number) => number) => ({
    clients: Array.from({ length: clientCount }, (_, place) => rotated(cluster.servers, firstOf(place))),
    requests: 'pairs' as const,
    outstanding: clientCount,
  })
  const contenders = [
    { turns: atOne, load: loadOf(() => 0) },
    { turns: spreadOut, load: loadOf((place) => place % size) },
  ]
  try {
    // Only the spread load makes the followers compile the code that serves clients.
    for (const { load } of contenders) {
      await client.call('load', { ...load, seconds: warmUpSeconds, warmUpSeconds: 0 })
    }
    for (let round = 0; round < rounds; round += 1) {
      for (const { turns, load } of rotated(contenders, round)) {
        turns.push(await takeTurn(cluster, client, { ...load, seconds: 1.5 * seconds, warmUpSeconds: 0.5 }))
      }
    }
  } finally {
    await cluster.stop()
  }
  const speeds = (turns: readonly Turn[]) => turns.map(({ perSecond }) => perSecond)
  const p99 = (turns: readonly Turn[]) => figure(median(turns.map(({ p99 }) => p99)))
  const costs = (turns: readonly Turn[]) => turns.map(({ allUs }) => allUs)
  return [
    String(size),
    spread(speeds(atOne)),
    p99(atOne),
    spread(speeds(spreadOut)),
    p99(spreadOut),
    spread(ratios(speeds(spreadOut), speeds(atOne))),
    spread(ratios(costs(spreadOut), costs(atOne))),
  ]
}

export async function measureSpread(bench: Bench): Promise<void> {
  const rows: (readonly string[])[] = []
  for (const size of sizes) rows.push(await measureSize(bench, size))
  print(`${clientCount} clients with one request each, at one server and spread over all, durable`)
  const header = [
    'servers',
    'at one: requests/s',
    'p99 ms',
    'spread: requests/s',
    'p99 ms',
    'ratio',
    'CPU ratio',
  ]
  print(table([header, ...rows]))
}
