/**
 * How invariants of fields are checked. The comment of a field states an invariant after the word *Invariant*, and a function of
 * the same name in a table checks it.
 */
import type { StateValue } from 'xstate'
import type { NodeId } from './batch.ts'

/** The context between two events. `value` is the state of its chart, if there is one. */
export interface Moment<C> {
  readonly context: C
  readonly value: StateValue
}

/** The context after and before an event; `before` is `null` at the start. */
export interface Step<C> extends Moment<C> {
  readonly before: Moment<C> | null
  readonly event: { readonly type: string }
}

/** For each field: how a step violates its invariant; `null` when it does not. */
export type Invariants<C> = { readonly [Field in keyof C]?: (step: Step<C>) => string | null }

/** How `step` violates the first violated invariant; `null` for none. */
export function faultOf<C>(invariants: Invariants<C>, step: Step<C>): string | null {
  for (const field in invariants) {
    const fault = invariants[field]?.(step) ?? null
    if (fault !== null) return fault
  }
  return null
}

/** True when the chart is in `state` or in a state inside it. */
export function isIn({ value }: Pick<Moment<unknown>, 'value'>, state: string): boolean {
  return value === state || (typeof value === 'object' && state in value)
}

/** True when the step did not change these fields: their invariants still hold. */
export function isUnchanged<C>({ context, before }: Step<C>, ...fields: readonly (keyof C)[]): boolean {
  return before !== null && fields.every((field) => context[field] === before.context[field])
}

export function isDistinct(values: readonly unknown[]): boolean {
  return new Set(values).size === values.length
}

/** True when each of these servers is among the `others`. */
export function areIn(servers: readonly NodeId[], others: readonly NodeId[]): boolean {
  return servers.every((id) => others.includes(id))
}
