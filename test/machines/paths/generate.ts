/** Paths through a chart, found by `xstate/graph`: the shortest to each kind of step that the chart can take. */
import type { AnyMachineSnapshot, AnyStateNode } from 'xstate'
import { getShortestPaths } from 'xstate/graph'
import { type Effect, start, step } from '../../../src/core/step.ts'
import type { Chart, Happening } from './chart.ts'
import { transitionsOf } from './transitions.ts'

export type Path = readonly Happening[]

export interface Paths {
  readonly paths: readonly Path[]
  /** How many situations were seen, told apart by `Chart.situation`. */
  readonly situations: number
}

/** The events with which the delays of the states that are lit end. */
function delaysOf(snapshot: AnyMachineSnapshot): Happening[] {
  return (snapshot._nodes as readonly AnyStateNode[]).flatMap(({ after }) =>
    after.map(({ eventType }) => ({ type: eventType })),
  )
}

/** What was wanted, without the values in it. */
function shapeOf(effect: Effect<Said>): string {
  if (effect.kind !== 'said') return `${effect.kind} ${effect.id}`
  const { type, to, role, message, event } = effect.output
  return [type, to, role, message?.type, event?.type].join(' ')
}

/** Any output, as far as it tells kinds of step apart. */
interface Said {
  readonly type: string
  readonly to?: unknown
  readonly role?: string
  readonly message?: Happening
  readonly event?: Happening
}

/**
 * Paths that end with each kind of step once: a step's kind is the state before it, the alternative that is taken, the state
 * after it and the shape of what is wanted. `xstate/graph` finds a shortest path to each situation; each thing that may
 * happen there is a step more.
 */
export function pathsThrough({ machine, input, happenings, situation }: Chart): Paths {
  const names = transitionsOf(machine)
  const next = (snapshot: AnyMachineSnapshot) => [...happenings(snapshot), ...delaysOf(snapshot)]
  const shortest = getShortestPaths(machine, {
    input: input as never,
    events: next,
    // Thrown when situations are not few: a number that grows stands among what tells them apart.
    limit: 100_000,
    serializeState: (snapshot) => JSON.stringify([snapshot.value, situation(snapshot as AnyMachineSnapshot)]),
  })
  const kinds = new Map<string, Path>()
  for (const { steps } of shortest) {
    // The first of a path's steps is the start itself. Several snapshots are one situation, so where the path ends is walked to.
    const path: Path = steps.slice(1).map(({ event }) => event)
    const before = path.reduce(
      (snapshot, event) => step(machine, snapshot, event).snapshot,
      start(machine, input).snapshot,
    )
    for (const event of next(before)) {
      const alternatives = machine.getTransitionData(before, event).map((taken) => names.get(taken))
      const { snapshot, effects } = step<Said>(machine, before, event)
      const kind = JSON.stringify([
        before.value,
        event.type,
        alternatives,
        snapshot.value,
        effects.map(shapeOf),
      ])
      if (!kinds.has(kind)) kinds.set(kind, [...path, event])
    }
  }
  return { paths: withoutPrefixes([...kinds.values()]), situations: shortest.length }
}

/** Without the paths that a longer one begins with. */
function withoutPrefixes(paths: readonly Path[]): readonly Path[] {
  const texts = paths.map((path) => path.map((event) => `${JSON.stringify(event)}\n`).join(''))
  const order = [...paths.keys()].sort((a, b) => ((texts[a] ?? '') < (texts[b] ?? '') ? -1 : 1))
  return order.flatMap((index, at) => {
    const following = order[at + 1]
    const path = paths[index]
    if (path === undefined) return []
    return following !== undefined && texts[following]?.startsWith(texts[index] ?? '') ? [] : [path]
  })
}
