import { useMemo, useRef } from 'preact/hooks'
import type { RoleName } from '../../../machines/inbox.ts'
import type { ServerPicture } from '../../../src/inspect/records/picture.ts'
import { chartTitles } from '../../charts/chart-text.ts'
import { charts } from '../../charts/charts.ts'
import type { LitStep } from '../../charts/lit.ts'
import { type PackedSize, packed } from '../../charts/packing.ts'
import type { Token } from '../../charts/tokens.ts'
import { useSize } from '../shell/use-size.ts'
import { cardRoom, smallestScale } from './card.ts'
import { ContextTree } from './context-tree.tsx'
import { Figure } from './figure.tsx'

interface OneServerProps {
  readonly server: ServerPicture
  readonly tokens: Readonly<Record<RoleName, readonly Token[]>>
  readonly lit: LitStep | null
}

const roles = charts.flatMap((chart) => (chart.name === 'client' ? [] : [{ chart, role: chart.name }]))
/** In a narrower card, in pixels, the context cannot be read. */
const leastCardWidth = 215
const scales = { smallest: smallestScale, largest: 1.2 }

/** One server: its seven roles, and the context of each. */
export function OneServer({ server, tokens, lit }: OneServerProps) {
  const ref = useRef<HTMLDivElement>(null)
  const size = useSize(ref)
  const packing = useMemo(() => {
    if (size === null) return null
    // Below the charts there must be room for the contexts.
    const panel = { width: size.width, height: size.height * 0.6 }
    return packed(
      roles.map(({ chart: { wide, tall } }) => ({ wide: withRoom(wide), tall: withRoom(tall) })),
      panel,
      cardRoom,
      scales,
    )
  }, [size])
  const own = (role: RoleName) => tokens[role].filter(({ key }) => key === String(server.node))
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it may scroll, and the keyboard must reach it
    <section class="charts-overview" ref={ref} tabIndex={0} aria-label={`Server ${server.node}`}>
      {server.roles === null && <p class="charts-gone">{absence(server)}</p>}
      {packing !== null && (
        <div class={`charts-packed is-${packing.direction}`}>
          {packing.lines.map((line) => (
            <div class="charts-packed-line" key={line[0]}>
              {line.map((index) => {
                const entry = roles[index]
                if (entry === undefined) return null
                const { chart, role } = entry
                return (
                  <figure class="charts-card has-context" key={role}>
                    <figcaption>{chartTitles[role]}</figcaption>
                    <Figure
                      chart={chart}
                      shape={packing.shapes[index] ?? 'wide'}
                      scale={packing.scale}
                      tokens={own(role)}
                      lit={lit?.byChart.get(role) ?? null}
                    />
                    {server.roles !== null && <ContextTree value={server.roles[role].context} />}
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

/** The size of a drawing, or of the context below it, if that is wider. */
function withRoom({ width, height }: PackedSize): PackedSize {
  return { width: Math.max(width, leastCardWidth), height }
}

function absence({ node, state, reason }: ServerPicture): string {
  if (state === 'silent') {
    return reason === null
      ? `Server ${node} has not reported yet.`
      : `No records from server ${node}: ${reason}.`
  }
  return `Server ${node} is gone${reason === null ? '' : `: ${reason}`}. Its roles are in no state.`
}
