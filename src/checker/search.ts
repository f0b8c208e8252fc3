/**
 * Breadth-first search over every schedule of a bounded cluster. The search reaches every reachable state, with one of the shortest
 * schedules to it. It compares complete states, not hashes, so it never confuses two states.
 */
import type { Judgement } from '../core/invariants.ts'
import { Invariants } from '../verify/invariants.ts'
import type { Bounds } from './bounds.ts'
import { canonicalForm, finiteForm } from './canonical.ts'
import { type Adapt, CheckedCluster } from './cluster.ts'
import { Datagrams } from './datagrams.ts'
import type { CheckedEvent } from './events.ts'
import { Fates } from './fates.ts'
import { KnowledgeTable } from './knowledge.ts'
import { type Move, Moves } from './moves.ts'
import { Networks } from './networks.ts'
import { Nodes } from './nodes.ts'
import { eventsAlong } from './path.ts'
import { addSends, type Parts, reduceNetworks } from './reduction.ts'
import { at, crashesIn, layoutOf, type Row, usedBits } from './rows.ts'
import { NumberList, StateTable } from './state-table.ts'
import { RememberingStepper } from './stepper.ts'
import { noSymmetry, type Symmetry, symmetryOf } from './symmetry.ts'
import { type WitnessName, witnesses } from './witnesses.ts'

/** The judgement of a search, at every state. A search has no end of run and no clock. */
export const judgement: Judgement = {
  evidence: ['facts', 'queue'],
  isWholeHistory: true,
  service: 'lock',
}

export interface SearchOptions {
  readonly bounds: Bounds
  /** For a test that plants a deliberate fault. */
  readonly adapt?: Adapt
  /** Searches without reduction, for tests that compare. */
  readonly isPlain?: boolean
}

export interface SearchStats {
  /** The number of distinct states that were reached. */
  readonly states: number
  /** The number of states from which every event was tried. */
  readonly expanded: number
  /** The number of events that were tried and changed the state. */
  readonly transitions: number
  /** The greatest length of a shortest schedule to a state. */
  readonly depth: number
  /** The numbers of distinct states of single nodes, of the network, and of the knowledge of the invariants. */
  readonly nodes: number
  readonly networks: number
  readonly knowledge: number
}

/** A finding of a search, and a shortest schedule that reaches it. */
export interface Found<T> {
  readonly what: T
  readonly events: readonly CheckedEvent[]
}

export class Search {
  readonly #parts: Parts
  readonly #isPlain: boolean
  readonly #symmetry: Symmetry
  /** The used bits that the search keeps. */
  readonly #kept: number
  /** By index of the request: the bit of the answer that must come before it. */
  readonly #afterAnswer: readonly number[]
  readonly #table: StateTable
  /** By state: the state from which it was reached, and the event. */
  readonly #parents = new NumberList()
  readonly #events = new NumberList()
  readonly #first: Row
  readonly #row: Row
  readonly #next: Row
  readonly #witnesses = new Map<WitnessName, Found<WitnessName>>()
  #violation: Found<Error> | null = null
  #expanded = 0
  #transitions = 0
  #depth = 0
  #levelEnd = 1

