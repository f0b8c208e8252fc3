/**
 * What a long history costs: a cluster that holds many locks executes more and more requests, and at each step this measures the disk, the
 * memory and the start of a server. All of them are bounded by the state, so they should stay as they are.
 */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { BenchOptions } from './options.ts'
import { Agent } from './processes/agent.ts'
import type { ClientCommands } from './processes/client-process.ts'
import { BenchCluster } from './processes/cluster.ts'
import { figure, table } from './show.ts'

const steps = 10
const heldLocks = 100_000
const holders = 100
const clientCount = 4
const outstanding = 1_024
/** One load, in seconds: a step needs several. */
const loadSeconds = 5
/** Follows, and is killed and started again at each step. */
const follower = 2

const clientProgram = new URL('./processes/client-process.js', import.meta.url)

/** Prints a table with a row for each tenth of `requests`. */
export async function measureGrowth(directory: string, { requests }: BenchOptions): Promise<void> {
  const cluster = await BenchCluster.start({ directory })
  // The locks are held in another process, so that the load does not delay their touches.
  const [client, holder] = await Promise.all([
    Agent.start<ClientCommands>(clientProgram),
    Agent.start<ClientCommands>(clientProgram),
  ])
  try {
    const { servers } = cluster
    await holder.call('hold', { servers, clients: holders, locks: heldLocks / holders })
    const clients = Array.from({ length: clientCount }, () => servers)
    const rows = [
      ['requests', 'disk of a server, MB', 'resident memory, MB', 'heap, MB', 'start, s', 'requests/s'],
    ]
    let answered = 0
    for (let step = 0; step <= steps; step += 1) {
      const rates: number[] = []
      while (answered < (requests * step) / steps) {
        const window = { outstanding, seconds: loadSeconds, warmUpSeconds: 0 }
        const measured = await client.call('load', { ...window, clients, requests: 'pairs' })
        answered += measured.answered
        rates.push(measured.perSecond)
      }
      const memory = await cluster.agents[0]!.call('memory')
      const row = [
        String(answered),
        megabytes(diskBytesOf(join(directory, String(follower)))),
        megabytes(memory.residentBytes),
        megabytes(memory.heapBytes),
        figure(await startSeconds(cluster)),
        rates.length === 0 ? '-' : figure(rates.reduce((sum, rate) => sum + rate, 0) / rates.length),
      ]
      rows.push(row)
      console.log(`  ${row.join('   ')}`)
    }
    console.log(
      `${heldLocks} locks held, and ${requests} requests that take and free others; three servers, durable`,
    )
    console.log(table(rows))
  } finally {
    await Promise.all([client.end(), holder.end(), cluster.stop()])
  }
}

/** The time from the start of a killed server's process until it serves. */
async function startSeconds(cluster: BenchCluster): Promise<number> {
  await cluster.kill(follower)
  const begin = performance.now()
  await cluster.restart(follower)
  return (performance.now() - begin) / 1_000
}

/** The space that the files below `directory` occupy. */
function diskBytesOf(directory: string): number {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => statSync(join(entry.parentPath, entry.name)).blocks * 512)
    .reduce((sum, bytes) => sum + bytes, 0)
}

function megabytes(bytes: number): string {
  return figure(bytes / 1_000_000)
}
