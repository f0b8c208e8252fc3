import { useMemo, useRef } from 'preact/hooks'
import { chartTitles } from '../../charts/chart-text.ts'
import { charts } from '../../charts/charts.ts'
import type { Chart, ChartName } from '../../charts/drawing.ts'
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
  const isFoldable = useMemo(() => charts.every((chart) => isUnoccupied(chart, tokens[chart.name])), [tokens])
  const { shown, packing } = useMemo(
    () =>
      arranged(size, {
        ...{ auditor: !isCompared, reader: !hasReads },
        ...{ timekeeper: !isTimeKept, client: !hasClients },
        folded: isFoldable,
      }),
    [size, isCompared, hasReads, isTimeKept, hasClients, isFoldable],
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

/** The charts with their seldom entered states as one box. */
const foldedCharts = charts.map((chart) => (chart.folded === null ? chart : { ...chart, ...chart.folded }))

/** True when no token is inside the state that can be folded. */
function isUnoccupied({ folded, states }: Chart, tokens: readonly Token[]): boolean {
  const inner = states.filter(({ id }) => folded !== null && id.startsWith(`${folded.state}.`))
  return tokens.every(({ state }) => inner.every(({ name }) => name !== state))
}

/** What can be left out: charts in which nothing can happen, and what is inside states that no server is in. */
type Quiet = Readonly<Record<'auditor' | 'reader' | 'timekeeper' | 'client' | 'folded', boolean>>

/**
 * The auditor's chart is left out until servers differ. When there is no room for all, these follow one after the other: the
 * reader's chart until there is a read, what is inside seldom entered states while no server is there, the timekeeper's chart until
 * there is a deadline, and the client's until a client appears.
 */
function arranged(size: PackedSize | null, isQuiet: Quiet) {
  if (size === null) return { shown: charts, packing: null }
  let shown = isQuiet.auditor ? charts.filter(({ name }) => name !== 'auditor') : charts
  let packing = packed(shown, size, cardRoom, scales)
  for (const quiet of ['reader', 'folded', 'timekeeper', 'client'] as const) {
    if (packing.scale > scales.smallest || !isQuiet[quiet]) continue
    shown =
      quiet === 'folded'
        ? foldedCharts.filter(({ name }) => shown.some((chart) => chart.name === name))
        : shown.filter(({ name }) => name !== quiet)
    packing = packed(shown, size, cardRoom, scales)
  }
  return { shown, packing }
}
