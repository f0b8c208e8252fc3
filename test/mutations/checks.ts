/** The checks that a fault is put before. Each says how far it had to go; `null` when it found nothing within its budget. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { Search } from '../../src/checker/search.ts'
import { transcriptOf } from '../../src/checker/transcript.ts'
import { clusterSettings } from '../../src/schedule/cluster.ts'
import { lockService } from '../../src/services/lock.ts'
import type { Service } from '../../src/services/service.ts'
import { drawPlan } from '../../src/simulator/draw-plan.ts'
import type { Plan } from '../../src/simulator/plan.ts'
import { parsePlan } from '../../src/simulator/plan-file.ts'
import { runWithCodec } from '../../src/simulator/wire.ts'
import { runTranscript } from '../../src/transcript/file.ts'
import { writeTranscript } from '../../src/transcript/write.ts'
import { wander } from '../support/wander.ts'
import type { Mutation } from './mutation.ts'
import { type PropertyName, properties } from './properties.ts'
import type { Trial } from './trials.ts'
import { type BoundsName, bounds, type World, type WorldName, worlds } from './worlds.ts'

/** What caught a fault. */
export interface Caught {
  /** How far it went: `seed 3, event 98`. */
  readonly after: string
  /** The invariant that was broken, or what was thrown instead. */
  readonly broken: string
  /** The schedule, up to what it broke; of the simulator only what that was. */
  readonly transcript: () => string
}

/** The most that each check may cost. */
export const budgets = {
  /** Distinct states of a search. */
  states: 50_000,
  /** Schedules of chance. */
  seeds: 40,
  /** Runs of the simulator. */
  runs: 30,
  /** Cases of a property test. */
  cases: 300,
} as const

/** How many states are tried before a search is asked whether it is to go on. */
const statesAtOnce = 1_000

/** Searches every schedule within the bounds, breadth first, for a shortest one that shows the fault. */
export function tryChecker({ plant }: Mutation, name: BoundsName): Caught | null {
  const search = new Search({ bounds: bounds[name], adapt: plant })
  while (!search.run(statesAtOnce)) {
    if (search.stats.states > budgets.states) return null
  }
  if (search.violation === null) return null
  const { what, events } = search.violation
  return {
    after: `${search.stats.states} ${search.stats.states === 1 ? 'state' : 'states'}, event ${events.length}`,
    broken: brokenBy(what.message),
    transcript: () => transcriptOf(bounds[name], events, [name], plant).text,
  }
}

/** Events of chance in a schedule, before faults end. */
const chanceSteps = 150

/** Tries the seeds from 1 to `seeds`. */
export function tryChance(
  { plant }: Mutation,
  name: WorldName,
  seeds: number = budgets.seeds,
): Caught | null {
  const { servers, ending, ...world }: World = worlds[name]
  for (let seed = 1; seed <= seeds; seed += 1) {
    const settings = plant({
      ...clusterSettings(servers, lockService as Service, ending ?? null),
      digestEvery: 1,
    })
    const { events, failure } = wander({ settings, seed, steps: chanceSteps, ...world })
    if (failure === null) continue
    const about = [`Seed ${seed}, ${name}.`]
    return {
      after: `seed ${seed}, event ${events.length}`,
      broken: brokenBy(failure.message),
      transcript: () =>
        writeTranscript({ servers, ending: ending ?? null, about, events }, { adapt: plant }).text,
    }
  }
  return null
}

/** Runs the simulator's plans of the seeds from 1 on. */
export function trySimulator(
  mutation: Mutation,
  { runs = budgets.runs, withoutFaults = false }: Pick<Trial, 'runs' | 'withoutFaults'> = {},
): Caught | null {
  for (let seed = 1; seed <= runs; seed += 1) {
    const caught = runWith(mutation, drawPlan(seed, withoutFaults ? { faults: [] } : {}))
    if (caught !== null) return { ...caught, after: `seed ${seed}, ${caught.after}` }
  }
  return null
}

/** Draws so many cases of a property test. */
export function tryProperty(mutation: Mutation, name: PropertyName): Caught | null {
  const { failed, numRuns, errorInstance, counterexample } = fc.check(
    properties[name](mutation) as unknown as fc.IProperty<[unknown]>,
    { numRuns: budgets.cases, endOnFailure: true, seed: 1 },
  )
  if (!failed) return null
  const error = errorInstance as Error
  return {
    after: `case ${numRuns}`,
    broken: error.name === 'AssertionError' ? name : `thrown: ${error.message}`,
    transcript: () => `# ${name}: ${error.message}\n${JSON.stringify(counterexample)}`,
  }
}

/** Runs a saved plan, which holds without the fault. */
export function tryPlan(mutation: Mutation, file: string): Caught | null {
  return runWith(mutation, parsePlan(readFileSync(join(import.meta.dirname, 'plans', file), 'utf8')))
}

function runWith({ plant }: Mutation, plan: Plan): Caught | null {
  const { failure } = runWithCodec(plan, { plant, digestEvery: 1 })
  if (failure === null) return null
  const { step, message } = failure
  return {
    after: `event ${step}`,
    broken: brokenBy(message),
    transcript: () => `# In the simulator, seed ${plan.seed}, event ${step}: ${message}`,
  }
}

/** Runs a written schedule, which goes through without the fault. */
export function trySchedule({ plant }: Mutation, file: string): Caught | null {
  const text = readFileSync(join(import.meta.dirname, 'schedules', file), 'utf8')
  const { run, failure, text: shown } = runTranscript(text, { adapt: plant })
  // That the schedule does not fit is no catch: an event that is not possible shows no fault.
  if (failure === null || !failure.includes('invariant')) return null
  return { after: `event ${run.events.length}`, broken: brokenBy(failure), transcript: () => shown }
}

function brokenBy(message: string): string {
  return /invariant (\d+ \([^)]*\))/.exec(message)?.[1] ?? `thrown: ${message}`
}
