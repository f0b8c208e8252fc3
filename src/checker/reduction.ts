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

/**
 * Reduces the networks of `row`. `before` is the state before the last event, whose networks are reduced: the result of the rules for
 * servers that did not change since is known. With `null`, the rules apply to all servers.
 */
export function reduceNetworks(parts: Parts, row: Row, before: Row | null, watcher?: Watcher): void {
  const { bounds, networks, fates, layout } = parts
  const crashesLeft = crashesIn(at(row, layout.used)) < bounds.crashes
  let changed = before === null ? everyServer : changedServers(parts, row, before)
  if (changed === 0) return
  const moved = changed
  for (;;) {
    const added = addWhatFollows(parts, row, changed, crashesLeft, watcher)
    if (added === 0) break
    changed |= added
  }
  for (let server = 0; server < layout.servers; server += 1) {
    const place = layout.networks + server
    const set = at(row, place)
    if (set === 0) continue
    const isChanged = (changed & (1 << server)) !== 0
    const settled = fates.settled(set, at(row, server), crashesLeft)
    let left = isChanged ? settled.set : set
    for (const { datagram, from, round } of settled.asks) {
      if (!isChanged && (moved & (1 << from)) === 0) continue
      if (fates.hasLeft(at(row, from), round, crashesLeft)) left = networks.without(left, datagram)
    }
    row[place] = left
    if (watcher !== undefined) notifyOfFaded(parts, set, at(row, server), crashesLeft, watcher)
  }
}

/** A bit for each server. */
const everyServer = -1

/** A bit for each server whose state or network differs, or for every server when the rules depend on something else that differs. */
function changedServers({ layout }: Parts, row: Row, before: Row): number {
  if (at(row, layout.known) !== at(before, layout.known)) return everyServer
  if (crashesIn(at(row, layout.used)) !== crashesIn(at(before, layout.used))) return everyServer
  let changed = 0
  for (let server = 0; server < layout.servers; server += 1) {
    const place = layout.networks + server
    const isSame = row[server] === before[server] && row[place] === before[place]
    if (!isSame) changed |= 1 << server
  }
  return changed
}

/**
 * Delivers each datagram to which rule 1 applies, unless rule 2 would remove all that it adds. Only looks at datagrams to servers that
 * are `changed`, and at those that add to their networks. Returns the servers to whose networks it added: the rule may apply again.
 */
function addWhatFollows(
  parts: Parts,
  row: Row,
  changed: number,
  crashesLeft: boolean,
  watcher?: Watcher,
): number {
  const { fates, knowledge, layout } = parts
  const known = at(row, layout.known)
  let added = 0
  for (let server = 0; server < layout.servers; server += 1) {
    const set = at(row, layout.networks + server)
    if (set === 0) continue
    const concerned = (changed & (1 << server)) !== 0 ? everyServer : changed
    for (const { datagram, move } of fates.echoes(set, at(row, server))) {
      if (!hasNews(parts, row, move, concerned, crashesLeft)) continue
      if (knowledge.after(known, move.facts) !== known) continue
      addSends(parts, row, move)
      for (const { to } of move.sends) added |= 1 << to
      watcher?.delivered(datagram)
    }
  }
  return added
}

/** True when `move` adds a datagram to the network of one of the `concerned` servers, and rule 2 would not remove it. */
function hasNews(
  { fates, networks, layout }: Parts,
  row: Row,
  { sends }: Move,
  concerned: number,
  crashesLeft: boolean,
): boolean {
  for (const { to, set } of sends) {
    if ((concerned & (1 << to)) === 0) continue
    const flying = at(row, layout.networks + to)
    if (fates.isInVain(set, at(row, to), crashesLeft)) continue
    if (networks.union(flying, set) !== flying) return true
  }
  return false
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
