/** Compares two clusters of three servers. They are under load in turns, from one client process each that is connected to the leader. */
import { cpuSeconds } from '../cpu.ts'
import type { Requests } from '../load/load.ts'
import type { Measured } from '../load/window.ts'
import type { BenchOptions } from '../options.ts'
import { print } from '../parts/part.ts'
import { rotated } from '../rotated.ts'
import { spread, table } from '../show.ts'
import { ratios } from '../statistics.ts'
import type { Side } from './side.ts'

export interface ComparedLoad {
  readonly requests: Requests
  readonly outstanding: number
}

interface Turn extends Measured {
  /** CPU microseconds of each request, of all servers together and of the client. */
  readonly serversUs: number
  readonly clientUs: number
}

interface Contender {
  readonly side: Side
  readonly load: ComparedLoad
  readonly turns: Turn[]
}

/** The name of a kind of requests, and how many requests make one. */
const kinds: Readonly<Record<Requests, { readonly name: string; readonly requests: number }>> = {
  pairs: { name: 'lock+unlock', requests: 2 },
  put: { name: 'put', requests: 1 },
  get: { name: 'get', requests: 1 },
  staleGet: { name: 'stale get', requests: 1 },
}

/** Measures both sides in alternating turns, and prints the ratios of the first to the second. */
export async function compare(
  [first, second]: readonly [Side, Side],
  loads: readonly ComparedLoad[],
  { rounds, seconds }: BenchOptions,
): Promise<void> {
  const pairs = loads.map((load) => [first, second].map((side): Contender => ({ side, load, turns: [] })))
  const contenders = pairs.flat()
  for (const { side, load } of contenders) {
    const { requests, outstanding } = load
    await side.load(requests, { outstanding, seconds: 3, warmUpSeconds: 0 })
  }
  for (let round = 0; round < rounds; round += 1) {
    for (const contender of rotated(contenders, round)) contender.turns.push(await take(contender, seconds))
  }
  print(
    `${first.name} beside ${second.name}, durable, medians of ${rounds} rounds of ${seconds} s (least to most)`,
  )
  for (const [ours, theirs] of pairs) printComparison(ours!, theirs!)
}

async function take({ side, load }: Contender, seconds: number): Promise<Turn> {
  const { requests, outstanding } = load
  const pids = side.pids(requests)
  const used = () => [cpuSeconds(pids.servers), cpuSeconds([pids.client])]
  const before = used()
  const measured = await side.load(requests, { outstanding, seconds, warmUpSeconds: 0.5 })
  const [serversUs, clientUs] = used().map((after, place) => {
    const from = before[place] ?? null
    return after === null || from === null ? Number.NaN : ((after - from) * 1e6) / measured.answered
  })
  return { ...measured, serversUs: serversUs!, clientUs: clientUs! }
}

function printComparison(ours: Contender, theirs: Contender): void {
  const { requests, outstanding } = ours.load
  const kind = kinds[requests]
  const speeds = ({ turns }: Contender) => turns.map(({ perSecond }) => perSecond / kind.requests)
  const cpu = ({ turns }: Contender) => turns.map(({ serversUs, clientUs }) => serversUs + clientUs)
  print(`${kind.name}, ${outstanding} outstanding: ratio ${spread(ratios(speeds(ours), speeds(theirs)))}`)
  print(`  CPU time of a request in all processes: ratio ${spread(ratios(cpu(ours), cpu(theirs)))}`)
  print(
    table([
      ['', `${kind.name}/s`, 'p50 ms of a request', 'p99 ms', 'CPU µs: servers', 'client'],
      ...[ours, theirs].map((contender) => [
        contender.side.name,
        spread(speeds(contender)),
        ...[
          contender.turns.map(({ p50 }) => p50),
          contender.turns.map(({ p99 }) => p99),
          contender.turns.map(({ serversUs }) => serversUs),
          contender.turns.map(({ clientUs }) => clientUs),
        ].map(spread),
      ]),
    ]),
  )
}
