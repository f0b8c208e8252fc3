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
  const isTimeKept = tokens.timekeeper.some(({ state }) => state !== 'idle')
  const isCompared = tokens.auditor.some(({ state }) => state !== 'agreeing')
  const hasClients = tokens.client.length > 0
  const hasReads = tokens.reader.some(({ state }) => state !== 'idle')
  const { shown, packing } = useMemo(
    () =>
      arranged(size, {
        ...{ auditor: !isCompared, reader: !hasReads },
        ...{ timekeeper: !isTimeKept, client: !hasClients },
      }),
    [size, isCompared, hasReads, isTimeKept, hasClients],
  )
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

/**
 * Charts in which nothing can happen are left out: the auditor's until servers differ; and when there is no room for all, the reader's until
 * there is a read, the timekeeper's until there is a deadline, then the client's until a client appears.
 */
function arranged(
  size: PackedSize | null,
  isQuiet: Readonly<Record<'auditor' | 'reader' | 'timekeeper' | 'client', boolean>>,
) {
  if (size === null) return { shown: charts, packing: null }
  let shown = isQuiet.auditor ? charts.filter(({ name }) => name !== 'auditor') : charts
  let packing = packed(shown, size, cardRoom, scales)
  for (const quiet of ['reader', 'timekeeper', 'client'] as const) {
    if (packing.scale > scales.smallest || !isQuiet[quiet]) continue
    shown = shown.filter(({ name }) => name !== quiet)
    packing = packed(shown, size, cardRoom, scales)
  }
  return { shown, packing }
}
