/**
 * A faster way to take a step of a chart, with the result of XState. XState computes at every event which states a transition exits
 * and enters, and makes a snapshot for every assignment; a `Chart` knows the first beforehand, and a step makes one snapshot.
 *
 * It knows nested states, guards, `always`, `after`, `assign`, `emit`, `enqueueActions`, `raise` and `cancel`. XState takes every other
 * step itself. A step has no effect before it is complete, so XState can take it from the beginning.
 */
import type { AnyActorScope, AnyMachineSnapshot, AnyStateMachine } from 'xstate'
import {
  type Action,
  type Alternative,
  type Args,
  type Chart,
  type ChartEvent,
  type Context,
  chartOf,
  type Expression,
  type Leaf,
} from './quick-chart.ts'

/** What a step asks of its engine, in order. */
export type QuickEffect =
  | { readonly kind: 'said'; readonly output: ChartEvent }
  | { readonly kind: 'timer'; readonly id: string; readonly delayMs: number; readonly event: ChartEvent }
  | { readonly kind: 'cancel'; readonly id: string }

export interface QuickStep {
  readonly snapshot: AnyMachineSnapshot
  readonly effects: readonly QuickEffect[]
}

/** The snapshot after `event`, and the effects; `null` when XState must take the step. Changes nothing and never throws. */
export function quickStep(
  machine: AnyStateMachine,
  snapshot: AnyMachineSnapshot,
  event: ChartEvent,
  scope: AnyActorScope,
): QuickStep | null {
  const chart = chartOf(machine)
  if (chart === null || snapshot.status !== 'active' || !chart.knows(event.type)) return null
  const leaf = chart.leafOf(snapshot)
  if (leaf === null) return null
  const run = new Run(chart, leaf, snapshot.context, scope)
  try {
    run.take(event)
  } catch {
    // XState meets the same error, and reports it in its own way.
    return null
  }
  const isSame = run.leaf === leaf && run.context === snapshot.context
  return { snapshot: isSame ? snapshot : run.leaf.snapshotWith(run.context), effects: run.effects }
}

class Run {
  leaf: Leaf
  context: Context
  readonly effects: QuickEffect[] = []
  readonly #chart: Chart
  readonly #scope: AnyActorScope
  /** Events that the chart raised for itself. */
  readonly #raised: ChartEvent[] = []

  constructor(chart: Chart, leaf: Leaf, context: Context, scope: AnyActorScope) {
    this.#chart = chart
    this.leaf = leaf
    this.context = context
    this.#scope = scope
  }

  /** Takes the transition for `event`, and then those that follow at once. */
  take(event: ChartEvent): void {
    this.#follow(this.leaf.on.get(event.type), event)
    let current = event
    for (let isDue = true; ; ) {
      const { leaf, context } = this
      if (isDue && this.#follow(leaf.always, current)) {
        // An `always` that changed nothing would be taken for ever.
        isDue = this.leaf !== leaf || this.context !== context
        continue
      }
      const raised = this.#raised.shift()
      if (raised === undefined) return
      current = raised
      this.#follow(this.leaf.on.get(raised.type), raised)
      isDue = true
    }
  }

  /** Takes the first of the alternatives whose guard holds. Returns `false` when none holds. */
  #follow(alternatives: readonly Alternative[] | undefined, event: ChartEvent): boolean {
    if (alternatives === undefined) return false
    for (const { guard, actions, to } of alternatives) {
      if (guard !== null) {
        const args = { context: this.context, event }
        if (!guard.holds(args, paramsOf(guard.params, args))) continue
      }
      for (const action of actions) this.#act(action, event)
      this.leaf = to
      return true
    }
    return false
  }

  #act(action: Action, event: ChartEvent): void {
    const { context } = this
    const args = { context, event, self: this.#scope.self, system: this.#scope.system }
    const params = paramsOf(action.params, args)
    switch (action.kind) {
      case 'assign':
        this.assign(action.assignment, args, params)
        return
      case 'emit':
        this.emit(action.event, args, params)
        return
      case 'enqueueActions':
        action.collect?.({ ...args, enqueue: new Enqueue(this, args) }, params)
        return
      case 'raise':
        this.#raise(action, args, params)
        return
      case 'cancel':
        this.effects.push({ kind: 'cancel', id: resolved(action.sendId, args, params) as string })
        return
    }
    action.kind satisfies never
  }

  assign(assignment: unknown, args: Args, params: unknown): void {
    let change = assignment
    if (typeof assignment === 'function') change = (assignment as Expression)(args, params)
    else {
      const values: Record<string, unknown> = {}
      for (const [key, value] of Object.entries(assignment as object))
        values[key] = resolved(value, args, params)
      change = values
    }
    this.context = Object.assign({}, this.context, change)
  }

  emit(output: unknown, args: Args, params: unknown): void {
    this.effects.push({ kind: 'said', output: resolved(output, args, params) as ChartEvent })
  }

  #raise({ event, id, delay }: Action, args: Args, params: unknown): void {
    const raised = resolved(event, args, params) as ChartEvent
    const named = typeof delay === 'string' ? this.#chart.delays[delay] : delay
    const delayMs = resolved(named, args, params)
    if (typeof delayMs !== 'number') this.#raised.push(raised)
    else if (typeof id === 'string') this.effects.push({ kind: 'timer', id, delayMs, event: raised })
    else throw new Error('XState chooses the id of this timer')
  }
}

/** The part of XState's `enqueue` that charts use. XState takes the step when a chart uses another part. */
class Enqueue {
  readonly #run: Run
  readonly #args: Args

  constructor(run: Run, args: Args) {
    this.#run = run
    this.#args = args
  }

  emit(output: unknown): void {
    this.#run.emit(output, { ...this.#args, context: this.#run.context }, undefined)
  }

  assign(assignment: unknown): void {
    this.#run.assign(assignment, { ...this.#args, context: this.#run.context }, undefined)
  }
}

function paramsOf(params: unknown, args: Args): unknown {
  return typeof params === 'function' ? params(args) : params
}

function resolved(value: unknown, args: Args, params: unknown): unknown {
  return typeof value === 'function' ? (value as Expression)(args, params) : value
}
