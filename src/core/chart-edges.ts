/** The transitions of a chart. Each transition has a name that stays the same when the chart is run, tested or drawn. */
import type { AnyStateMachine, AnyStateNode } from 'xstate'
import { memoByIdentity } from './memo.ts'

/** One alternative for one event, delay or `always` in one state. */
export interface ChartEdge {
  /** `proposer.accepting on accepted[2]`: the state's id, the trigger, and the index among the alternatives. */
  readonly id: string
  /** The id of the source state, such as `proposer.accepting`. */
  readonly from: string
  /** The id of the target state; `null` when the transition does not leave its state. */
  readonly to: string | null
  readonly trigger: Trigger
  /** The index among the alternatives for this trigger in this state. XState takes an alternative only when no earlier one holds. */
  readonly index: number
  /** The name of the guard; `null` for none. */
  readonly guard: string | null
  /** The names of the actions. */
  readonly actions: readonly string[]
  /** True when the transition exits its state and enters it again: entry actions run and timers restart. */
  readonly reenters: boolean
  /** The transition object of XState, which also appears in XState's inspection events. */
  readonly transition: object
}

export type Trigger =
  | { readonly kind: 'event'; readonly name: string }
  /** A timer. `name` is the name of its delay. */
  | { readonly kind: 'delay'; readonly name: string }
  /** Taken as soon as its guard holds. */
  | { readonly kind: 'always' }

/** The states of a machine, the root first and each parent before its children. */
export function statesOf(node: AnyStateNode): AnyStateNode[] {
  return [node, ...Object.values(node.states).flatMap(statesOf)]
}

/** Every transition of the machine, in source order. */
export function edgesOf({ root }: AnyStateMachine): readonly ChartEdge[] {
  return statesOf(root).flatMap((state) =>
    [
      ...[...state.transitions].map(([type, list]) => [triggerOf(type), list] as const),
      [{ kind: 'always' } as const, state.always ?? []] as const,
    ].flatMap(([trigger, alternatives]) =>
      alternatives.map((transition, index) => ({
        id: `${state.id} ${triggerText(trigger)}[${index}]`,
        from: state.id,
        to: transition.target?.[0]?.id ?? null,
        trigger,
        index,
        guard: nameOf(transition.guard),
        actions: actionNames(transition.actions),
        reenters: transition.reenter,
        transition,
      })),
    ),
  )
}

/** Maps each transition object of XState to the id of its edge. */
export const edgeIdsOf = memoByIdentity(
  (machine: AnyStateMachine): ReadonlyMap<object, string> =>
    new Map(edgesOf(machine).map(({ transition, id }) => [transition, id])),
)

/** `on accepted`, `after backoff`, `always`. */
export function triggerText(trigger: Trigger): string {
  switch (trigger.kind) {
    case 'event':
      return `on ${trigger.name}`
    case 'delay':
      return `after ${trigger.name}`
    case 'always':
      return 'always'
  }
  trigger satisfies never
}

/** The names of actions, such as those of a state's entry. */
export function actionNames(actions: readonly unknown[]): readonly string[] {
  return actions.map((action) => nameOf(action) ?? '')
}

/** XState names the event of a timer `xstate.after.DELAY.STATE`. */
function triggerOf(eventType: string): Trigger {
  return eventType.startsWith('xstate.after.')
    ? { kind: 'delay', name: eventType.split('.')[2] ?? eventType }
    : { kind: 'event', name: eventType }
}

function nameOf(named: unknown): string | null {
  if (named === undefined) return null
  return typeof named === 'string' ? named : (named as { readonly type: string }).type
}
