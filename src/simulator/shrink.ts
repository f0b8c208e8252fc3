/** Shrinks a failing plan with delta debugging over its faults and client steps. */
import type { ClientPlan, Fault, Plan } from './plan.ts'
import type { RunFailure } from './run-report.ts'

/** A part of a plan that can be removed alone. */
type Item =
  | { readonly kind: 'fault'; readonly fault: Fault }
  | { readonly kind: 'step'; readonly client: number; readonly lane: number; readonly step: number }

export interface Shrunk {
  readonly plan: Plan
  /** The failure of the smaller plan. */
  readonly failure: RunFailure
  /** The number of runs that the shrinking needed. */
  readonly runs: number
}

/**
 * A smaller plan that still fails the same check. `fails` runs a plan. No single item can be removed from the result, unless `mostRuns`
 * runs were not enough to establish that.
 */
export function shrink(
  plan: Plan,
  failure: RunFailure,
  fails: (plan: Plan) => RunFailure | null,
  mostRuns = 400,
): Shrunk {
  let best = { plan, failure }
  let items = itemsOf(plan)
  let runs = 0
  let parts = 2
  const attempt = (kept: readonly Item[]): boolean => {
    if (runs >= mostRuns) return false
    runs += 1
    const smaller = planOf(plan, kept)
    const next = fails(smaller)
    if (next === null || next.broke !== failure.broke) return false
    best = { plan: smaller, failure: next }
    items = [...kept]
    return true
  }
  while (items.length > 0 && runs < mostRuns) {
    const size = Math.ceil(items.length / parts)
    const cuts = Array.from({ length: Math.ceil(items.length / size) }, (_, part) => part * size)
    const all = items
    const isSmaller = cuts.some((from) => attempt(all.filter((_, at) => at < from || at >= from + size)))
    if (isSmaller) parts = Math.max(2, parts - 1)
    else if (size === 1) break
    else parts = Math.min(items.length, parts * 2)
  }
  return { ...best, runs }
}

function itemsOf(plan: Plan): Item[] {
  const faults = plan.faults.map((fault): Item => ({ kind: 'fault', fault }))
  const steps = plan.clients.flatMap(({ lanes }, client) =>
    lanes.flatMap((steps, lane) => steps.map((_, step): Item => ({ kind: 'step', client, lane, step }))),
  )
  return [...faults, ...steps]
}

/** The plan with only `items`. Clients keep their indexes, because their names contain them. */
function planOf(plan: Plan, items: readonly Item[]): Plan {
  const steps = new Set(items.flatMap((item) => (item.kind === 'step' ? [placeOf(item)] : [])))
  const faults = items.flatMap((item) => (item.kind === 'fault' ? [item.fault] : []))
  const clients = plan.clients.map((client, index): ClientPlan => {
    const lanes = client.lanes.map((lane, at) =>
      lane.filter((_, step) => steps.has(placeOf({ client: index, lane: at, step }))),
    )
    return { ...client, lanes }
  })
  return { ...plan, faults, clients }
}

function placeOf({ client, lane, step }: { client: number; lane: number; step: number }): string {
  return `${client}/${lane}/${step}`
}
