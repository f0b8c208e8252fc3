/**
 * `npm run bench`: the cost of a request, compared with the lower bound for every protocol, from one run on one machine. Absolute figures
 * mean little on a shared machine; compare the ratios to the floor. With `--storage` it measures the log alone.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from '../src/client/index.ts'
import { startCluster } from './cluster.ts'
import { measureBarePath, measureEcho, measureFdatasync } from './floor.ts'
import { measureLoad } from './load.ts'
import { quantile } from './quantile.ts'
import { measureStorage } from './storage.ts'

const seconds = Number(process.env.PAXOS_BENCH_SECONDS ?? 5)
const warmUpSeconds = Number(process.env.PAXOS_BENCH_WARM_UP_SECONDS ?? 5)
const idleSeconds = Number(process.env.PAXOS_BENCH_IDLE_SECONDS ?? 10)

function show(milliseconds: number): string {
  return `${milliseconds.toFixed(3)} ms`
}

function shown(times: readonly number[]): string {
  return `p50 ${show(quantile(times, 0.5))}   p99 ${show(quantile(times, 0.99))}`
}

/** The round with the least interference of several: writes of other processes are not part of the floor. */
async function measureQuietSync(directory: string): Promise<number[]> {
  const rounds: number[][] = []
  for (let round = 0; round < 5; round += 1) {
    rounds.push(measureFdatasync(directory, 300, 200))
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
  return rounds.reduce((best, times) => (quantile(times, 0.5) < quantile(best, 0.5) ? times : best))
}

/** The number of datagrams that the servers have sent so far, without the answers to this question. */
async function datagramsSent(servers: readonly string[]): Promise<number> {
  const client = connect({ servers: [...servers] })
  const statuses = await client.status()
  await client.close()
  return statuses.reduce((sum, answer) => {
    if (!('status' in answer)) throw new Error(`server ${answer.server} returned no status`)
    const { datagrams } = answer.status as { readonly datagrams: { readonly sent: number } }
    return sum + datagrams.sent
  }, 0)
}

/** The number of datagrams that the servers send in `idleSeconds` without an outstanding request. */
async function measureIdle(servers: readonly string[]): Promise<number> {
  const before = await datagramsSent(servers)
  const between = await datagramsSent(servers)
  await new Promise((resolve) => setTimeout(resolve, idleSeconds * 1_000))
  const after = await datagramsSent(servers)
  // Each question costs the same number of answers, so the cost of the second one is subtracted.
  return after - between - (between - before)
}

async function measure(directory: string | null, floorMs: number): Promise<void> {
  const cluster = await startCluster(directory)
  try {
    // A new process still compiles its code, but a real server runs for a long time.
    await measureLoad(cluster.servers, 64, 0, warmUpSeconds)
    for (const outstanding of [1, 64, 256]) {
      const { requestsPerSecond, times } = await measureLoad(cluster.servers, outstanding, seconds, 1)
      const p50 = quantile(times, 0.5)
      console.log(
        [
          `  ${String(outstanding).padStart(3)} outstanding`,
          `${(requestsPerSecond / 2).toFixed(0).padStart(6)} pairs/s`,
          `${requestsPerSecond.toFixed(0).padStart(6)} requests/s`,
          shown(times),
          `p50 / floor ${(p50 / floorMs).toFixed(2)}`,
        ].join('   '),
      )
    }
    console.log(`  idle for ${idleSeconds} s: ${await measureIdle(cluster.servers)} datagrams sent`)
  } finally {
    await cluster.stop()
  }
}

async function measureAll(directory: string): Promise<void> {
  const sync = await measureQuietSync(directory)
  const echo = await measureEcho(5_000, 200)
  const floorMs = quantile(sync, 0.5) + quantile(echo, 0.5)
  console.log(`fdatasync of 200 bytes       ${shown(sync)}`)
  console.log(`UDP echo, two processes      ${shown(echo)}`)
  console.log(`floor (one of each)          ${show(floorMs)}`)
  const bare = await measureBarePath(directory, 3_000, 200)
  console.log(
    `the same path, no protocol   ${shown(bare)}   p50 / floor ${(quantile(bare, 0.5) / floorMs).toFixed(2)}`,
  )
  console.log('three servers, durable')
  await measure(directory, floorMs)
  console.log('three servers, in memory')
  await measure(null, quantile(echo, 0.5))
  console.log(`fdatasync, once more         ${shown(await measureQuietSync(directory))}`)
}

const directory = await mkdtemp(join(tmpdir(), 'paxos-bench-'))
try {
  if (process.argv.includes('--storage')) await measureStorage(directory)
  else await measureAll(directory)
} finally {
  await rm(directory, { recursive: true })
}
