/** A schedule of a search, with the deliveries that the reduction left out, so that it can be replayed without the reduction. */
import type { CheckedEvent } from './events.ts'
import type { Move } from './moves.ts'
import { addSends, type Parts, reduceNetworks } from './reduction.ts'
import { at, type Row, usedBits } from './rows.ts'

interface Stage {
  readonly event: CheckedEvent
  /** The datagram that the event delivers, -1 for other events. */
  readonly datagram: number
  readonly sends: readonly number[]
  /** The reduction left the event out: it only sends datagrams. */
  readonly isLeftOut: boolean
}

/** `events`, from `first` on, together with every omitted delivery that sends a datagram which is delivered later. */
export function eventsAlong(
  parts: Parts,
  first: Row,
  events: readonly CheckedEvent[],
): readonly CheckedEvent[] {
  const stages: Stage[] = []
  /** By the datagram that replaced it, a datagram that was really sent, and may still arrive. */
  const originals = new Map<number, number>()
  const row = first.slice()
  for (const [place, event] of events.entries()) {
    const move = moveOf(parts, row, event)
    stages.push(stageOf(parts, event, move, false))
    row[event.server] = move.next
    addSends(parts, row, move)
    // The last event may be the violation, so the state after it is not computed.
    if (place === events.length - 1) break
    row[parts.layout.known] = parts.knowledge.after(at(row, parts.layout.known), move.facts)
    row[parts.layout.used] = usedAfter(parts, row, move)
    reduceNetworks(parts, row, null, {
      delivered(datagram) {
        const { from, to, names, message } = parts.datagrams.valueOf(datagram)
        const leftOut = parts.moves.onDatagram(at(row, to), datagram)
        stages.push(stageOf(parts, { type: 'deliver', server: to, from, names, message }, leftOut, true))
      },
      faded(datagram, into) {
        if (!originals.has(into)) originals.set(into, datagram)
      },
    })
  }
  return needed(stages.map((stage) => asSent(parts, stage, originals))).map(({ event }) => event)
}

/** Delivers the datagram that was sent, not the one that replaced it. */
function asSent({ datagrams }: Parts, stage: Stage, originals: ReadonlyMap<number, number>): Stage {
  const datagram = originals.get(stage.datagram)
  if (datagram === undefined || stage.event.type !== 'deliver') return stage
  return { ...stage, datagram, event: { ...stage.event, message: datagrams.valueOf(datagram).message } }
}

function stageOf({ datagrams }: Parts, event: CheckedEvent, move: Move, isLeftOut: boolean): Stage {
  const datagram =
    event.type === 'deliver' ? datagrams.idOf(event.from, event.server, event.names, event.message) : -1
  return { event, datagram, sends: move.datagrams, isLeftOut }
}

/** Of the used bits, the reduction only reads the number of crashes. */
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
    case 'read':
      return moves.onRead(
        node,
        (bounds.reads ?? []).findIndex(({ client }) => client === event.client),
      )
    case 'timer':
    case 'sync':
    case 'crash':
    case 'start': {
      const wanted = JSON.stringify(event)
      const move = moves
        .ownMoves(node)
        .find((own) => JSON.stringify(moves.events.valueOf(own.event)) === wanted)
      if (move === undefined) throw new Error(`this event cannot happen here: ${wanted}`)
      return move
    }
  }
  event satisfies never
}

/** Keeps every event that was not left out, and every other event that sends a datagram which is delivered later. */
function needed(stages: readonly Stage[]): readonly Stage[] {
  const delivered = new Set<number>()
  const kept: Stage[] = []
  for (const stage of [...stages].reverse()) {
    if (stage.isLeftOut && !stage.sends.some((datagram) => delivered.has(datagram))) continue
    kept.push(stage)
    delivered.add(stage.datagram)
  }
  return kept.reverse()
}