  /** Throws a `RangeError` when the bounds are not valid. */
  constructor({ bounds, adapt, isPlain = false }: SearchOptions) {
    const stepper = new RememberingStepper(isPlain ? finiteForm : canonicalForm)
    const cluster = new CheckedCluster(bounds, stepper, adapt)
    const layout = layoutOf(cluster.servers.length)
    const nodes = new Nodes(stepper)
    const datagrams = new Datagrams()
    const knowledge = new KnowledgeTable()
    const networks = new Networks()
    const moves = new Moves(cluster, nodes, datagrams, networks, knowledge, (state) =>
      isPlain ? state : cluster.withAddresses(state),
    )
    const fates = new Fates(bounds, nodes, datagrams, networks, moves)
    this.#parts = { bounds, layout, nodes, datagrams, moves, networks, knowledge, fates }
    this.#isPlain = isPlain
    this.#symmetry = isPlain ? noSymmetry(bounds) : symmetryOf(bounds)
    this.#afterAnswer = bounds.requests.map(({ client, seq }) => {
      const before = bounds.requests.findIndex((other) => other.client === client && other.seq === seq - 1)
      return before < 0 ? 0 : usedBits.answered(before)
    })
    this.#kept = this.#afterAnswer.reduce((kept, bit) => kept | bit, this.#symmetry.kept)
    this.#table = new StateTable(layout.width)
    this.#row = new Int32Array(layout.width)
    this.#next = new Int32Array(layout.width)
    this.#first = this.#begin(cluster)
    this.#table.add(this.#first)
    this.#parents.add(-1)
    this.#events.add(-1)
  }

  /** The violation that was found, `null` if there is none so far. */
  get violation(): Found<Error> | null {
    return this.#violation
  }

  /** The witnesses that were reached, each with a shortest schedule. */
  get witnesses(): ReadonlyMap<WitnessName, Found<WitnessName>> {
    return this.#witnesses
  }

  get stats(): SearchStats {
    const { nodes, networks, knowledge } = this.#parts
    return {
      states: this.#table.size,
      expanded: this.#expanded,
      transitions: this.#transitions,
      depth: this.#depth,
      nodes: nodes.size,
      networks: networks.size,
      knowledge: knowledge.size,
    }
  }

  /** Tries every event from up to `states` more states. Returns true when no state is left, or after a violation. */
  run(states: number): boolean {
    const end = Math.min(this.#expanded + states, Number.MAX_SAFE_INTEGER)
    while (this.#expanded < end && this.#expanded < this.#table.size && this.#violation === null) {
      if (this.#expanded === this.#levelEnd) {
        this.#depth += 1
        this.#levelEnd = this.#table.size
      }
      this.#table.read(this.#expanded, this.#row)
      this.#expand()
      this.#expanded += 1
    }
    return this.#violation !== null || this.#expanded === this.#table.size
  }

  /** All distinct knowledge of the invariants, as text. Two searches of the same bounds have the same knowledge. */
  get knowledge(): readonly string[] {
    return this.#parts.knowledge.texts
  }

  /** The state after the start of every server, before any other event. */
  #begin({ servers, founders }: CheckedCluster): Row {
    const { layout, nodes, moves, knowledge, bounds } = this.#parts
    const { reads = [] } = bounds
    const row = new Int32Array(layout.width)
    let known = knowledge.idOf(
      Invariants.begin({ founders, service: judgement.service, mayRead: reads.length > 0 }),
    )
    for (const server of servers) {
      for (const start of moves.ownMoves(nodes.unstarted(server))) {
        row[server] = start.next
        known = knowledge.after(known, start.facts)
      }
    }
    row[layout.known] = known
    return row
  }

  #expand(): void {
    const { layout, networks, nodes, moves, bounds } = this.#parts
    const row = this.#row
    for (let server = 0; server < layout.servers; server += 1) {
      const node = at(row, server)
      if (nodes.valueOf(node).isDown) continue
      const set = at(row, layout.networks + server)
      for (let place = networks.startOf(set); place < networks.endOf(set); place += 1) {
        this.#follow(server, moves.onDatagram(node, networks.datagramAt(place)), 0)
      }
    }
    for (const [place, { servers }] of bounds.requests.entries()) {
      if (!this.#mayBeAsked(place)) continue
      for (const server of servers) {
        const node = at(row, server)
        if (!nodes.valueOf(node).isDown)
          this.#follow(server, moves.onRequest(node, place), usedBits.asked(place))
      }
    }
    for (const [place, { server }] of (bounds.reads ?? []).entries()) {
      const node = at(row, server)
      if (!nodes.valueOf(node).isDown) this.#follow(server, moves.onRead(node, place), 0)
    }
    for (let server = 0; server < layout.servers; server += 1) {
      for (const move of moves.ownMoves(at(row, server))) this.#follow(server, move, 0)
    }
  }

  #mayBeAsked(place: number): boolean {
    const needed = (this.#symmetry.beforeRequest[place] ?? 0) | (this.#afterAnswer[place] ?? 0)
    return (at(this.#row, this.#parts.layout.used) & needed) === needed
  }

  #follow(server: number, move: Move, asked: number): void {
    if (move.isIdle || move.isBeyond || this.#violation !== null) return
    const { bounds, layout, knowledge } = this.#parts
    const next = this.#next
    next.set(this.#row)
    const used = at(next, layout.used)
    if (move.isCrash && crashesIn(used) >= bounds.crashes) return
    const isMoved = move.next !== at(next, server)
    const needed = isMoved ? (this.#symmetry.beforeServer[server] ?? 0) : 0
    if ((used & needed) !== needed) return
    this.#transitions += 1
    next[server] = move.next
    addSends(this.#parts, next, move)
    const bits = move.answers | asked | (isMoved ? usedBits.moved(server) : 0)
    next[layout.used] = (used | (bits & this.#kept)) + (move.isCrash ? usedBits.crash : 0)
    try {
      if (move.failure !== null) throw move.failure
      next[layout.known] = knowledge.after(at(next, layout.known), move.facts)
    } catch (error) {
      if (!(error instanceof Error)) throw error
      this.#violation = { what: error, events: this.#wayTo(this.#expanded, move) }
      return
    }
    if (move.marks !== 0) this.#witness(server, move)
    if (!this.#isPlain) reduceNetworks(this.#parts, next, this.#row)
    if (!this.#table.add(next)) return
    this.#parents.add(this.#expanded)
    this.#events.add(move.event)
  }

  #witness(server: number, move: Move): void {
    for (const { name, mark, during } of witnesses) {
      if ((move.marks & mark) === 0 || this.#witnesses.has(name) || !this.#isDuring(during, server)) continue
      this.#witnesses.set(name, { what: name, events: this.#wayTo(this.#expanded, move) })
    }
  }

  #isDuring(when: (typeof witnesses)[number]['during'], server: number): boolean {
    const { layout, nodes } = this.#parts
    switch (when) {
      case 'anything':
        return true
      case 'afterCrash':
        return crashesIn(at(this.#row, layout.used)) > 0
      case 'rivalBacksOff':
        return this.#row
          .subarray(0, layout.servers)
          .some((node, other) => other !== server && nodes.valueOf(node).isBackingOff)
    }
    when satisfies never
  }

  /**
   * The events of a shortest schedule to a state. States are numbered from 0 in the order in which they were reached. Throws a
   * `RangeError` when there is no such state.
   */
  wayTo(state: number): readonly CheckedEvent[] {
    if (!(state >= 0 && state < this.#table.size)) {
      throw new RangeError(`there is no state ${state}: the states are 0 to ${this.#table.size - 1}`)
    }
    return this.#eventsTo(state, [])
  }

  /** The events that lead to a state, and the event of `last`. */
  #wayTo(state: number, last: Move): readonly CheckedEvent[] {
    return this.#eventsTo(state, [last.event])
  }

  #eventsTo(state: number, chain: number[]): readonly CheckedEvent[] {
    for (let at = state; at > 0; at = this.#parents.at(at)) chain.push(this.#events.at(at))
    const events = chain.reverse().map((event) => this.#parts.moves.events.valueOf(event))
    return this.#isPlain ? events : eventsAlong(this.#parts, this.#first, events)
  }
}
