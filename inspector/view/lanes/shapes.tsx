/** Dots and arrows: one named SVG element each, or combined elements when there are too many. */
import { memo } from 'preact/compat'
import type { Dot } from '../../model/lanes.ts'
import { partyClass } from '../shell/party-class.ts'
import { arrowText } from './arrow-text.ts'
import type { SceneArrow, SceneDot } from './scene.ts'

/** A message. */
export function ArrowShape({
  drawn,
  isPointed,
}: {
  readonly drawn: SceneArrow
  readonly isPointed: boolean
}) {
  const { arrow, state, isLit } = drawn
  const classes = ['arrow', `kind-${arrow.kind}`, `is-${state}`]
  if (arrow.isCopy) classes.push('is-copy')
  if (isLit) classes.push('is-lit')
  if (isPointed) classes.push('is-pointed')
  return (
    // biome-ignore lint/a11y/useSemanticElements: there is no <button> within an SVG.
    <g class={classes.join(' ')} role="button" aria-label={arrowText(arrow, state)} aria-pressed={isLit}>
      <path class="arrow-line" d={linePath(drawn)} />
      <path class="arrow-end" d={endPath(drawn)} />
    </g>
  )
}

/** Many messages: one element for all that look alike. */
export function DenseArrows({ arrows }: { readonly arrows: readonly SceneArrow[] }) {
  const paths = new Map<string, string[]>()
  for (const drawn of arrows) {
    const { arrow, state, isLit } = drawn
    if (state === 'own') continue
    const name = `arrow kind-${arrow.kind} is-${state}${isLit ? ' is-lit' : ''}`
    const path =
      state === 'lost' || state === 'unreceived' ? linePath(drawn) + endPath(drawn) : linePath(drawn)
    const before = paths.get(name)
    if (before === undefined) paths.set(name, [path])
    else before.push(path)
  }
  return (
    <>
      {[...paths].map(([name, parts]) => (
        <g key={name} class={name}>
          <path class="arrow-line" d={parts.join('')} />
        </g>
      ))}
    </>
  )
}

/** An event of a party. */
export function DotShape({
  drawn: { dot, x, y, isLit },
  name,
  isCurrent,
  isSmall,
}: {
  readonly drawn: SceneDot
  readonly name: string
  readonly isCurrent: boolean
  readonly isSmall: boolean
}) {
  const classes = ['dot', `what-${dot.what}`, partyClass(dot.party)]
  if (isLit) classes.push('is-lit')
  const size = isSmall && !isLit && !isCurrent ? ' scale(0.6)' : ''
  return (
    // biome-ignore lint/a11y/useSemanticElements: there is no <button> within an SVG.
    <g
      class={classes.join(' ')}
      id={dotId(dot.at)}
      transform={`translate(${round(x)} ${round(y)})${size}`}
      role="button"
      aria-label={name}
      aria-pressed={isLit}
    >
      {isLit && <circle class="dot-ring" r={9} />}
      {isCurrent && <circle class="dot-focus" r={12} />}
      <Mark dot={dot} />
    </g>
  )
}

/** The element id of a dot. */
export function dotId(at: number): string {
  return `lane-dot-${at}`
}

/** The shape of a dot. */
export const Mark = memo(({ dot }: { readonly dot: Pick<Dot, 'what' | 'executed' | 'isSynced'> }) => {
  const { what, executed, isSynced } = dot
  if (what === 'gone') return <path class="mark-cross" d="M-6 -6L6 6M-6 6L6 -6" />
  if (what === 'paused') return <path class="mark-cross" d="M-3 -6V6M3 -6V6" />
  if (what === 'cut') return <path class="mark-cross" d="M-4 -6V6M4 -6V6M-7 0H-4M4 0H7" />
  if (what === 'healed') return <path class="mark-cross" d="M-7 0H7M-4 -4V4M4 -4V4" />
  if (what === 'start' || what === 'resumed') return <path class="mark-hollow" d="M-4 -6L6 0L-4 6Z" />
  if (executed.length > 0) return <path class="mark" d="M-5 -5H5V5H-5Z" />
  if (isSynced) return <path class="mark" d="M0 -6L6 0L0 6L-6 0Z" />
  if (what === 'timer')
    return <path class="mark-hollow" d="M0 -4.5A4.5 4.5 0 1 1 -0.1 -4.5ZM0 -2.5V0L2 1.5" />
  return <circle class="mark" r={what === 'tell' ? 2.5 : 4} />
})

/** Many dots: a stroke each. */
export function DenseDots({ dots }: { readonly dots: readonly SceneDot[] }) {
  const paths = new Map<string, string[]>()
  for (const { dot, x, y } of dots) {
    const name = `dot ${partyClass(dot.party)}`
    const stroke = `M${round(x)} ${round(y - 4)}v8`
    const before = paths.get(name)
    if (before === undefined) paths.set(name, [stroke])
    else before.push(stroke)
  }
  return (
    <>
      {[...paths].map(([name, parts]) => (
        <g key={name} class={name}>
          <path class="mark-stroke" d={parts.join('')} />
        </g>
      ))}
    </>
  )
}

function linePath({ arrow, x1, y1, x2, y2, bend }: SceneArrow): string {
  if (arrow.kind === 'own') {
    return `M${round(x1 - 3)} ${round(y1 - 5)}a5 5 0 1 1 6 0`
  }
  const towards = bend === 0 ? 'L' : `Q${round((x1 + x2) / 2 - bend)} ${round((y1 + y2) / 2)} `
  return `M${round(x1)} ${round(y1)}${towards}${round(x2)} ${round(y2)}`
}

/** An arrowhead; a cross for a lost message; a bar for a message in transit. */
function endPath({ arrow, state, x1, y1, x2, y2, bend }: SceneArrow): string {
  if (arrow.kind === 'own' || state === 'flying') return ''
  const at = (dx: number, dy: number) => `${round(x2 + dx)} ${round(y2 + dy)}`
  if (state === 'lost' || state === 'unreceived') {
    return `M${at(-5, -5)}L${at(5, 5)}M${at(-5, 5)}L${at(5, -5)}`
  }
  if (state === 'unknown') return ''
  const [dx, dy] = [x2 - x1 + 2 * bend, y2 - y1]
  const length = Math.hypot(dx, dy) || 1
  const [ux, uy] = [dx / length, dy / length]
  const side = (turn: number) => at(-7 * ux + turn * 3.5 * uy, -7 * uy - turn * 3.5 * ux)
  return `M${at(0, 0)}L${side(1)}L${side(-1)}Z`
}

function round(pixels: number): number {
  return Math.round(pixels * 10) / 10
}
