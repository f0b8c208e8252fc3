/** The guards that were evaluated before a transition was taken. */
import { clientMachine } from '../../machines/client.ts'
import { type ChartEdge, edgesOf, triggerText } from '../../src/core/chart-edges.ts'
import { roleMachines } from '../../src/core/roles.ts'
import type { RoleMove } from '../../src/inspect/records/record.ts'

/** An alternative that was evaluated. */
export interface Attempt {
  /** The id of the edge. */
  readonly edge: string
  /** `null`: it has no guard, and is taken when the guards before it are false. */
  readonly guard: string | null
  readonly held: boolean
}

const edges: readonly ChartEdge[] = [...Object.values(roleMachines), clientMachine].flatMap((machine) =>
  edgesOf(machine),
)
const byId = new Map(edges.map((edge) => [edge.id, edge]))

/** For each transition of a move: the alternatives before it, whose guards were false, and the transition itself. */
export function attemptsOf({ edges: taken }: Pick<RoleMove, 'edges'>): readonly Attempt[] {
  return taken.flatMap((id) => {
    const edge = byId.get(id)
    if (edge === undefined) return []
    const before = Array.from({ length: edge.index }, (_, index) =>
      byId.get(`${edge.from} ${triggerText(edge.trigger)}[${index}]`),
    ).flatMap((other) => (other === undefined ? [] : [{ edge: other.id, guard: other.guard, held: false }]))
    return [...before, { edge: edge.id, guard: edge.guard, held: true }]
  })
}
