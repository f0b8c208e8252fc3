/** Compares the result of a search with its recorded counts. */
import type { CheckReport } from './check.ts'
import type { Counted } from './named-bounds.ts'
import { type WitnessName, witnesses } from './witnesses.ts'

/** The counts of a complete search, as named bounds record them. */
export function countedIn({ stats, reached }: Pick<CheckReport, 'stats' | 'reached'>): Counted {
  const ways: Partial<Record<WitnessName, number>> = {}
  for (const { name, events } of reached) ways[name] = events
  return { states: stats.states, depth: stats.depth, ways }
}

/** The differences between `found` and the recorded counts, one text for each. */
export function differences(recorded: Counted, found: Counted): readonly string[] {
  const differing = (what: string, is: number | undefined, was: number | undefined) =>
    is === was ? [] : [`${what} ${is ?? 'none'} in place of ${was ?? 'none'}`]
  return [
    ...differing('states', found.states, recorded.states),
    ...differing('depth', found.depth, recorded.depth),
    ...witnesses.flatMap(({ name }) => differing(`events to ${name}`, found.ways[name], recorded.ways[name])),
  ]
}
