/**
 * The reduction of networks: schedules that differ only in datagrams without effect reach one state. All rules preserve every event at
 * the nodes and every fact that the invariants see. A test compares the result with a search without reduction.
 *
 * 1. A datagram that only causes more datagrams is delivered at once. Such a datagram, for example one that is denied, changes neither
 *    its node nor the knowledge of the invariants. Its delivery only adds datagrams. Datagrams may be lost, so every schedule that is
 *    possible without the delivery remains possible.
 * 2. A datagram that can have no effect any more is removed (`isSpent`).
 * 3. All news that the receiver already knows are equivalent, and are replaced by the shortest (`faded`).
 */
import { compareBallots } from '../../machines/ballot.ts'
import type { Chosen } from '../../machines/messages.ts'
import type { Bounds } from './bounds.ts'
import type { Datagram, Datagrams } from './datagrams.ts'
import type { KnowledgeTable } from './knowledge.ts'
import type { Moves } from './moves.ts'
import type { Networks } from './networks.ts'
import type { KnownNode, Nodes } from './nodes.ts'
import { at, crashesIn, type Layout, type Row } from './rows.ts'

export interface Parts {
  readonly bounds: Bounds
  /** A request may have to wait for another. */
  readonly mayWait: boolean
  readonly layout: Layout
  readonly nodes: Nodes
  readonly datagrams: Datagrams
  readonly moves: Moves
  readonly networks: Networks
  readonly knowledge: KnowledgeTable
}

/** Observes the reduction, so that a schedule can be replayed without it. */
export interface Watcher {
  /** Rule 1 delivers a datagram. */
  delivered(datagram: number): void
  /** Rule 3 replaces a datagram. */
  faded(datagram: number, into: number): void
}

/** The number of the reduced network of `row`. */
export function reducedNetwork(parts: Parts, row: Row, watcher?: Watcher): number {
  const { networks, layout } = parts
  const flying = networks.datagrams(at(row, layout.network))
  const all = withWhatFollows(parts, row, flying, watcher)
  const left: number[] = []
  let isChanged = all !== flying
  for (const datagram of all) {
    if (isSpent(parts, row, datagram)) {
      isChanged = true
      continue
    }
    const kept = faded(parts, row, datagram)
    if (kept !== datagram) {
      isChanged = true
      watcher?.faded(datagram, kept)
      if (all.includes(kept) || left.includes(kept)) continue
    }
    left.push(kept)
  }
  return isChanged ? networks.idOf(left.sort((a, b) => a - b)) : at(row, layout.network)
}

function withWhatFollows(
  { datagrams, nodes, moves, knowledge, layout }: Parts,
  row: Row,
  flying: readonly number[],
  watcher?: Watcher,
): readonly number[] {
  const known = at(row, layout.known)
  let all = flying
  for (let place = 0; place < all.length; place += 1) {
    const datagram = all[place] ?? 0
    const node = at(row, datagrams.valueOf(datagram).to)
    if (nodes.valueOf(node).isDown) continue
    const move = moves.onDatagram(node, datagram)
    if (move.datagramsId === 0 || move.next !== node || move.answers !== 0) continue
    const more = move.datagrams.filter((other) => !all.includes(other))
    if (more.length === 0 || knowledge.after(known, move.facts) !== known) continue
    all = [...all, ...more]
    watcher?.delivered(datagram)
  }
  return all
}

/** True when a datagram can have no effect, now or later, except for further datagrams without effect. */
function isSpent(parts: Parts, row: Row, datagram: number): boolean {
  const known = parts.datagrams.valueOf(datagram)
  switch (known.kind) {
    case 'answer':
      return isSpentAnswer(parts, row, datagram, known)
    case 'ask':
      return isSpentAsk(parts, row, datagram, known)
    case 'news':
      return isSpentNews(parts, row, known)
  }
  known.kind satisfies never
}

/** Known news are still an answer for a learner that asks all servers. A learner does that only while a request waits. */
function isSpentNews(parts: Parts, row: Row, known: Datagram): boolean {
  return !parts.mayWait && known.message.type === 'chosen' && isKnown(parts, row, known.to, known.message)
}

/** A `chosen` that the receiver already knows carries no more than its sender and `unsettled`. */
function faded(parts: Parts, row: Row, datagram: number): number {
  const { from, to, names, message } = parts.datagrams.valueOf(datagram)
  if (message.type !== 'chosen' || !isKnown(parts, row, to, message)) return datagram
  const { unsettled } = message
  const known = { type: 'chosen', from: 0, batches: [], firstUnchosen: 0, unsettled } as const
  return parts.datagrams.idOf(from, to, names, known)
}

function isKnown(parts: Parts, row: Row, to: number, { from, batches, firstUnchosen }: Chosen): boolean {
  const { knownBelow, isDown } = parts.nodes.valueOf(at(row, to))
  const below = isDown || mayCrash(parts, row, to) ? knownBelow.durable : knownBelow.now
  return Math.max(from + batches.length, firstUnchosen) <= below
}

/**
 * An answer without effect now never has one later: ballots only grow, and within a ballot a proposer goes from preparing to accepting,
 * never back, and counts no acceptor twice. The exception is a ballot that the proposer may start again after a crash that loses it.
 */
function isSpentAnswer(parts: Parts, row: Row, datagram: number, { to, round }: Datagram): boolean {
  const node = at(row, to)
  const proposer = parts.nodes.valueOf(node)
  if (!isOver(parts, row, proposer, round)) return false
  return proposer.isDown || parts.moves.onDatagram(node, datagram).isIdle
}

/**
 * A prepare or an accept of a ballot that its proposer has left, to an acceptor that has promised that ballot or a higher one. The
 * acceptor answers it, but the answer has no effect. The message also implies that lower instances are chosen; the acceptor must
 * already know that.
 */
function isSpentAsk(
  parts: Parts,
  row: Row,
  datagram: number,
  { from, to, round, instance, message }: Datagram,
): boolean {
  if (message.type !== 'prepare' && message.type !== 'accept') return false
  const proposer = parts.nodes.valueOf(at(row, from))
  if (proposer.activeRound === round || !isOver(parts, row, proposer, round)) return false
  const node = at(row, to)
  const acceptor = parts.nodes.valueOf(node)
  if (compareBallots(acceptor.promised, message.ballot) < 0) return false
  const isNews = acceptor.isDown || parts.moves.onDatagram(node, datagram).next !== node
  if (acceptor.isDown || mayCrash(parts, row, to)) {
    // A crash loses the volatile knowledge of the learner, but not the durable part.
    const { durable } = acceptor.knownBelow
    const isKnown = message.type === 'prepare' ? instance <= durable : instance < durable
    return isKnown && (acceptor.isDown || !isNews)
  }
  return !isNews && (message.type === 'prepare' || instance <= acceptor.knownBelow.now)
}

/** True when every ballot that the proposer starts from now on is above `round`. */
function isOver(
  parts: Parts,
  row: Row,
  { server, isDown, promised, usedRound }: KnownNode,
  round: number,
): boolean {
  const above = isDown || mayCrash(parts, row, server) ? (promised?.round ?? 0) : usedRound
  return round <= above
}

function mayCrash({ bounds, layout }: Parts, row: Row, server: number): boolean {
  return crashesIn(at(row, layout.used)) < bounds.crashes && bounds.crashing.includes(server)
}
