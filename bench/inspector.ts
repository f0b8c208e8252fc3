/**
 * `npm run bench:inspector`: the cost of the inspector for a cluster under load, compared with a cluster without inspector. Measures
 * three cases: without a hub, with a hub, and with a hub and an open page. Each case has its own cluster. The clusters are under load in
 * turn, so that other work of the machine affects all of them. On a machine with few processors, a hub and a page compete with the
 * servers. So the program also prints the CPU time of each part, which hardly depends on other work.
 */
import { join } from 'node:path'
import { connect } from '../src/client/index.ts'
import { cpuSeconds } from './cpu.ts'
import { type BenchHub, startHub } from './hub.ts'
import { measureLoad } from './load/load.ts'
import { type OpenPage, openPage } from './page.ts'
import { BenchCluster } from './processes/cluster.ts'
import { median } from './statistics.ts'
import { temporaryDirectory } from './workspace.ts'

const outstanding = Number(process.env.PAXOS_BENCH_OUTSTANDING ?? 256)
const seconds = Number(process.env.PAXOS_BENCH_SECONDS ?? 3)
const warmUpSeconds = Number(process.env.PAXOS_BENCH_WARM_UP_SECONDS ?? 5)
const rounds = Number(process.env.PAXOS_BENCH_ROUNDS ?? 8)

/** The result of one turn of a contender under load. */
interface Turn {
  readonly requestsPerSecond: number
  /** CPU milliseconds of each part for 1,000 requests; `null` when that is not known. */
  readonly cpu: Readonly<Record<Part, number | null>>
}

type Part = 'servers' | 'hub' | 'page'

interface Contender {
  readonly name: string
  readonly cluster: BenchCluster
  readonly pids: Readonly<Record<Part, readonly number[]>>
  readonly turns: Turn[]
}

/** Opens the page. Prints the reason and returns `null` when there is no browser. */
async function opened(url: string): Promise<OpenPage | null> {
  try {
    return await openPage(url)
  } catch (error) {
    console.log(`no measurement with an open page: ${error instanceof Error ? error.message : String(error)}`)
    return null
  }
}

/** The numbers of records that the servers reported and left out. */
async function reported({ servers }: BenchCluster): Promise<string> {
  const client = connect({ servers: [...servers] })
  const answers = await client.status()
  await client.close()
  const counters = answers.map((answer) => {
    if (!('status' in answer)) throw new Error(`server ${answer.server} returned no status`)
    const { inspector } = answer.status as { inspector: { sent: number; leftOut: number } | null }
    return inspector === null ? 'nothing' : `${inspector.sent} records, ${inspector.leftOut} left out`
  })
  return counters.join('; ')
}

/** Puts a cluster under load from this process. */
function load({ servers }: BenchCluster, seconds: number, warmUpSeconds: number) {
  return measureLoad({ clients: [servers], requests: 'pairs', outstanding, seconds, warmUpSeconds })
}

async function measure({ cluster, pids }: Contender): Promise<Turn> {
  const used = () => ({
    servers: cpuSeconds(pids.servers),
    hub: cpuSeconds(pids.hub),
    page: cpuSeconds(pids.page),
  })
  const before = used()
  const { perSecond: requestsPerSecond, answered } = await load(cluster, seconds, 1)
  const after = used()
  const cpu = (part: Part) => {
    const [from, to] = [before[part], after[part]]
    return from === null || to === null ? null : ((to - from) * 1_000 * 1_000) / answered
  }
  return { requestsPerSecond, cpu: { servers: cpu('servers'), hub: cpu('hub'), page: cpu('page') } }
}

/** The median over the turns with a known value, and its ratio to `off`. */
function compared(
  { turns }: Contender,
  off: Contender,
  of: (turn: Turn) => number | null,
): { readonly text: string; readonly ratio: string } {
  const pairs = turns.flatMap((turn, round) => {
    const [mine, other] = [of(turn), of(off.turns[round]!)]
    return mine === null || other === null ? [] : [{ mine, ratio: mine / other }]
  })
  if (pairs.length === 0) return { text: '?', ratio: '?' }
  const ratios = pairs.map(({ ratio }) => ratio)
  const [least, most] = [Math.min(...ratios), Math.max(...ratios)].map((ratio) => ratio.toFixed(2))
  return {
    text: median(pairs.map(({ mine }) => mine)).toFixed(0),
    ratio: `${median(ratios).toFixed(3)} (${least} to ${most})`,
  }
}

const directory = temporaryDirectory()
const stops: (() => Promise<unknown>)[] = []

async function hubStarted(): Promise<BenchHub> {
  const hub = await startHub()
  stops.push(() => hub.stop())
  return hub
}

async function contender(
  name: string,
  hub: string | null,
  others: Partial<Contender['pids']> = {},
): Promise<Contender> {
  const cluster = await BenchCluster.start({
    directory: join(directory, String(stops.length)),
    ...(hub !== null && { inspect: hub }),
  })
  stops.push(() => cluster.stop())
  return { name, cluster, pids: { servers: cluster.pids, hub: [], page: [], ...others }, turns: [] }
}

try {
  const off = await contender('off', null)
  // No process listens at port 9.
  const contenders = [off, await contender('on, without a hub', '127.0.0.1:9')]
  const hub = await hubStarted()
  contenders.push(await contender('on, with a hub', hub.address, { hub: [hub.pid] }))
  const shown = await hubStarted()
  const page = await opened(shown.url)
  if (page !== null) {
    stops.push(() => page.close())
    const pids = { hub: [shown.pid], page: page.pids }
    contenders.push(await contender('on, with a page', shown.address, pids))
  }
  for (const { cluster } of contenders) await load(cluster, 0, warmUpSeconds)
  for (let round = 0; round < rounds; round += 1) {
    // Each round starts with another contender.
    for (let place = 0; place < contenders.length; place += 1) {
      const next = contenders[(place + round) % contenders.length]!
      next.turns.push(await measure(next))
    }
  }
  console.log(
    `medians of ${rounds} rounds of ${seconds} s, ${outstanding} requests outstanding; ratios to the inspector off, in the same round`,
  )
  for (const one of contenders) {
    const speed = compared(one, off, ({ requestsPerSecond }) => requestsPerSecond)
    const servers = compared(one, off, ({ cpu }) => cpu.servers)
    const [hubMs, pageMs] = (['hub', 'page'] as const).map(
      (part) => compared(one, off, ({ cpu }) => cpu[part]).text,
    )
    console.log(
      [
        `${one.name}:`,
        `  ${speed.text} requests/s, ratio ${speed.ratio}`,
        `  CPU ms for 1,000 requests: servers ${servers.text}, ratio ${servers.ratio}; hub ${hubMs}; page ${pageMs}`,
        `  reported: ${await reported(one.cluster)}`,
      ].join('\n'),
    )
  }
} finally {
  for (const stop of stops.reverse()) await stop()
}
