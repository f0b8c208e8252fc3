/**
 * `npm run bench:inspector`: what the inspector costs a cluster under load, as ratios to a cluster without it: with nobody
 * there to tell, with a hub, and with a page open. One cluster is under load at a time, in turn, so that whatever else the
 * machine does meets all of them.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from '../src/client/index.ts'
import { type BenchCluster, startCluster } from './cluster.ts'
import { startHub } from './hub.ts'
import { measureLoad } from './load.ts'
import { type PageOpener, startOpener } from './page.ts'

const outstanding = Number(process.env.PAXOS_BENCH_OUTSTANDING ?? 256)
const seconds = Number(process.env.PAXOS_BENCH_SECONDS ?? 3)
const warmUpSeconds = Number(process.env.PAXOS_BENCH_WARM_UP_SECONDS ?? 5)
const rounds = Number(process.env.PAXOS_BENCH_ROUNDS ?? 8)

interface Contender {
  readonly name: string
  readonly cluster: BenchCluster
  /** A page is open while it is measured. */
  readonly isWatched: boolean
  /** Requests a second in each round. */
  readonly speeds: number[]
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** `null`, and says why, where there is no browser. */
async function opener(): Promise<PageOpener | null> {
  try {
    return await startOpener()
  } catch (error) {
    console.log(`not measured with a page open: ${error instanceof Error ? error.message : String(error)}`)
    return null
  }
}

/** What the servers told of themselves, and what they left out. */
async function told({ servers }: BenchCluster): Promise<string> {
  const client = connect({ servers: [...servers] })
  const answers = await client.status()
  await client.close()
  const counters = answers.map((answer) => {
    if (!('status' in answer)) throw new Error(`server ${answer.server} gave no status`)
    const { inspector } = answer.status as { inspector: { sent: number; leftOut: number } | null }
    return inspector === null ? 'nothing' : `${inspector.sent} records, ${inspector.leftOut} left out`
  })
  return `told: ${counters.join('; ')}`
}

const directory = await mkdtemp(join(tmpdir(), 'paxos-bench-inspector-'))
const hub = await startHub()
const browser = await opener()
const clusters: BenchCluster[] = []

async function start(name: string, ...options: readonly string[]): Promise<BenchCluster> {
  const cluster = await startCluster(join(directory, name), options)
  clusters.push(cluster)
  return cluster
}

/** Requests a second. */
async function measure({ cluster, isWatched }: Contender): Promise<number> {
  const page = isWatched ? await browser?.open(hub.url) : null
  const { requestsPerSecond } = await measureLoad(cluster.servers, outstanding, seconds, 1)
  await page?.close()
  return requestsPerSecond
}

try {
  const contender = (name: string, cluster: BenchCluster, isWatched = false): Contender => ({
    name,
    cluster,
    isWatched,
    speeds: [],
  })
  const off = contender('off', await start('off'))
  // Nobody listens at the port 9.
  const deaf = contender('on, no hub there', await start('no-hub', '--inspect', '127.0.0.1:9'))
  const watched = await start('hub', '--inspect', hub.address)
  const contenders = [off, deaf, contender('on, with a hub', watched)]
  if (browser !== null) contenders.push(contender('on, with a page open', watched, true))
  for (const cluster of clusters) await measureLoad(cluster.servers, outstanding, 0, warmUpSeconds)
  for (let round = 0; round < rounds; round += 1) {
    // Each time another one is first.
    for (let place = 0; place < contenders.length; place += 1) {
      const next = contenders[(place + round) % contenders.length]!
      next.speeds.push(await measure(next))
    }
  }
  for (const { name, speeds } of contenders) {
    const ratios = speeds.map((speed, round) => speed / off.speeds[round]!)
    console.log(
      [
        name.padEnd(20),
        `${median(speeds).toFixed(0).padStart(6)} requests/s`,
        `ratio to off: median ${median(ratios).toFixed(3)}`,
        `(${Math.min(...ratios).toFixed(3)} to ${Math.max(...ratios).toFixed(3)})`,
      ].join('   '),
    )
  }
  for (const cluster of clusters) console.log(await told(cluster))
} finally {
  await Promise.all([...clusters.map((cluster) => cluster.stop()), browser?.close()])
  await hub.stop()
  await rm(directory, { recursive: true })
}
