import { edgeWords } from '../../charts/chart-text.ts'
import type { Chart, ChartState } from '../../charts/drawing.ts'

export interface TipTarget {
  /** The id of the described state; `null` for an arrow. */
  readonly state: string | null
  readonly edges: readonly string[]
  /** In the window, in pixels. */
  readonly place: { readonly left: number; readonly top: number; readonly bottom: number }
}

interface TipProps {
  readonly id: string
  readonly chart: Chart
  readonly target: TipTarget
  /** The chart itself shows the transitions. */
  readonly isFull: boolean
}

const width = 340

/** The purpose of a state and the source of its rule; in an overview also its events, or the transitions of an arrow. */
export function Tip({ id, chart, target: { state: stateId, edges: ids, place }, isFull }: TipProps) {
  const state = chart.states.find((other) => other.id === stateId)
  const edges = chart.edges.filter((edge) =>
    state === undefined ? ids.includes(edge.id) : !isFull && edge.from === state.id,
  )
  const left = Math.min(Math.max(8, place.left - width / 2), window.innerWidth - width - 8)
  const isAbove = place.bottom > window.innerHeight * 0.6
  const vertical = isAbove
    ? { bottom: `${window.innerHeight - place.top + 6}px` }
    : { top: `${place.bottom + 6}px` }
  return (
    <div class="chart-tip" role="tooltip" id={id} style={{ left: `${left}px`, ...vertical }}>
      {state !== undefined && <About state={state} />}
      {edges.length > 0 && (
        <ul>
          {edges.map((edge) => (
            <li key={edge.id}>
              {edgeWords(edge)}
              {edge.to !== null && edge.to !== edge.from && ` → ${shortName(chart, edge.to)}`}
            </li>
          ))}
        </ul>
      )}
    </div>
  )
}

function About({ state }: { readonly state: ChartState }) {
  return (
    <>
      <strong>{state.name || 'in any state'}</strong>
      {state.description !== '' && <p>{state.description}</p>}
      {state.paper !== null && <p class="chart-paper">{state.paper}</p>}
    </>
  )
}

function shortName(chart: Chart, id: string): string {
  return chart.states.find((state) => state.id === id)?.name ?? id
}
