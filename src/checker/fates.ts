/**
 * What the reduction does with the datagrams to one server, computed once for each set of datagrams and state of the server: a search
 * meets the same pairs again and again. `reduction.ts` states the rules.
 */
import { compareBallots } from '../../machines/ballot.ts'
import type { NodeId } from '../../machines/batch.ts'
import type { Chosen, NodeMessage } from '../../machines/messages.ts'
import { type Bounds, mayWait, most } from './bounds.ts'
import type { Datagram, Datagrams } from './datagrams.ts'
import type { Move, Moves } from './moves.ts'
import type { Networks } from './networks.ts'
import type { KnownNode, Nodes } from './nodes.ts'
import { PairTable } from './pair-table.ts'

/** A datagram that changes nothing at its receiver and causes more datagrams. */
export interface Echo {
  readonly datagram: number
  readonly move: Move
}

/** A prepare or an accept that is removed when its proposer has left its ballot. */
export interface Ask {
  readonly datagram: number
  readonly from: NodeId
  readonly round: number
}

/** The result of the reduction of a set, as far as its receiver alone decides it. */
export interface Settled {
  readonly set: number
  readonly asks: readonly Ask[]
}

/** The fate of a datagram: the number of the datagram that is kept in its place, or one of these. */
const gone = -1
const goneWithBallot = -2

export class Fates {
  /** By server, whether it may crash. */
  readonly #isCrashing: readonly boolean[]
  /** A request may have to wait for another. */
  readonly #mayWait: boolean
  readonly #nodes: Nodes
  readonly #datagrams: Datagrams
  readonly #networks: Networks
  readonly #moves: Moves
  /** By set and node, the place in `#echoes`. Most sets have no echo: their place is 0. */
  readonly #echoesOf = new PairTable()
  readonly #echoes: (readonly Echo[])[] = [[]]
  /** By set and node, the place in `#settled`. The tables differ in whether a crash is still possible. */
  readonly #settledBeforeCrash = new PairTable()
  readonly #settledFinally = new PairTable()
  readonly #settled: Settled[] = []
  /** By set, the place in `#settled` of the set without asks. */
  readonly #withoutAsks: number[] = []
  /** By set and node, 1 for a set that is in vain, 0 for another. */
  readonly #inVainBeforeCrash = new PairTable()
  readonly #inVainFinally = new PairTable()

  constructor(bounds: Bounds, nodes: Nodes, datagrams: Datagrams, networks: Networks, moves: Moves) {
    this.#isCrashing = Array.from({ length: most.servers }, (_, id) => bounds.crashing.includes(id))
    this.#mayWait = mayWait(bounds)
    this.#nodes = nodes
    this.#datagrams = datagrams
    this.#networks = networks
    this.#moves = moves
  }

  /** The datagrams of a set that are echoes while its receiver is in the state `node`. */
  echoes(set: number, node: number): readonly Echo[] {
    let place = this.#echoesOf.get(set, node)
    if (place < 0) {
      const echoes = this.#echoesIn(set, node)
      place = echoes.length === 0 ? 0 : this.#echoes.push(echoes) - 1
      this.#echoesOf.add(set, node, place)
    }
    return this.#echoes[place] ?? []
  }

  /** The reduction of a set whose receiver is in the state `node`. `crashesLeft`: another crash is possible. */
  settled(set: number, node: number, crashesLeft: boolean): Settled {
    const table = crashesLeft ? this.#settledBeforeCrash : this.#settledFinally
    let place = table.get(set, node)
    if (place < 0) {
      place = this.#placeOf(this.#settle(set, node, crashesLeft))
      table.add(set, node, place)
    }
    return this.#settled[place] as Settled
  }

  /** True when each datagram of a set would be removed at its receiver `node`, and none is an echo. */
  isInVain(set: number, node: number, crashesLeft: boolean): boolean {
    const table = crashesLeft ? this.#inVainBeforeCrash : this.#inVainFinally
    let known = table.get(set, node)
    if (known < 0) {
      const isGone = this.#networks
        .datagramsOf(set)
        .every((datagram) => this.of(node, datagram, crashesLeft) === gone)
      known = isGone && this.#echoesIn(set, node).length === 0 ? 1 : 0
      table.add(set, node, known)
    }
    return known === 1
  }

  /** The fate of a datagram whose receiver is in the state `node`. */
  of(node: number, datagram: number, crashesLeft: boolean): number {
    const known = this.#datagrams.valueOf(datagram)
    const { kind, message } = known
    switch (kind) {
      case 'ask':
        return this.#isAnsweredInVain(node, datagram, message, crashesLeft) ? goneWithBallot : datagram
      case 'answer':
        return this.#isSpentAnswer(node, datagram, known, crashesLeft) ? gone : datagram
      case 'news':
        return message.type === 'chosen'
          ? this.#fateOfChosen(node, datagram, known, message, crashesLeft)
          : datagram
    }
    kind satisfies never
  }

