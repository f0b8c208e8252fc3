/**
 * `npm run bench:inspector`: what the inspector costs a cluster under load, as ratios to the same cluster without it. The
 * clusters run side by side, one of them under load at a time, in turn, so that whatever else the machine does meets all
 * of them.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from '../src/client/index.ts'
import { type BenchCluster, startCluster } from './cluster.ts'
import { measureLoad } from './load.ts'
import { startReader } from './reader.ts'

const outstanding = Number(process.env.PAXOS_BENCH_OUTSTANDING ?? 256)
const seconds = Number(process.env.PAXOS_BENCH_SECONDS ?? 3)
const warmUpSeconds = Number(process.env.PAXOS_BENCH_WARM_UP_SECONDS ?? 5)
const rounds = Number(process.env.PAXOS_BENCH_ROUNDS ?? 7)

interface Contender {
  readonly name: string
  readonly cluster: BenchCluster
  readonly speeds: number[]
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** What the servers told of themselves, and what they left out. */
async function told(servers: readonly string[]): Promise<string> {
  const client = connect({ servers: [...servers] })
  const answers = await client.status()
  await client.close()
  const counters = answers.map((answer) => {
    if (!('status' in answer)) throw new Error(`server ${answer.server} gave no status`)
    const { inspector } = answer.status as { inspector: { sent: number; leftOut: number } | null }
    return inspector === null ? 'nothing told' : `${inspector.sent} told, ${inspector.leftOut} left out`
  })
  return counters.join('; ')
}

const directory = await mkdtemp(join(tmpdir(), 'paxos-bench-inspector-'))
const reader = await startReader()
const begun: BenchCluster[] = []
const start = async (name: string, args: readonly string[]): Promise<Contender> => {
  const cluster = await startCluster(join(directory, name), args)
  begun.push(cluster)
  return { name, cluster, speeds: [] }
}
try {
  const off = await start('off', [])
  const others = [
    await start('on, no hub there', ['--inspect', '127.0.0.1:9']),
    await start('on, a hub that reads', ['--inspect', reader.address]),
  ]
  const contenders = [off, ...others]
  for (const { cluster } of contenders) await measureLoad(cluster.servers, outstanding, 0, warmUpSeconds)
  for (let round = 0; round < rounds; round += 1) {
    // Each time another one is first.
    for (let place = 0; place < contenders.length; place += 1) {
      const { cluster, speeds } = contenders[(place + round) % contenders.length]!
      speeds.push((await measureLoad(cluster.servers, outstanding, seconds, 0.5)).requestsPerSecond)
    }
  }
  for (const { name, speeds, cluster } of contenders) {
    const ratios = speeds.map((speed, round) => speed / off.speeds[round]!)
    console.log(
      [
        name.padEnd(22),
        `${median(speeds).toFixed(0).padStart(6)} requests/s`,
        `ratio to off: median ${median(ratios).toFixed(3)}`,
        `(${Math.min(...ratios).toFixed(3)} to ${Math.max(...ratios).toFixed(3)})`,
      ].join('   '),
    )
    console.log(`  ${await told(cluster.servers)}`)
  }
  console.log(`the hub read ${reader.messages()} messages, ${(reader.bytes() / 1e6).toFixed(1)} MB`)
} finally {
  await Promise.all(begun.map((cluster) => cluster.stop()))
  await reader.stop()
  await rm(directory, { recursive: true })
}
