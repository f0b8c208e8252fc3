/**
 * The reduction of networks: schedules that differ only in datagrams without effect reach one state. All rules preserve every event at
 * the nodes and every fact that the invariants see. A test compares the result with a search without reduction.
 *
 * 1. A datagram that only causes more datagrams is delivered at once. Such a datagram, for example one that is denied, changes neither
 *    its node nor the knowledge of the invariants. Its delivery only adds datagrams. Datagrams may be lost, so every schedule that is
 *    possible without the delivery remains possible.
 * 2. A datagram that can have no effect any more is removed.
 * 3. All news that the receiver already knows are equivalent, and are replaced by the shortest.
 *
 * `fates.ts` computes which of the rules applies to a datagram.
 */
import type { Bounds } from './bounds.ts'
import type { Datagrams } from './datagrams.ts'
import type { Fates } from './fates.ts'
import type { KnowledgeTable } from './knowledge.ts'
import type { Move, Moves } from './moves.ts'
import type { Networks } from './networks.ts'
import type { Nodes } from './nodes.ts'
import { at, crashesIn, type Layout, type Row } from './rows.ts'

export interface Parts {
  readonly bounds: Bounds
  readonly layout: Layout
  readonly nodes: Nodes
  readonly datagrams: Datagrams
  readonly moves: Moves
  readonly networks: Networks
  readonly knowledge: KnowledgeTable
  readonly fates: Fates
}

/** Observes the reduction, so that a schedule can be replayed without it. */
export interface Watcher {
  /** Rule 1 delivers a datagram. */
  delivered(datagram: number): void
  /** Rule 3 replaces a datagram. */
  faded(datagram: number, into: number): void
}

/** Adds the datagrams that `move` sends to the networks of `row`. */
export function addSends({ networks, layout }: Parts, row: Row, { sends }: Move): void {
  for (const { to, set } of sends) {
    const place = layout.networks + to
    row[place] = networks.union(at(row, place), set)
  }
}

/** Reduces the networks of `row`. */
export function reduceNetworks(parts: Parts, row: Row, watcher?: Watcher): void {
  const { bounds, networks, fates, layout } = parts
  const crashesLeft = crashesIn(at(row, layout.used)) < bounds.crashes
  while (addWhatFollows(parts, row, crashesLeft, watcher)) {}
  for (let server = 0; server < layout.servers; server += 1) {
    const place = layout.networks + server
    const before = at(row, place)
    if (before === 0) continue
    const { set, asks } = fates.settled(before, at(row, server), crashesLeft)
    let left = set
    for (const { datagram, from, round } of asks) {
      if (fates.hasLeft(at(row, from), round, crashesLeft)) left = networks.without(left, datagram)
    }
    row[place] = left
    if (watcher !== undefined) notifyOfFaded(parts, before, at(row, server), crashesLeft, watcher)
  }
}

/**
 * Delivers each datagram to which rule 1 applies, unless rule 2 would remove all that it adds. Returns true when that added datagrams:
 * the rule may apply to them, too.
 */
function addWhatFollows(parts: Parts, row: Row, crashesLeft: boolean, watcher?: Watcher): boolean {
  const { fates, networks, knowledge, layout } = parts
  const known = at(row, layout.known)
  let isChanged = false
  for (let server = 0; server < layout.servers; server += 1) {
    const set = at(row, layout.networks + server)
    if (set === 0) continue
    for (const { datagram, move } of fates.echoes(set, at(row, server))) {
      const isNew = move.sends.some(({ to, set }) => {
        const flying = at(row, layout.networks + to)
        return !fates.isInVain(set, at(row, to), crashesLeft) && networks.union(flying, set) !== flying
      })
      if (!isNew || knowledge.after(known, move.facts) !== known) continue
      addSends(parts, row, move)
      isChanged = true
      watcher?.delivered(datagram)
    }
  }
  return isChanged
}

function notifyOfFaded(
  { networks, fates }: Parts,
  set: number,
  node: number,
  crashesLeft: boolean,
  watcher: Watcher,
): void {
  for (const datagram of networks.datagramsOf(set)) {
    const kept = fates.of(node, datagram, crashesLeft)
    if (kept >= 0 && kept !== datagram) watcher.faded(datagram, kept)
  }
}