  /** True when a proposer in the state `node` has left its ballot of `round`, and never returns to it. */
  hasLeft(node: number, round: number, crashesLeft: boolean): boolean {
    const proposer = this.#nodes.valueOf(node)
    return proposer.activeRound !== round && this.#isOver(proposer, round, crashesLeft)
  }

  #echoesIn(set: number, node: number): readonly Echo[] {
    if (this.#nodes.valueOf(node).isDown) return []
    return this.#networks.datagramsOf(set).flatMap((datagram) => {
      const move = this.#moves.onDatagram(node, datagram)
      return move.sends.length > 0 && move.next === node && move.answers === 0 ? [{ datagram, move }] : []
    })
  }

  #placeOf(settled: Settled): number {
    if (settled.asks.length > 0) return this.#settled.push(settled) - 1
    this.#withoutAsks[settled.set] ??= this.#settled.push(settled) - 1
    return this.#withoutAsks[settled.set] ?? 0
  }

  #settle(set: number, node: number, crashesLeft: boolean): Settled {
    const all = this.#networks.datagramsOf(set)
    const left = new Set<number>()
    const asks: Ask[] = []
    for (const datagram of all) {
      const fate = this.of(node, datagram, crashesLeft)
      if (fate === gone) continue
      if (fate === goneWithBallot) {
        const { from, round } = this.#datagrams.valueOf(datagram)
        asks.push({ datagram, from, round })
      }
      left.add(fate === goneWithBallot ? datagram : fate)
    }
    return { set: this.#networks.idOf([...left].sort((a, b) => a - b)), asks }
  }

  /**
   * A `chosen` that the receiver already knows carries no more than its sender and `unsettled`. It is still an answer for a learner that
   * asks all servers. A learner does that only while a request waits.
   */
  #fateOfChosen(
    node: number,
    datagram: number,
    { from, to, names }: Datagram,
    message: Chosen,
    crashesLeft: boolean,
  ): number {
    if (!this.#isKnown(node, message, crashesLeft)) return datagram
    if (!this.#mayWait) return gone
    const { unsettled } = message
    const known = { type: 'chosen', from: 0, batches: [], firstUnchosen: 0, unsettled } as const
    return this.#datagrams.idOf(from, to, names, known)
  }

  #isKnown(node: number, { from, batches, firstUnchosen }: Chosen, crashesLeft: boolean): boolean {
    const receiver = this.#nodes.valueOf(node)
    const { knownBelow, isDown } = receiver
    const below = isDown || this.#mayCrash(receiver, crashesLeft) ? knownBelow.durable : knownBelow.now
    return Math.max(from + batches.length, firstUnchosen) <= below
  }

  /**
   * An answer without effect now never has one later: ballots only grow, and within a ballot a proposer goes from preparing to accepting,
   * never back, and counts no acceptor twice. The exception is a ballot that the proposer may start again after a crash that loses it.
   */
  #isSpentAnswer(node: number, datagram: number, { round }: Datagram, crashesLeft: boolean): boolean {
    const proposer = this.#nodes.valueOf(node)
    if (!this.#isOver(proposer, round, crashesLeft)) return false
    return proposer.isDown || this.#moves.onDatagram(node, datagram).isIdle
  }

  /**
   * True for a prepare or an accept to an acceptor that has promised its ballot or a higher one. When the proposer has left the ballot,
   * the answer of the acceptor has no effect. The message also implies that lower instances are chosen; the acceptor must already know
   * that.
   */
  #isAnsweredInVain(node: number, datagram: number, message: NodeMessage, crashesLeft: boolean): boolean {
    if (message.type !== 'prepare' && message.type !== 'accept') return false
    const acceptor = this.#nodes.valueOf(node)
    if (compareBallots(acceptor.promised, message.ballot) < 0) return false
    const instance = message.type === 'prepare' ? message.from : message.instance
    const isNews = acceptor.isDown || this.#moves.onDatagram(node, datagram).next !== node
    if (acceptor.isDown || this.#mayCrash(acceptor, crashesLeft)) {
      // A crash loses the volatile knowledge of the learner, but not the durable part.
      const { durable } = acceptor.knownBelow
      const isKnown = message.type === 'prepare' ? instance <= durable : instance < durable
      return isKnown && (acceptor.isDown || !isNews)
    }
    return !isNews && (message.type === 'prepare' || instance <= acceptor.knownBelow.now)
  }

  /** True when every ballot that the proposer starts from now on is above `round`. */
  #isOver(proposer: KnownNode, round: number, crashesLeft: boolean): boolean {
    const { isDown, promised, usedRound } = proposer
    const above = isDown || this.#mayCrash(proposer, crashesLeft) ? (promised?.round ?? 0) : usedRound
    return round <= above
  }

  #mayCrash({ server }: KnownNode, crashesLeft: boolean): boolean {
    return crashesLeft && this.#isCrashing[server] === true
  }
}
