import { useId, useMemo, useState } from 'preact/hooks'
import { chartTitles } from '../../charts/chart-text.ts'
import type { Chart, Drawing } from '../../charts/drawing.ts'
import { idOf } from '../../charts/explain.ts'
import type { LitChart } from '../../charts/lit.ts'
import { placedTokens, type Token } from '../../charts/tokens.ts'
import { Lit } from './lit.tsx'
import { Plate } from './plate.tsx'
import { Tip, type TipTarget } from './tip.tsx'
import { Tokens } from './token.tsx'

interface FigureProps {
  readonly chart: Chart
  readonly shape: 'wide' | 'tall' | 'full'
  readonly scale: number
  readonly tokens: readonly Token[]
  readonly lit: LitChart | null
}

/** A chart with its tokens and its highlights. A state under the pointer or with the focus shows its description. */
export function Figure({ chart, shape, scale, tokens, lit }: FigureProps) {
  const drawing: Drawing = chart[shape]
  const [target, setTarget] = useState<TipTarget | null>(null)
  const tipId = useId()
  const placed = useMemo(
    () => placedTokens(tokens, drawing, (name) => idOf(chart, name)),
    [tokens, drawing, chart],
  )
  const point = (event: Event) => setTarget(targetOf(event.target))
  return (
    <>
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset is no part of SVG */}
      <svg
        class={`chart is-${shape}`}
        role="group"
        aria-label={`The chart of the ${chartTitles[chart.name].toLowerCase()}: up and down go from state to state`}
        viewBox={`0 0 ${drawing.width} ${drawing.height}`}
        width={Math.round(drawing.width * scale)}
        height={Math.round(drawing.height * scale)}
        onPointerOver={point}
        onPointerLeave={() => setTarget(null)}
        onFocusIn={point}
        onFocusOut={() => setTarget(null)}
        onKeyDown={(event) => {
          if (event.key === 'Escape') setTarget(null)
          else if (event.key === 'ArrowDown') focusState(event, 1)
          else if (event.key === 'ArrowUp') focusState(event, -1)
        }}
      >
        <Plate chart={chart} drawing={drawing} />
        <Lit drawing={drawing} lit={lit} />
        <Tokens tokens={placed} />
      </svg>
      {target !== null && <Tip id={tipId} chart={chart} target={target} isFull={shape === 'full'} />}
    </>
  )
}

/** Moves the focus by this many states. The page uses the left and right keys to step through time. */
function focusState(event: KeyboardEvent, by: number): void {
  if (!(event.currentTarget instanceof Element)) return
  const states = [...event.currentTarget.querySelectorAll<SVGElement>('[data-state]')]
  const at = states.indexOf(document.activeElement as SVGElement)
  const next = states[at + by]
  event.preventDefault()
  next?.focus()
}

/** The state or arrow that an element belongs to. */
function targetOf(element: EventTarget | null): TipTarget | null {
  if (!(element instanceof Element)) return null
  const found = element.closest('[data-state], [data-edges]')
  if (found === null) return null
  const { left, top, bottom, width } = found.getBoundingClientRect()
  return {
    state: found.getAttribute('data-state'),
    edges: found.getAttribute('data-edges')?.split('|') ?? [],
    place: { left: left + width / 2, top, bottom },
  }
}
