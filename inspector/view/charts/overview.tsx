import { useMemo, useRef } from 'preact/hooks'
import { charts } from '../../charts/charts.ts'
import type { ChartName } from '../../charts/drawing.ts'
import type { LitStep } from '../../charts/lit.ts'
import { packed } from '../../charts/packing.ts'
import type { Token } from '../../charts/tokens.ts'
import { chartTitles } from '../../charts/words.ts'
import { Figure } from './figure.tsx'
import { useSize } from './use-size.ts'

interface OverviewProps {
  readonly tokens: Readonly<Record<ChartName, readonly Token[]>>
  readonly lit: LitStep | null
  readonly open: (chart: ChartName) => void
}

/** What stands around each chart, as charts.css has it. */
const extra = { width: 2, height: 24, gap: 6 }
/** Smaller than this, the names of states could not be read: then the panel scrolls. */
const smallest = 11 / 12
const largest = 1.5

/** All charts beside each other. */
export function Overview({ tokens, lit, open }: OverviewProps) {
  const ref = useRef<HTMLDivElement>(null)
  const size = useSize(ref)
  const packing = useMemo(() => (size === null ? null : packed(charts, size, extra, largest)), [size])
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it may scroll, and the keyboard must reach it
    <section class="charts-overview" ref={ref} tabIndex={0} aria-label="All charts">
      {packing !== null && (
        <div class={`charts-packed is-${packing.direction}`}>
          {packing.lines.map((line) => (
            <div class="charts-packed-line" key={line[0]}>
              {line.map((index) => {
                const chart = charts[index]
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
                      scale={Math.max(smallest, packing.scale)}
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
