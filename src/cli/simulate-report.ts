/** The output of `paxos simulate`. */
import { type Invariant, invariantNumbers, invariants } from '../core/invariants.ts'
import type { RunFailure } from '../simulator/run-report.ts'
import type { Shrunk } from '../simulator/shrink.ts'
import { type Situation, situations } from '../simulator/situations.ts'
import type { Total } from '../simulator/total.ts'
import { formatTable, shellCommand } from './output.ts'

export interface FailedRun {
  readonly seed: number
  readonly failure: RunFailure
  /** The command that runs it again. */
  readonly again: string
  readonly shrunk: Shrunk | null
  /** The file with the plan; `null` for none. */
  readonly saved: string | null
}

/** What `--json` prints. */
export interface SeriesResult {
  readonly seed: number
  readonly failed: number
  /** The first failing runs, in order of seed. */
  readonly failures: readonly FailedRun[]
  /** The situations that a long series must contain and this one did not: the random choices are then at fault. */
  readonly missed: readonly Situation[]
  readonly total: Total
  readonly tookMs: number
}

export function formatFailure({ seed, failure, again, shrunk, saved }: FailedRun): string {
  const lines = [`seed ${seed} fails ${placeOf(failure)}: ${failure.message}`, `  again: ${again}`]
  if (shrunk !== null) {
    const { faults, clients } = shrunk.plan
    const steps = clients.flatMap(({ lanes }) => lanes.flat()).length
    lines.push(
      `  shrunk in ${counted(shrunk.runs, 'run')} to ${counted(faults.length, 'fault')} and ${counted(steps, 'request')}, failing ${placeOf(shrunk.failure)}: ${shrunk.failure.message}`,
    )
    for (const fault of faults) lines.push(`    ${JSON.stringify(fault)}`)
  }
  if (saved !== null) {
    lines.push(`  written to ${saved}; again: ${shellCommand(['paxos', 'simulate', '--plan', saved])}`)
  }
  return lines.join('\n')
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}

function placeOf({ step, atMs }: RunFailure): string {
  return `at step ${step}, after ${seconds(atMs)} virtual seconds`
}

export function formatTotal({ failed, missed, total, tookMs }: SeriesResult): string {
  const rate = Math.round(total.virtualMs / tookMs)
  return [
    formatTable(
      ['SEEN', 'SITUATION'],
      situations.map((situation) => [String(total.counts[situation]), situation]),
    ),
    '',
    `${counted(total.runs, 'run')} of ${seconds(total.virtualMs)} virtual seconds in ${seconds(tookMs)} s: ${rate} virtual seconds a second`,
    `${total.steps} events, ${total.datagrams} datagrams, ${total.instances} instances chosen, ${total.operations} requests`,
    ...judgedLines(total),
    failed === 0 ? 'everything held' : `${counted(failed, 'run')} failed`,
    ...missed.map((situation) => `never seen in ${counted(total.runs, 'run')}: ${situation}`),
  ].join('\n')
}

/** The invariants that were judged to the end of runs, grouped by the number of runs, followed by the unjudged ones. */
function judgedLines({ judged, runs }: Total): string[] {
  const counts = [...new Set(Object.values(judged))].sort((a, b) => b - a)
  return counts.map((count) => {
    const numbers = invariantNumbers.filter((invariant) => judged[invariant] === count)
    return count === 0
      ? `unjudged: ${namesOf(numbers)}`
      : `invariants ${numbers.join(' ')}: judged to the end of ${count} of ${counted(runs, 'run')}`
  })
}

function namesOf(numbers: readonly Invariant[]): string {
  return numbers.map((invariant) => `${invariant} ${invariants[invariant].name}`).join(', ')
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(1)
}
