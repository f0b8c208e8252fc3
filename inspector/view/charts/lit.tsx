import { useMemo } from 'preact/hooks'
import type { Drawing, Rectangle } from '../../charts/drawing.ts'
import type { LitChart } from '../../charts/lit.ts'
import { headPath, linePath } from '../../charts/paths.ts'
import { partyClass } from '../shell/party-class.ts'

/** The highlights over the chart: arrows, their labels, and the state after the step. */
export function Lit({ drawing, lit }: { readonly drawing: Drawing; readonly lit: LitChart | null }) {
  return useMemo(() => {
    if (lit === null) return null
    const isLit = ({ id }: { readonly id: string | null }) => id !== null && lit.edges.has(id)
    const arrows = drawing.arrows.filter(({ ids }) => ids.some((id) => lit.edges.has(id)))
    const labels = drawing.arrows.flatMap((arrow) => arrow.labels.filter(isLit))
    const rows = drawing.boxes.flatMap((box) => box.rows.filter(isLit))
    const state = drawing.boxes.find(({ id }) => id === lit.state)
    return (
      <g class={`chart-lit ${partyClass(lit.server)}`}>
        {state !== undefined && <Marked place={state} by={0} radius={7} kind="state" />}
        {[...labels, ...rows].map((text) => (
          <Marked key={text.id} place={text} by={3} radius={4} kind="text" />
        ))}
        {arrows.map(({ ids, points }) => (
          <g key={ids[0]}>
            <path class="chart-line" d={linePath(points)} />
            <path class="chart-head" d={headPath(points)} />
          </g>
        ))}
      </g>
    )
  }, [drawing, lit])
}

interface MarkedProps {
  readonly place: Rectangle
  /** How much wider than the marked element. */
  readonly by: number
  readonly radius: number
  readonly kind: 'state' | 'text'
}

function Marked({ place: { x, y, width, height }, by, radius, kind }: MarkedProps) {
  return (
    <rect class={`chart-lit-${kind}`} x={x - by} y={y} width={width + 2 * by} height={height} rx={radius} />
  )
}
