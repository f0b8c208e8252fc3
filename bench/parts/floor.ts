/** The lower bound for every protocol on this machine: one fdatasync and one round trip of a datagram. */
import { measureEcho, measureFdatasync } from '../floor/floor.ts'
import { figure, table } from '../show.ts'
import { quantile } from '../statistics.ts'
import { elapse } from '../workspace.ts'
import { type Bench, print } from './part.ts'

const bytes = 200

/** The round with the least interference of several: writes of other processes are not part of the floor. */
async function measureQuietSync(directory: string): Promise<readonly number[]> {
  const rounds: number[][] = []
  for (let round = 0; round < 5; round += 1) {
    rounds.push(measureFdatasync(directory, 300, bytes))
    await elapse(0.5)
  }
  return rounds.reduce((best, times) => (quantile(times, 0.5) < quantile(best, 0.5) ? times : best))
}

function row(name: string, times: readonly number[]): readonly string[] {
  return [name, `p50 ${figure(quantile(times, 0.5))} ms`, `p99 ${figure(quantile(times, 0.99))} ms`]
}

export async function measureFloor({ directory }: Bench): Promise<void> {
  const sync = await measureQuietSync(directory)
  const echo = await measureEcho(5_000, bytes)
  const floorMs = quantile(sync, 0.5) + quantile(echo, 0.5)
  print('floor')
  print(
    table([
      row(`fdatasync of ${bytes} bytes`, sync),
      row('UDP echo, two processes', echo),
      ['floor (one of each)', `${figure(floorMs)} ms`],
    ]),
  )
}
