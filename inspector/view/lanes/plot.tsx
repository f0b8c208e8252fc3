/** The SVG of the lanes. */
import type { DotKind } from '../../model/lanes.ts'
import { partyClass } from '../shell/party-class.ts'
import { labelBox, type PlacedLabel } from './labels.ts'
import {
  arrowKey,
  axisHeight,
  gutter,
  movedBy,
  type Pointed,
  type Scene,
  type SceneArrow,
  type SceneLane,
} from './scene.ts'
import { ArrowShape, DenseArrows, DenseDots, DotShape } from './shapes.tsx'

/** Above this many dots they are small, and above `denseDots` only strokes. */
const smallDots = 110
const denseDots = 240

/** The dots that are drawn in full at any density. */
const outstanding: ReadonlySet<DotKind> = new Set(['gone', 'gap', 'cut', 'healed'])

/** The scene as SVG. The scene has decided what is visible, and where. */
export function LanePlot({
  scene,
  run,
  width,
  nameOf,
  current,
  pointed,
}: {
  readonly scene: Scene
  /** Moving parts are drawn this far to the right, and their group is moved back. */
  readonly run: number
  readonly width: number
  /** The event of a record, in words. */
  readonly nameOf: (at: number) => string
  readonly current: number | null
  readonly pointed: Pointed | null
}) {
  const { height, lanes, isDense } = scene
  const { arrows, dots, labels, ticks, cursorX } = movedBy(scene, run)
  const laterX = Math.max(run, cursorX)
  const isCrowded = dots.length > denseDots
  const shownDots = isCrowded
    ? dots.filter(({ dot, isLit }) => isLit || dot.at === current || outstanding.has(dot.what))
    : dots
  const shape = (drawn: SceneArrow) => (
    <ArrowShape
      key={drawn.arrow.id}
      drawn={drawn}
      isPointed={pointed?.type === 'arrow' && pointed.id === drawn.arrow.id}
    />
  )
  // A message in transit at the cursor reaches beyond it, and is not dimmed there.
  const isOnItsWay = ({ state, x1 }: SceneArrow) => state === 'flying' && x1 < cursorX
  const onTheirWay = new Set(arrows.filter(isOnItsWay).map(({ arrow }) => arrowKey(arrow.id)))
  return (
    // biome-ignore lint/a11y/noSvgWithoutTitle: it is named by the element around it; a title would be shown as a tip everywhere.
    <svg class="lane-svg" width={width} height={height}>
      <defs>
        <pattern
          id="lane-hatch"
          width="6"
          height="6"
          patternUnits="userSpaceOnUse"
          patternTransform="rotate(45)"
        >
          <path class="lane-hatch" d="M0 0V6" />
        </pattern>
        <clipPath id="lane-clip">
          <rect width={Math.max(0, width - gutter)} height={height} />
        </clipPath>
      </defs>
      <g clip-path="url(#lane-clip)" transform={`translate(${gutter} 0)`}>
        {lanes.map((lane) => (
          <LaneLine key={lane.key} lane={lane} />
        ))}
        <g transform={`translate(${-run} 0)`}>
          {ticks.map(({ x, text }) => (
            <g key={text + x} class="lane-tick">
              <path d={`M${x} ${axisHeight - 5}V${height}`} />
              <text x={x + 3} y={axisHeight - 8}>
                {text}
              </text>
            </g>
          ))}
          {dots
            .filter(({ dot }) => dot.what === 'gap')
            .map(({ dot, x, y }) => (
              <rect
                key={dot.at}
                class="lane-gap"
                x={x - 10}
                y={y - scene.laneHeight / 2 + 2}
                width={20}
                height={scene.laneHeight - 4}
                fill="url(#lane-hatch)"
              />
            ))}
          {dots
            .filter(({ dot }) => dot.what === 'cut' || dot.what === 'healed')
            .map(({ dot, x }) => (
              <path key={dot.at} class={`lane-links what-${dot.what}`} d={`M${x} ${axisHeight}V${height}`} />
            ))}
          {isDense ? (
            <DenseArrows arrows={arrows} />
          ) : (
            arrows.filter((drawn) => !isOnItsWay(drawn)).map(shape)
          )}
          {isCrowded && <DenseDots dots={dots} />}
          {shownDots.map((drawn) => (
            <DotShape
              key={drawn.dot.at}
              drawn={drawn}
              name={nameOf(drawn.dot.at)}
              isCurrent={drawn.dot.at === current}
              isSmall={dots.length > smallDots && drawn.dot.what !== 'gone'}
            />
          ))}
          <rect
            class="lane-later"
            x={laterX}
            y={axisHeight}
            width={Math.max(0, width - gutter - (laterX - run))}
            height={height - axisHeight}
          />
          {!isDense && arrows.filter(isOnItsWay).map(shape)}
          {labels.map((label) => (
            <LabelShape
              key={label.key}
              label={label}
              isLater={label.x > cursorX && !onTheirWay.has(label.key)}
            />
          ))}
          <path class="lane-cursor" d={`M${Math.round(cursorX)} ${axisHeight - 4}V${height}`} />
        </g>
      </g>
      {lanes.map(({ key, party, name, y, parts }) => (
        <g key={key} class={`lane-name ${partyClass(party)} is-${parts.at(-1)?.state ?? 'silent'}`}>
          <circle cx={10} cy={y} r={4.5} />
          <text x={20} y={y}>
            {name}
          </text>
        </g>
      ))}
    </svg>
  )
}

function LaneLine({ lane: { party, y, parts } }: { readonly lane: SceneLane }) {
  return (
    <g class={`lane-line ${partyClass(party)}`}>
      {parts.map(({ from, to, state }) => (
        <path key={`${from} ${state}`} class={`lane-part is-${state}`} d={`M${from} ${y}H${to}`} />
      ))}
    </g>
  )
}

function LabelShape({ label, isLater }: { readonly label: PlacedLabel; readonly isLater: boolean }) {
  const { left, right, top, bottom } = labelBox(label)
  return (
    <g class={`lane-label ${label.className}${isLater ? ' is-later' : ''}`}>
      <rect x={left} y={top} width={right - left} height={bottom - top} />
      <text x={label.x} y={label.y}>
        {label.text}
      </text>
    </g>
  )
}
