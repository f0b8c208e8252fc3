import { useRef, useState } from 'preact/hooks'
import type { NodeId } from '../../../machines/batch.ts'
import type { FaultRule } from '../../../src/inspect/records/control.ts'
import type { ServerPicture } from '../../../src/inspect/records/picture.ts'
import {
  cutsIn,
  cutsWithout,
  groupsOf,
  groupsText,
  groupsUnder,
  isCutBetween,
  mapSize,
  onMap,
  type Pair,
  type Point,
  type Positions,
  pairsApart,
  pairsOf,
  reach,
  restingPositions,
  serverRadius,
  withCuts,
} from '../../model/faults.ts'
import type { Act } from '../faults.tsx'
import { Kept, useKept } from '../kept.ts'
import { partyClass } from '../shell/party-class.ts'

interface Drag {
  readonly node: NodeId
  readonly pointer: number
  /** From the pointer to the server's centre. */
  readonly offset: Point
}

/** How far an arrow key moves a server. */
const keyStep = 20

/** The positions of all servers, after the first was moved. */
const keptPositions = new Kept<Positions>({})

const arrows: Readonly<Record<string, Point>> = {
  ArrowLeft: { x: -keyStep, y: 0 },
  ArrowRight: { x: keyStep, y: 0 },
  ArrowUp: { x: 0, y: -keyStep },
  ArrowDown: { x: 0, y: keyStep },
}

/** The servers on a map. Dragging servers apart cuts their links. */
export function NetworkMap({
  nodes,
  servers,
  rules,
  act,
}: {
  readonly nodes: readonly NodeId[]
  readonly servers: readonly ServerPicture[]
  readonly rules: readonly FaultRule[]
  readonly act: Act
}) {
  const moved = useKept(keptPositions)
  const [drag, setDrag] = useState<Drag | null>(null)
  const svg = useRef<SVGSVGElement>(null)
  const cuts = cutsIn(rules)
  const positions = { ...restingPositions(groupsUnder(nodes, cuts)), ...moved }
  // During a drag, shows the cuts that a release would make.
  const shownCuts = drag === null ? cuts : pairsApart(groupsOf(positions))
  const setCuts = (next: readonly Pair[]) => act({ type: 'rules', rules: withCuts(rules, next) })

  const settle = (at: Positions) => {
    const next = pairsApart(groupsOf(at))
    const isSame = next.length === cuts.length && next.every((pair) => isCutBetween(cuts, pair))
    if (!isSame) void setCuts(next)
  }
  const pointAt = ({ clientX, clientY }: PointerEvent): Point => {
    const matrix = svg.current?.getScreenCTM()
    if (!matrix) return { x: 0, y: 0 }
    return new DOMPoint(clientX, clientY).matrixTransform(matrix.inverse())
  }
  const take = (node: NodeId, event: PointerEvent) => {
    const { x, y } = pointAt(event)
    const at = positions[node] ?? { x, y }
    ;(event.currentTarget as Element).setPointerCapture(event.pointerId)
    setDrag({ node, pointer: event.pointerId, offset: { x: at.x - x, y: at.y - y } })
  }
  const carry = (event: PointerEvent) => {
    if (drag?.pointer !== event.pointerId) return
    const { x, y } = pointAt(event)
    keptPositions.set({ ...positions, [drag.node]: onMap({ x: x + drag.offset.x, y: y + drag.offset.y }) })
  }
  const letGo = (event: PointerEvent) => {
    if (drag?.pointer !== event.pointerId) return
    setDrag(null)
    settle(positions)
  }
  const push = (node: NodeId, event: KeyboardEvent) => {
    const by = arrows[event.key]
    const at = positions[node]
    const isToggle = event.key === 'Enter' || event.key === ' '
    if (at === undefined || (by === undefined && !isToggle)) return
    // Otherwise the page's own keys would step through time.
    event.preventDefault()
    event.stopPropagation()
    if (by === undefined) {
      keptPositions.set({})
      void setCuts(cutsWithout(node, nodes, cuts))
      return
    }
    const next = { ...positions, [node]: onMap({ x: at.x + by.x, y: at.y + by.y }) }
    keptPositions.set(next)
    settle(next)
  }
  const heal = () => {
    keptPositions.set({})
    void setCuts([])
  }
  const pairs = pairsOf(nodes)
  return (
    <section class="faults-part" aria-labelledby="faults-map-title">
      <div class="faults-head">
        <h3 id="faults-map-title">Network</h3>
        <span class="faults-groups" aria-live="polite">
          {groupsText(groupsUnder(nodes, shownCuts))}
        </span>
        <button type="button" onClick={heal} disabled={cuts.length === 0 && Object.keys(moved).length === 0}>
          Heal
        </button>
      </div>
      <p class="faults-hint">
        Drag servers apart to cut their links. Or focus a server and press Enter or the arrow keys.
      </p>
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset cannot be drawn in */}
      <svg
        ref={svg}
        class="faults-map"
        viewBox={`0 0 ${mapSize.width} ${mapSize.height}`}
        role="group"
        aria-label={`Network: ${groupsText(groupsUnder(nodes, cuts))}`}
      >
        {pairs.map((pair) => (
          <Link
            key={pair.join(' ')}
            from={positions[pair[0]]}
            to={positions[pair[1]]}
            isCut={isCutBetween(shownCuts, pair)}
          />
        ))}
        {servers.map(({ node, state }) => {
          const { x, y } = positions[node] ?? { x: 0, y: 0 }
          return (
            // biome-ignore lint/a11y/useSemanticElements: there is no button in SVG
            <g
              key={node}
              class={`faults-server ${partyClass(node)} is-${state}${drag?.node === node ? ' is-dragged' : ''}`}
              transform={`translate(${x} ${y})`}
              role="button"
              tabindex={0}
              aria-label={`server ${node}, ${state}: Enter cuts it off or heals it, arrow keys move it`}
              onPointerDown={(event) => take(node, event)}
              onPointerMove={carry}
              onPointerUp={letGo}
              onPointerCancel={letGo}
              onKeyDown={(event) => push(node, event)}
            >
              {drag?.node === node && <circle class="faults-reach" r={reach} />}
              <circle r={serverRadius} />
              <text dy="0.35em">{node}</text>
            </g>
          )
        })}
      </svg>
      <fieldset class="faults-links">
        <legend>Connected</legend>
        {pairs.map((pair) => {
          const isCut = isCutBetween(cuts, pair)
          const change = () =>
            void setCuts(isCut ? cuts.filter((other) => !isCutBetween([pair], other)) : [...cuts, pair])
          return (
            <label key={pair.join(' ')}>
              <input type="checkbox" checked={!isCut} onChange={change} />
              {pair[0]} – {pair[1]}
            </label>
          )
        })}
      </fieldset>
    </section>
  )
}

function Link({
  from,
  to,
  isCut,
}: {
  readonly from: Point | undefined
  readonly to: Point | undefined
  readonly isCut: boolean
}) {
  if (from === undefined || to === undefined) return null
  const [x, y] = [(from.x + to.x) / 2, (from.y + to.y) / 2]
  return (
    <g class={isCut ? 'faults-link is-cut' : 'faults-link'}>
      <line x1={from.x} y1={from.y} x2={to.x} y2={to.y} />
      {isCut && <path d={`M${x - 5} ${y - 5}l10 10m0 -10l-10 10`} />}
    </g>
  )
}
