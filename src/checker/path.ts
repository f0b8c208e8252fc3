/** A way through a search, with the deliveries that the reduction left unsaid: so that the way can be gone without it. */
import type { CheckedEvent } from './events.ts'
import type { Move } from './moves.ts'
import { type Parts, reducedNetwork } from './reduction.ts'
import { at, type Row, usedBits } from './rows.ts'

interface Stage {
  readonly event: CheckedEvent
  /** The datagram that it delivers, -1 when it is something else. */
  readonly datagram: number
  readonly says: readonly number[]
  /** It was left unsaid: it only makes datagrams fly. */
  readonly isUnsaid: boolean
}

/** `events`, from `first` on, and between them every unsaid delivery of which a datagram comes that is delivered later. */
export function eventsAlong(
  parts: Parts,
  first: Row,
  events: readonly CheckedEvent[],
): readonly CheckedEvent[] {
  const stages: Stage[] = []
  /** By what a datagram faded into: one that was said, and may arrive still. */
  const originals = new Map<number, number>()
  const row = first.slice()
  for (const [place, event] of events.entries()) {
    const move = moveOf(parts, row, event)
    stages.push(stageOf(parts, event, move, false))
    row[event.server] = move.next
    row[parts.layout.network] = parts.networks.after(at(row, parts.layout.network), move)
    // What broke something is the last, and nothing comes after it.
    if (place === events.length - 1) break
    row[parts.layout.known] = parts.knowledge.after(at(row, parts.layout.known), move.facts)
    row[parts.layout.used] = usedAfter(parts, row, move)
    row[parts.layout.network] = reducedNetwork(parts, row, {
      delivered(datagram) {
        const { from, to, names, message } = parts.datagrams.valueOf(datagram)
        const unsaid = parts.moves.onDatagram(at(row, to), datagram)
        stages.push(stageOf(parts, { type: 'deliver', server: to, from, names, message }, unsaid, true))
      },
      faded(datagram, into) {
        if (!originals.has(into)) originals.set(into, datagram)
      },
    })
  }
  return needed(stages.map((stage) => asSaid(parts, stage, originals))).map(({ event }) => event)
}

/** What is delivered is what was said, not what it faded into. */
function asSaid({ datagrams }: Parts, stage: Stage, originals: ReadonlyMap<number, number>): Stage {
  const datagram = originals.get(stage.datagram)
  if (datagram === undefined || stage.event.type !== 'deliver') return stage
  return { ...stage, datagram, event: { ...stage.event, message: datagrams.valueOf(datagram).message } }
}

function stageOf({ datagrams }: Parts, event: CheckedEvent, move: Move, isUnsaid: boolean): Stage {
  const datagram =
    event.type === 'deliver' ? datagrams.idOf(event.from, event.server, event.names, event.message) : -1
  return { event, datagram, says: move.datagrams, isUnsaid }
}

/** Only crashes decide what the reduction may take away. */
function usedAfter({ layout }: Parts, row: Row, { isCrash }: Move): number {
  return at(row, layout.used) + (isCrash ? usedBits.crash : 0)
}

function moveOf({ bounds, datagrams, moves }: Parts, row: Row, event: CheckedEvent): Move {
  const node = at(row, event.server)
  switch (event.type) {
    case 'deliver':
      return moves.onDatagram(node, datagrams.idOf(event.from, event.server, event.names, event.message))
    case 'request':
      return moves.onRequest(
        node,
        bounds.requests.findIndex(({ client, seq }) => client === event.client && seq === event.seq),
      )
    case 'timer':
    case 'sync':
    case 'crash':
    case 'start': {
      const wanted = JSON.stringify(event)
      const move = moves
        .ownMoves(node)
        .find((own) => JSON.stringify(moves.events.valueOf(own.event)) === wanted)
      if (move === undefined) throw new Error(`this cannot happen here: ${wanted}`)
      return move
    }
  }
  event satisfies never
}

/** Going back, what makes a datagram fly that is delivered later, and everything that was not left unsaid. */
function needed(stages: readonly Stage[]): readonly Stage[] {
  const delivered = new Set<number>()
  const kept: Stage[] = []
  for (const stage of [...stages].reverse()) {
    if (stage.isUnsaid && !stage.says.some((datagram) => delivered.has(datagram))) continue
    kept.push(stage)
    delivered.add(stage.datagram)
  }
  return kept.reverse()
}
