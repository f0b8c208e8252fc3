/** Searches within bounds, and reports the result. */
import { type Invariant, judgedBy } from '../core/invariants.ts'
import { claimOf } from '../transcript/claim.ts'
import type { Bounds } from './bounds.ts'
import type { Adapt } from './cluster.ts'
import { judgement, Search, type SearchStats } from './search.ts'
import { transcriptOf } from './transcript.ts'
import { type WitnessName, witnesses } from './witnesses.ts'

export interface CheckOptions {
  readonly bounds: Bounds
  /** The witnesses that the search must reach. A search that misses one has verified too little. */
  readonly reaches: readonly WitnessName[]
  /** Stops the search after this number of states. */
  readonly mostStates?: number
  /** Receives the progress of the search from time to time. */
  readonly progress?: (stats: SearchStats) => void
  /** For a test that plants a deliberate fault. */
  readonly adapt?: Adapt
}

export interface CheckReport {
  /**
   * `holds`: the search tried every schedule within the bounds, found no violation and reached all witnesses. `broken`: a schedule
   * violates a check. `unreached`: no violation, but a witness was not reached. `unfinished`: the search was stopped.
   */
  readonly verdict: 'holds' | 'broken' | 'unreached' | 'unfinished'
  readonly stats: SearchStats
  /** The invariants that were judged at every state. */
  readonly judged: readonly Invariant[]
  /** The violation, with one of the shortest schedules that reach it. */
  readonly broken: ({ readonly message: string } & Way) | null
  readonly reached: readonly ({ readonly name: WitnessName; readonly about: string } & Way)[]
  readonly missing: readonly WitnessName[]
}

/** A schedule that the search found. */
export interface Way {
  readonly events: number
  /** The schedule as a transcript for `paxos transcript`. */
  readonly transcript: string
}

/** The number of states between two progress reports. */
const stretch = 5_000

/** Throws a `RangeError` when the bounds are not valid. */
export function check({ bounds, reaches, mostStates, progress, adapt }: CheckOptions): CheckReport {
  const search = new Search(adapt === undefined ? { bounds } : { bounds, adapt })
  let isDone = false
  const limit = mostStates ?? Number.POSITIVE_INFINITY
  while (!isDone && search.stats.states < limit) {
    isDone = search.run(Math.min(stretch, limit - search.stats.states))
    progress?.(search.stats)
  }
  return reportOf(search, isDone, { bounds, reaches, ...(adapt === undefined ? {} : { adapt }) })
}

/** The result of a search, which has tried every schedule if `isDone`. */
export function reportOf(
  search: Search,
  isDone: boolean,
  { bounds, reaches, adapt }: Pick<CheckOptions, 'bounds' | 'reaches' | 'adapt'>,
): CheckReport {
  const { violation, stats } = search
  const reached = witnesses.flatMap(({ name, about }) => {
    const found = search.witnesses.get(name)
    if (found === undefined) return []
    const { text, failure } = transcriptOf(bounds, found.events, [`${about}.`], adapt)
    if (failure !== null) throw new Error(`the schedule that reaches ${name} cannot be replayed: ${failure}`)
    return [{ name, about, events: found.events.length, transcript: text }]
  })
  const missing = reaches.filter((name) => !search.witnesses.has(name))
  const finished = missing.length === 0 ? 'holds' : 'unreached'
  return {
    verdict: violation !== null ? 'broken' : isDone ? finished : 'unfinished',
    stats,
    judged: judgedBy(judgement),
    broken:
      violation === null
        ? null
        : {
            message: violation.what.message,
            events: violation.events.length,
            transcript: transcriptOf(bounds, violation.events, [claimOf(violation.what.message)], adapt).text,
          },
    reached,
    missing,
  }
}
