/** Why a transition was taken: the guards in the order of evaluation, with their results. */
import { delayName } from '../../src/core/chart-names.ts'
import type { RoleMove } from '../../src/inspect/records/record.ts'
import { isElse, triggerWords } from './chart-text.ts'
import type { Chart, DrawnEdge } from './drawing.ts'

export interface Tried {
  /** `else` for the last alternative, which has none. */
  readonly guard: string
  readonly holds: boolean
}

/** The reaction of a role to an event, and its reason. */
export interface Explained {
  /** `accept`, `after backoff`. */
  readonly trigger: string
  /** The state before; `null` when it is not known. */
  readonly from: string | null
  /** The state after. */
  readonly to: string
  /** No transition was taken. */
  readonly isIgnored: boolean
  /** One list for each transition that was taken; empty when no guard was evaluated. */
  readonly tried: readonly (readonly Tried[])[]
}

/** A state is tried before its parent, and alternatives in the order of their definition. */
export function explained(chart: Chart, { event, edges: ids, state }: Omit<RoleMove, 'role'>): Explained {
  const edges = ids.flatMap((id) => chart.edges.find((edge) => edge.id === id) ?? [])
  const after = idOf(chart, state)
  const [first] = edges
  if (first === undefined) {
    const tried = ids.length > 0 ? [] : [failed(chart, after, event)]
    return { trigger: eventWords(event), from: state, to: state, isIgnored: ids.length === 0, tried }
  }
  const leaves = leavesBefore(chart, edges, after)
  const [before] = leaves
  return {
    trigger: first.trigger.kind === 'always' ? eventWords(event) : triggerWords(first),
    from: before == null ? null : nameOf(chart, before),
    to: state,
    isIgnored: false,
    tried: edges.map((edge, index) => triedBefore(chart, edge, leaves[index] ?? null)),
  }
}

/** `accept → persisting (isSettled ✗, else ✓; somethingIsUnsaved ✓)`. */
export function explainedText({ trigger, from, to, isIgnored, tried }: Explained): string {
  const where = isIgnored ? `: ignored in ${to}` : from === to ? `: stays ${to}` : ` → ${to}`
  const guards = tried
    .filter((list) => list.length > 0)
    .map((list) => list.map(({ guard, holds }) => `${guard} ${holds ? '✓' : '✗'}`).join(', '))
  return `${trigger}${where}${guards.length === 0 ? '' : ` (${guards.join('; ')})`}`
}

/** The state itself and its ancestors, up to the machine. */
function pathUp(chart: Chart, id: string): readonly string[] {
  const state = chart.states.find((other) => other.id === id)
  return state === undefined ? [] : [id, ...(state.parent === null ? [] : pathUp(chart, state.parent))]
}

/** The id of the state of that name. */
export function idOf(chart: Chart, name: string): string {
  return chart.states.find((state) => state.name === name)?.id ?? `${chart.name}.${name}`
}

function nameOf(chart: Chart, id: string): string {
  return chart.states.find((state) => state.id === id)?.name ?? id
}

/** The type of an event, in the words of the charts. The type of a timer's event is `xstate.after.DELAY.STATE`. */
export function eventWords(event: string): string {
  return event.startsWith('xstate.after.') ? `after ${delayName(event)}` : event
}

/** The state after entering `id`: its innermost initial state. */
function entered(chart: Chart, id: string): string {
  const initial = chart.states.find((state) => state.id === id)?.initial ?? null
  return initial === null ? id : entered(chart, initial)
}

/** The innermost state before each edge, where it can be derived. */
function leavesBefore(chart: Chart, edges: readonly DrawnEdge[], after: string): readonly (string | null)[] {
  const leaves: (string | null)[] = [leafBefore(chart, edges, after)]
  for (const edge of edges.slice(0, -1)) {
    leaves.push(edge.to === null ? (leaves.at(-1) ?? null) : entered(chart, edge.to))
  }
  return leaves
}

function leafBefore(chart: Chart, edges: readonly DrawnEdge[], after: string): string | null {
  for (const { from, to } of edges) {
    if (entered(chart, from) === from) return from
    if (to !== null) return null
  }
  return after
}

function triedBefore(chart: Chart, edge: DrawnEdge, leaf: string | null): readonly Tried[] {
  const path = leaf === null ? [edge.from] : pathUp(chart, leaf)
  const asked = path
    .slice(0, path.indexOf(edge.from) + 1)
    .flatMap((from) =>
      chart.edges.filter(
        (other) =>
          other.from === from &&
          triggerWords(other) === triggerWords(edge) &&
          (from !== edge.from || other.index < edge.index),
      ),
    )
  const failedGuards = asked.flatMap(({ guard }) => (guard === null ? [] : [{ guard, holds: false }]))
  if (edge.guard !== null) return [...failedGuards, { guard: edge.guard, holds: true }]
  return failedGuards.length > 0 || isElse(edge) ? [...failedGuards, { guard: 'else', holds: true }] : []
}

/** The guards that were evaluated when no transition was taken. */
function failed(chart: Chart, leaf: string, event: string): readonly Tried[] {
  const asked = pathUp(chart, leaf).flatMap((from) =>
    chart.edges.filter((edge) => edge.from === from && triggerWords(edge) === eventWords(event)),
  )
  return asked.flatMap(({ guard }) => (guard === null ? [] : [{ guard, holds: false }]))
}
