/** A closed load: a fixed number of requests is outstanding at any time, and those of a window of time count. */
import { longestGap, quantile, rateWithin, type Stretch } from '../statistics.ts'

export interface Window {
  /** The number of requests that are outstanding at any time. */
  readonly outstanding: number
  readonly seconds: number
  /** How long the load runs before the window begins. */
  readonly warmUpSeconds: number
}

export interface Measured {
  /** The requests a second within the window. */
  readonly perSecond: number
  /** All requests that were answered, also before and after the window. */
  readonly answered: number
  /** Milliseconds from a request to its answer, of the requests that were outstanding within the window. */
  readonly p50: number
  readonly p99: number
  readonly longest: number
  /** The longest time within the window without an answer, in milliseconds. */
  readonly longestGap: number
}

/** Waits for the answer of one request, and measures it. */
export type Timed = <Answer>(ask: () => Promise<Answer>) => Promise<Answer>

/**
 * Runs `outstanding` workers, which repeat `cycle` until the window ends. A cycle sends its requests one after the other. Rejects with
 * the first error of a cycle.
 */
export async function measureWindow(
  { outstanding, seconds, warmUpSeconds }: Window,
  cycle: (worker: number, timed: Timed) => Promise<void>,
): Promise<Measured> {
  const from = performance.now() + warmUpSeconds * 1_000
  const to = from + seconds * 1_000
  const requests: Stretch[] = []
  let answered = 0
  const timed: Timed = async (ask) => {
    const begin = performance.now()
    const answer = await ask()
    const end = performance.now()
    answered += 1
    if (end > from && begin < to) requests.push({ begin, end })
    return answer
  }
  async function work(worker: number): Promise<void> {
    while (performance.now() < to) await cycle(worker, timed)
  }
  await Promise.all(Array.from({ length: outstanding }, (_, worker) => work(worker)))
  const times = requests.map(({ begin, end }) => end - begin)
  const answers = requests.map(({ end }) => Math.min(end, to))
  return {
    perSecond: rateWithin(requests, from, to),
    answered,
    p50: quantile(times, 0.5),
    p99: quantile(times, 0.99),
    longest: quantile(times, 1),
    longestGap: longestGap(answers, from, to),
  }
}
