/**
 * How often a second a lock passes from a holder to a waiter, with few and with many waiters. All waiters are sessions of one process, and each
 * session reads the clock for its lease every second: with 10,000 sessions, that takes a part of a processor that real clients would share.
 */
import { join } from 'node:path'
import { BenchCluster } from '../processes/cluster.ts'
import { rotated } from '../rotated.ts'
import { spread, table } from '../show.ts'
import { ratios } from '../statistics.ts'
import { type Bench, print, warmUp } from './part.ts'

const waiterCounts = [10, 1_000, 10_000]
const setUpSeconds = 60

interface Contender {
  readonly waiters: number
  readonly cluster: BenchCluster
  /** `NaN` for a round that was given up. */
  readonly rates: number[]
}

export async function measureHandOffs(bench: Bench): Promise<void> {
  const { directory, rounds } = bench
  const contenders: Contender[] = []
  try {
    for (const waiters of waiterCounts) {
      const cluster = await BenchCluster.start({ directory: join(directory, String(waiters)) })
      contenders.push({ waiters, cluster, rates: [] })
      await warmUp(bench, cluster)
    }
    for (let round = 0; round < rounds; round += 1) {
      for (const contender of rotated(contenders, round)) {
        contender.rates.push(await handOffs(bench, contender, round))
      }
    }
  } finally {
    await Promise.all(contenders.map(({ cluster }) => cluster.stop()))
  }
  print('one lock that passes from holder to waiter, durable')
  print(
    table([
      ['waiters', 'hand-offs/s', `ratio to ${waiterCounts[0]} waiters`],
      ...contenders.map(({ waiters, rates }) => [
        String(waiters),
        spread(rates),
        spread(ratios(rates, contenders[0]!.rates)),
      ]),
    ]),
  )
  for (const { waiters, rates } of contenders) {
    if (!rates.some(Number.isNaN)) continue
    print(`  ?: the requests of ${waiters} waiters did not reach the servers within ${setUpSeconds} s`)
  }
}

/** A cluster on which a measurement was given up may keep requests of it, so it is not measured again. */
async function handOffs({ client, seconds }: Bench, contender: Contender, round: number): Promise<number> {
  const { cluster, waiters, rates } = contender
  if (rates.some(Number.isNaN)) return Number.NaN
  const name = `hand-off-${round}`
  const given = { servers: cluster.servers, name, waiters, seconds, warmUpSeconds: 0.5, setUpSeconds }
  return (await client.call('handOff', given)) ?? Number.NaN
}
