import { useMemo, useRef } from 'preact/hooks'
import { chartTitles } from '../../charts/chart-text.ts'
import { charts } from '../../charts/charts.ts'
import type { ChartName } from '../../charts/drawing.ts'
import type { LitStep } from '../../charts/lit.ts'
import { type PackedSize, packed } from '../../charts/packing.ts'
import type { Token } from '../../charts/tokens.ts'
import { useSize } from '../shell/use-size.ts'
import { cardRoom, smallestScale } from './card.ts'
import { Figure } from './figure.tsx'

interface OverviewProps {
  readonly tokens: Readonly<Record<ChartName, readonly Token[]>>
  readonly lit: LitStep | null
  readonly open: (chart: ChartName) => void
}

const scales = { smallest: smallestScale, largest: 1.5 }

/** All charts side by side. */
export function Overview({ tokens, lit, open }: OverviewProps) {
  const ref = useRef<HTMLDivElement>(null)
  const size = useSize(ref)
  const hasClients = tokens.client.length > 0
  const { shown, packing } = useMemo(() => arranged(size, hasClients), [size, hasClients])
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it may scroll, and the keyboard must reach it
    <section class="charts-overview" ref={ref} tabIndex={0} aria-label="All charts">
      {packing !== null && (
        <div class={`charts-packed is-${packing.direction}`}>
          {packing.lines.map((line) => (
            <div class="charts-packed-line" key={line[0]}>
              {line.map((index) => {
                const chart = shown[index]
                if (chart === undefined) return null
                const { name } = chart
                return (
                  <figure class="charts-card" key={name}>
                    <figcaption>
                      <button
                        type="button"
                        onClick={() => open(name)}
                        title={`Only the ${chartTitles[name].toLowerCase()}`}
                      >
                        {chartTitles[name]}
                      </button>
                    </figcaption>
                    <Figure
                      chart={chart}
                      shape={packing.shapes[index] ?? 'wide'}
                      scale={packing.scale}
                      tokens={tokens[name]}
                      lit={lit?.byChart.get(name) ?? null}
                    />
                  </figure>
                )
              })}
            </div>
          ))}
        </div>
      )}
    </section>
  )
}

/** The client's chart is left out when there is no room for all, until a client appears. */
function arranged(size: PackedSize | null, hasClients: boolean) {
  if (size === null) return { shown: charts, packing: null }
  const packing = packed(charts, size, cardRoom, scales)
  if (hasClients || packing.scale > scales.smallest) return { shown: charts, packing }
  const shown = charts.filter(({ name }) => name !== 'client')
  return { shown, packing: packed(shown, size, cardRoom, scales) }
}
