/**
 * How an invariant of a field is checked. A field states what holds of it after the word *Invariant* in its comment, and a function of the
 * same name in a table checks it.
 */
import type { StateValue } from 'xstate'

/** Values between two events. `value` is the state of the chart they belong to, where there is one. */
export interface Moment<C> {
  readonly context: C
  readonly value: StateValue
}

/** Values after an event, and before it; `before` is `null` at the start. */
export interface Step<C> extends Moment<C> {
  readonly before: Moment<C> | null
  readonly event: { readonly type: string }
}

/** By field: a sentence that says how a step breaks its invariant, or `null`. */
export type Invariants<C> = { readonly [Field in keyof C]?: (step: Step<C>) => string | null }

/** How `step` breaks the first invariant that it breaks; `null` when it breaks none. */
export function faultOf<C>(invariants: Invariants<C>, step: Step<C>): string | null {
  for (const field in invariants) {
    const fault = invariants[field]?.(step) ?? null
    if (fault !== null) return fault
  }
  return null
}

/** The chart is in `state`, or in a state within it. */
export function isIn({ value }: Pick<Moment<unknown>, 'value'>, state: string): boolean {
  return value === state || (typeof value === 'object' && state in value)
}

/** The step left these fields as they were: what held of them holds. */
export function isUnchanged<C>({ context, before }: Step<C>, ...fields: readonly (keyof C)[]): boolean {
  return before !== null && fields.every((field) => context[field] === before.context[field])
}

export function isDistinct(values: readonly unknown[]): boolean {
  return new Set(values).size === values.length
}
