/** The checks that a fault is put before, each with the most that it may cost. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command, NodeId } from '../../machines/batch.ts'
import { clusterSettings } from '../../src/schedule/cluster.ts'
import { runTranscript } from '../../src/transcript/file.ts'
import { wander } from '../support/wander.ts'
import type { Mutation } from './mutation.ts'

/** What caught a fault. */
export interface Caught {
  /** How far it went: `seed 3, event 98`. */
  readonly after: string
  /** What was broken. */
  readonly broken: string
}

/** The world in which schedules of chance are tried. */
export interface World {
  readonly servers: number
  readonly commands?: readonly Command[]
  readonly replaced?: readonly NodeId[]
}

const remove = (id: NodeId): Command => ({ kind: 'members', change: { action: 'remove', id } })

export const worlds = {
  'three servers': { servers: 3 },
  'four servers': { servers: 4 },
  'five servers': { servers: 5 },
  'four servers, two of which may be removed': { servers: 4, commands: [remove(0), remove(3)] },
  'three servers, one of which may lose its disk': { servers: 3, replaced: [2] },
} as const satisfies Readonly<Record<string, World>>

export type WorldName = keyof typeof worlds

/** Events of chance in a schedule, before it is calm. */
const chanceSteps = 150

/** Tries the seeds from 1 to `seeds`; `null` when none shows the fault. */
export function tryChance({ plant }: Mutation, worldName: WorldName, seeds: number): Caught | null {
  const { servers, ...world } = worlds[worldName]
  for (let seed = 1; seed <= seeds; seed += 1) {
    const settings = plant({ ...clusterSettings(servers), digestEvery: 1 })
    const { events, failure } = wander({ settings, seed, steps: chanceSteps, ...world })
    if (failure !== null) {
      return { after: `seed ${seed}, event ${events.length}`, broken: brokenBy(failure.message) }
    }
  }
  return null
}

/** Runs a written schedule, which goes through without the fault; `null` when it does so with it. */
export function trySchedule({ plant }: Mutation, file: string): Caught | null {
  const text = readFileSync(join(import.meta.dirname, 'schedules', file), 'utf8')
  const { run, failure } = runTranscript(text, { adapt: plant })
  // That the schedule does not fit is no catch: an event that is not possible shows no fault.
  if (failure === null || !failure.includes('invariant')) return null
  return { after: `event ${run.events.length}`, broken: brokenBy(failure) }
}

/** The name of the invariant, or what was thrown instead. */
export function brokenBy(message: string): string {
  return /invariant (\d+ \([^)]*\))/.exec(message)?.[1] ?? `thrown: ${message}`
}
