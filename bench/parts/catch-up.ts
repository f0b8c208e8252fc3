/** A follower that was away under load: how fast it catches up, and what the others lose meanwhile. */
import { join } from 'node:path'
import { BenchCluster } from '../processes/cluster.ts'
import { oneClient } from '../processes/turn.ts'
import { figure, spread, table } from '../show.ts'
import { ratios } from '../statistics.ts'
import { elapse } from '../workspace.ts'
import { type Bench, print, warmUp } from './part.ts'

const outstanding = 256
const [leader, follower] = [0, 2]
/** After so many requests the follower misses chosen batches that the others still have, or only a snapshot of them. */
const missedRequests = { pages: 50_000, snapshot: 300_000 }
/** A follower that has not caught up by then is reported as such. */
const patienceSeconds = 60
const pollSeconds = 0.02

interface CaughtUp {
  /** The missed requests, divided by the seconds from the start of the follower until it knows what it missed. */
  readonly perSecond: number
  /** The requests a second of the load meanwhile, and before the follower was away. */
  readonly during: number
  readonly before: number
}

export async function measureCatchUp(bench: Bench): Promise<void> {
  const rows: string[][] = [['missed', 'caught up, requests/s', 'load meanwhile, of the load before']]
  for (const [name, missed] of Object.entries(missedRequests)) {
    const measured = await measureMissed({ ...bench, directory: join(bench.directory, name) }, missed)
    rows.push([
      String(missed),
      spread(measured.map(({ perSecond }) => perSecond)),
      spread(
        ratios(
          measured.map(({ during }) => during),
          measured.map(({ before }) => before),
        ),
      ),
    ])
  }
  print(`a follower that was away, ${outstanding} outstanding, durable`)
  print(table(rows))
}

async function measureMissed(bench: Bench, missed: number): Promise<readonly CaughtUp[]> {
  const { client, directory, rounds, seconds } = bench
  const cluster = await BenchCluster.start({ directory })
  const load = (loadSeconds: number) =>
    client.call('load', oneClient(cluster, { outstanding, seconds: loadSeconds, warmUpSeconds: 0 }))
  const known = (id: number) => cluster.agents[id]!.call('firstUnchosen')
  const measured: CaughtUp[] = []
  try {
    await warmUp(bench, cluster)
    for (let round = 0; round < rounds; round += 1) {
      const before = await load(2 * seconds)
      await cluster.kill(follower)
      let answered = 0
      while (answered < missed) answered += (await load(2 * seconds)).answered
      const target = await known(leader)
      const begin = performance.now()
      await cluster.restart(follower)
      let isOver = false
      const during: number[] = []
      const keepLoad = async () => {
        while (!isOver) during.push((await load(seconds)).perSecond)
      }
      const loaded = keepLoad()
      while ((await known(follower)) < target && performance.now() - begin < patienceSeconds * 1_000) {
        await elapse(pollSeconds)
      }
      const hasCaughtUp = (await known(follower)) >= target
      const tookSeconds = (performance.now() - begin) / 1_000
      isOver = true
      await loaded
      measured.push({
        perSecond: hasCaughtUp ? answered / tookSeconds : Number.NaN,
        during: during.reduce((sum, rate) => sum + rate, 0) / during.length,
        before: before.perSecond,
      })
      print(`  ${answered} missed, ${figure(tookSeconds)} s`)
    }
  } finally {
    await cluster.stop()
  }
  return measured
}
