/** The transitions of a chart, each with a name that is the same wherever the chart runs, is tested or is drawn. */
import type { AnyStateMachine, AnyStateNode } from 'xstate'

/** One alternative for one event, delay or `always` in one state. */
export interface ChartEdge {
  /** `proposer.accepting on accepted[2]`: the state's id, the trigger, and the place among the alternatives. */
  readonly id: string
  /** The id of the state that it leaves, or in which it is taken: `proposer.accepting`. */
  readonly from: string
  /** The id of the state that it leads to; `null` when the state is not left. */
  readonly to: string | null
  readonly trigger: Trigger
  /** The place among the alternatives for that trigger in that state: those before it did not hold. */
  readonly index: number
  /** `null` when it has none. */
  readonly guard: string | null
  /** The names of what it does. */
  readonly actions: readonly string[]
  /** It leaves its state and enters it again, so that entry actions are done and timers armed once more. */
  readonly reenters: boolean
  /** XState's own object, which its inspection shows. */
  readonly transition: object
}

export type Trigger =
  | { readonly kind: 'event'; readonly name: string }
  /** A timer, by the name of its delay. */
  | { readonly kind: 'delay'; readonly name: string }
  /** As soon as its guard holds. */
  | { readonly kind: 'always' }

/** The states of a machine, its root first, each before those in it. */
export function statesOf(node: AnyStateNode): AnyStateNode[] {
  return [node, ...Object.values(node.states).flatMap(statesOf)]
}

/** Every transition of the machine, in the order in which they are written. */
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

const known = new WeakMap<AnyStateMachine, ReadonlyMap<object, string>>()

/** The id of the edge that each of XState's transition objects is. */
export function edgeIdsOf(machine: AnyStateMachine): ReadonlyMap<object, string> {
  const before = known.get(machine)
  if (before !== undefined) return before
  const ids = new Map(edgesOf(machine).map(({ transition, id }) => [transition, id]))
  known.set(machine, ids)
  return ids
}

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

/** The event of a timer is `xstate.after.DELAY.STATE`. */
function triggerOf(eventType: string): Trigger {
  return eventType.startsWith('xstate.after.')
    ? { kind: 'delay', name: eventType.split('.')[2] ?? eventType }
    : { kind: 'event', name: eventType }
}

function nameOf(named: unknown): string | null {
  if (named === undefined) return null
  return typeof named === 'string' ? named : (named as { readonly type: string }).type
}
