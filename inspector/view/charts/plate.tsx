import { useMemo } from 'preact/hooks'
import type { Chart, Drawing, DrawnArrow, DrawnBox, DrawnLine, DrawnText } from '../../charts/drawing.ts'
import { headPath, linePath } from '../../charts/paths.ts'

interface PlateProps {
  readonly chart: Chart
  readonly drawing: Drawing
}

/** The parts of a chart that never change: boxes, arrows and texts. They are drawn once. */
export function Plate({ chart, drawing }: PlateProps) {
  const [first] = drawing.boxes
  return useMemo(
    () => (
      <g>
        {drawing.boxes.map((box) => (
          <Box key={box.id} box={box} label={labelOf(chart, box)} isFirst={box === first} />
        ))}
        {drawing.starts.map(({ dot, points }) => (
          <g key={linePath(points)} class="chart-start">
            <circle cx={dot[0]} cy={dot[1]} r={5} />
            <path class="chart-line" d={linePath(points)} />
            <path class="chart-head" d={headPath(points)} />
          </g>
        ))}
        {drawing.arrows.map((arrow) => (
          <Arrow key={arrow.ids[0]} arrow={arrow} />
        ))}
      </g>
    ),
    [chart, drawing, first],
  )
}

/** The name of a state's box for screen readers. */
function labelOf(chart: Chart, box: DrawnBox): string {
  const state = chart.states.find(({ id }) => id === box.id)
  if (state === undefined || box.kind === 'any') return 'in any state'
  const texts = [state.name, state.description, state.paper ?? ''].filter((text) => text !== '')
  return texts.map((text) => text.replace(/\.$/, '')).join('. ')
}

interface BoxProps {
  readonly box: DrawnBox
  readonly label: string
  /** Tab reaches this one; the arrow keys reach the others. */
  readonly isFirst: boolean
}

function Box({ box, label, isFirst }: BoxProps) {
  const { id, x, y, width, height, kind, title, rows } = box
  const [top] = rows
  return (
    // In lower case: preact writes SVG attributes as they are given.
    // biome-ignore lint/a11y/noInteractiveElementToNoninteractiveRole: the keyboard reaches it to show its description
    <g
      class={`chart-box is-${kind}`}
      data-state={id}
      tabindex={isFirst ? 0 : -1}
      role="img"
      aria-label={label}
    >
      <rect x={x} y={y} width={width} height={height} rx={7} />
      <Line line={title} />
      {top !== undefined && kind !== 'any' && (
        <path class="chart-rule" d={`M${x} ${top.y - 3}H${x + width}`} />
      )}
      {rows.map((row) => (
        <Text key={row.id ?? row.y} text={row} />
      ))}
    </g>
  )
}

function Arrow({ arrow }: { readonly arrow: DrawnArrow }) {
  const path = linePath(arrow.points)
  return (
    <g class="chart-arrow" data-edges={arrow.ids.join('|')}>
      <path class="chart-reach" d={path} />
      <path class="chart-line" d={path} />
      <path class="chart-head" d={headPath(arrow.points)} />
      {arrow.labels.map((label) => (
        <Text key={label.id} text={label} />
      ))}
    </g>
  )
}

function Text({ text }: { readonly text: DrawnText }) {
  return (
    <>
      {text.lines.map((line) => (
        <Line key={line.y} line={line} />
      ))}
    </>
  )
}

/** Spans are separated by the width of a space, which the layout reserves. */
function Line({ line: { x, y, spans } }: { readonly line: DrawnLine }) {
  return (
    <text x={x} y={y}>
      {spans.map(({ kind, text }, index) => (
        <tspan key={kind} class={`chart-${kind}`} dx={index === 0 ? undefined : 4}>
          {text}
        </tspan>
      ))}
    </text>
  )
}
