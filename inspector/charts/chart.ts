/** The content of a machine's chart, as plain data. */
import type { AnyStateMachine, AnyStateNode } from 'xstate'
import { actionNames, edgesOf, statesOf } from '../../src/core/chart-edges.ts'
import type { ChartState, DrawnEdge } from './drawing.ts'

/** The states of a machine, the root first, each before its children. */
export function chartStates({ root }: AnyStateMachine): readonly ChartState[] {
  return statesOf(root).map((state) => ({
    id: state.id,
    name: state.path.join('.'),
    parent: state.parent?.id ?? null,
    initial: isComposite(state) ? (state.initial.target[0]?.id ?? null) : null,
    description: state.description ?? '',
    entry: ownActions(state.entry),
    exit: ownActions(state.exit),
    paper: (state.meta as { readonly paper?: string } | undefined)?.paper ?? null,
  }))
}

/** The transitions of a machine in the order of their definition, without XState's own objects. */
export function chartEdges(machine: AnyStateMachine): readonly DrawnEdge[] {
  return edgesOf(machine).map(({ transition: _, ...edge }) => edge)
}

/** Without XState's own actions for timers, which are drawn as edges. */
function ownActions(actions: readonly unknown[]): readonly string[] {
  return actionNames(actions).filter((name) => !name.startsWith('xstate.'))
}

function isComposite(state: AnyStateNode): boolean {
  return Object.keys(state.states).length > 0
}

/** The items in groups, in the order of the first item of each. */
export function grouped<T>(items: readonly T[], keyOf: (item: T) => string): readonly (readonly T[])[] {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const group = groups.get(keyOf(item))
    if (group === undefined) groups.set(keyOf(item), [item])
    else group.push(item)
  }
  return [...groups.values()]
}
