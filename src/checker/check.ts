/** Searches within bounds, and tells what it came to. */
import { type Invariant, judgedBy } from '../core/invariants.ts'
import type { Bounds } from './bounds.ts'
import type { Adapt } from './cluster.ts'
import { judgement, Search, type SearchStats } from './search.ts'
import { transcriptOf } from './transcript.ts'
import { type WitnessName, witnesses } from './witnesses.ts'

export interface CheckOptions {
  readonly bounds: Bounds
  /** What must be reached; a search that does not reach it has shown too little. */
  readonly reaches: readonly WitnessName[]
  /** Stops when so many states were reached. */
  readonly mostStates?: number
  /** Is told now and then how far it is. */
  readonly progress?: (stats: SearchStats) => void
  /** For a test that plants a fault. */
  readonly adapt?: Adapt
}

export interface CheckReport {
  /**
   * `holds`: every schedule within the bounds was tried, nothing broke, and all that was to be reached was. `broken`: there is a
   * schedule that breaks something. `unreached`: nothing broke, and something was not reached. `unfinished`: it was stopped.
   */
  readonly verdict: 'holds' | 'broken' | 'unreached' | 'unfinished'
  readonly stats: SearchStats
  /** The invariants that were judged at every state. */
  readonly judged: readonly Invariant[]
  /** What broke, by one of the shortest ways. */
  readonly broken: ({ readonly message: string } & Way) | null
  readonly reached: readonly ({ readonly name: WitnessName; readonly about: string } & Way)[]
  readonly missing: readonly WitnessName[]
}

/** A way through the search. */
export interface Way {
  readonly events: number
  /** As `paxos transcript` runs it. */
  readonly transcript: string
}

/** States that are tried between two looks at how far it is. */
const stretch = 5_000

/** Throws a `RangeError` when the bounds are none. */
export function check({ bounds, reaches, mostStates, progress, adapt }: CheckOptions): CheckReport {
  const search = new Search(adapt === undefined ? { bounds } : { bounds, adapt })
  let isDone = false
  const limit = mostStates ?? Number.POSITIVE_INFINITY
  while (!isDone && search.stats.states < limit) {
    isDone = search.run(Math.min(stretch, limit - search.stats.states))
    progress?.(search.stats)
  }
  const { violation, stats } = search
  const reached = witnesses.flatMap(({ name, about }) => {
    const found = search.witnesses.get(name)
    if (found === undefined) return []
    const { text, failure } = transcriptOf(bounds, found.events, [`${about}.`], adapt)
    if (failure !== null) throw new Error(`the way to ${name} cannot be gone again: ${failure}`)
    return [{ name, about, events: found.events.length, transcript: text }]
  })
  const missing = reaches.filter((name) => !search.witnesses.has(name))
  const isWhole = missing.length === 0 ? 'holds' : 'unreached'
  return {
    verdict: violation !== null ? 'broken' : isDone ? isWhole : 'unfinished',
    stats,
    judged: judgedBy(judgement),
    broken:
      violation === null
        ? null
        : {
            message: violation.what.message,
            events: violation.events.length,
            transcript: transcriptOf(bounds, violation.events, [violation.what.message], adapt).text,
          },
    reached,
    missing,
  }
}
