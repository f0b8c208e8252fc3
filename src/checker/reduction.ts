/**
 * Which network stands for which: schedules that differ only in datagrams of which nothing can come meet in one state. All
 * rules keep everything that can happen to nodes, and everything that the invariants see; a test compares with a search that
 * does without.
 *
 * 1. What brings only datagrams is done at once. A datagram that would change neither its node nor what the invariants know,
 *    such as one that is denied, makes more datagrams fly and nothing less: whatever may come without that may come with it,
 *    since datagrams may be lost.
 * 2. A datagram that can do nothing any more is taken away (`isSpent`).
 * 3. News that are known already are one like the other, and become the shortest of them (`faded`).
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
  /** A request can come to wait for another. */
  readonly mayWait: boolean
  readonly layout: Layout
  readonly nodes: Nodes
  readonly datagrams: Datagrams
  readonly moves: Moves
  readonly networks: Networks
  readonly knowledge: KnowledgeTable
}

/** Is told what the reduction does, so that a way can be gone without it. */
export interface Watcher {
  /** A datagram is delivered by rule 1. */
  delivered(datagram: number): void
  /** A datagram becomes another by rule 3. */
  faded(datagram: number, into: number): void
}

/** The number of the network that stands for that of `row`. */
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

/** True when nothing can come of a datagram, now or later, but others of which nothing can come. */
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

/** Known news are still an answer for a learner that asks everybody, which it does only for a request that waits. */
function isSpentNews(parts: Parts, row: Row, known: Datagram): boolean {
  return !parts.mayWait && known.message.type === 'chosen' && isKnown(parts, row, known.to, known.message)
}

/** What only tells what its hearer knows says no more than who says it, and whether more is unsettled. */
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
 * An answer that does nothing now never does: ballots only grow, and within one a proposer goes from preparing to accepting
 * and never back, and counts nobody twice. Only a ballot that may be begun anew, after a crash that loses it, can be answered
 * again.
 */
function isSpentAnswer(parts: Parts, row: Row, datagram: number, { to, round }: Datagram): boolean {
  const node = at(row, to)
  const proposer = parts.nodes.valueOf(node)
  if (!isOver(parts, row, proposer, round)) return false
  return proposer.isDown || parts.moves.onDatagram(node, datagram).isIdle
}

/**
 * A prepare or an accept of a ballot that its proposer has left, to an acceptor that has promised that ballot or a higher
 * one: it is answered, and the answer is spent. What it tells beside, that instances below are chosen, is known here.
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
    // What a learner has heard is lost with it; what is durable is not.
    const { durable } = acceptor.knownBelow
    const isKnown = message.type === 'prepare' ? instance <= durable : instance < durable
    return isKnown && (acceptor.isDown || !isNews)
  }
  return !isNews && (message.type === 'prepare' || instance <= acceptor.knownBelow.now)
}

/** True when every ballot that the proposer begins from now on is above `round`. */
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
