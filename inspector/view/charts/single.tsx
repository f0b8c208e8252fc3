import { useEffect, useRef, useState } from 'preact/hooks'
import { chartTitles } from '../../charts/chart-text.ts'
import type { Chart, DrawnBox } from '../../charts/drawing.ts'
import type { LitChart } from '../../charts/lit.ts'
import type { Token } from '../../charts/tokens.ts'
import { useSize } from '../shell/use-size.ts'
import { Figure } from './figure.tsx'

interface SingleProps {
  readonly chart: Chart
  readonly tokens: readonly Token[]
  readonly lit: LitChart | null
  /** Steps advance automatically: then the chart does not scroll to them. */
  readonly isMoving: boolean
}

/** At a smaller scale the text cannot be read. */
const legible = 11 / 12
const [smallest, largest] = [0.25, 3]
const step = 1.2

/** One chart with all its texts, with zoom and scrolling. */
export function Single({ chart, tokens, lit, isMoving }: SingleProps) {
  const ref = useRef<HTMLDivElement>(null)
  const size = useSize(ref)
  /** `auto`: as large as the panel allows, but legible; `fit`: the whole chart in the panel. */
  const [zoom, setZoom] = useState<'auto' | 'fit' | number>('auto')
  const { width, height } = chart.full
  const fit = size === null ? 1 : Math.min(size.width / width, size.height / height, 1.6)
  const scale = zoom === 'auto' ? Math.max(fit, legible) : zoom === 'fit' ? fit : zoom
  const zoomTo = (wanted: number) => setZoom(Math.min(largest, Math.max(smallest, wanted)))
  const latest = useRef({ scale, zoomTo })
  latest.current = { scale, zoomTo }

  useEffect(() => {
    const element = ref.current
    if (element === null) return
    const turned = (event: WheelEvent) => {
      if (!event.ctrlKey && !event.metaKey) return
      event.preventDefault()
      latest.current.zoomTo(latest.current.scale * step ** -Math.sign(event.deltaY))
    }
    // Not passive, so that it can prevent the page's own zoom. preact's listener would be passive in some browsers.
    element.addEventListener('wheel', turned, { passive: false })
    return () => element.removeEventListener('wheel', turned)
  }, [])

  useEffect(() => {
    const box = lit === null || isMoving ? undefined : chart.full.boxes.find(({ id }) => id === lit.state)
    if (ref.current !== null && box !== undefined) showBox(ref.current, box)
  }, [lit, isMoving, chart])

  return (
    <div class="charts-single">
      <div class="charts-zoom" role="toolbar" aria-label="Zoom">
        <button type="button" aria-label="Smaller" onClick={() => zoomTo(scale / step)}>
          −
        </button>
        <output aria-live="off">{Math.round(scale * 100)} %</output>
        <button type="button" aria-label="Larger" onClick={() => zoomTo(scale * step)}>
          +
        </button>
        <button type="button" aria-pressed={zoom === 'fit'} onClick={() => setZoom('fit')}>
          Whole
        </button>
        <button type="button" aria-pressed={zoom === 'auto'} onClick={() => setZoom('auto')}>
          Legible
        </button>
      </div>
      <section
        class="charts-scroll"
        ref={ref}
        aria-label={`${chartTitles[chart.name]}, in full`}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and the keyboard must reach it
        tabIndex={0}
        onKeyDown={(event) => {
          if (event.ctrlKey || event.metaKey || event.altKey) return
          if (event.key === '+' || event.key === '=') zoomTo(scale * step)
          else if (event.key === '-') zoomTo(scale / step)
          else if (event.key === '0') setZoom('auto')
          else return
          event.preventDefault()
        }}
      >
        <Figure chart={chart} shape="full" scale={scale} tokens={tokens} lit={lit} />
      </section>
    </div>
  )
}

/** Scrolls a box of the chart to the middle, unless it is completely visible. */
function showBox(panel: HTMLElement, { id }: DrawnBox): void {
  const box = panel.querySelector(`[data-state="${CSS.escape(id)}"] > rect`)
  if (box === null) return
  const [place, frame] = [box.getBoundingClientRect(), panel.getBoundingClientRect()]
  const isSeen =
    place.left >= frame.left &&
    place.right <= frame.right &&
    place.top >= frame.top &&
    place.bottom <= frame.bottom
  if (isSeen) return
  panel.scrollBy(
    (place.left + place.right - frame.left - frame.right) / 2,
    (place.top + place.bottom - frame.top - frame.bottom) / 2,
  )
}
