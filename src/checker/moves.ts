/** The result of each event at each node, computed once: a search meets the same pairs again and again. */
import { type NodeId, namedRequests } from '../../machines/batch.ts'
import { firstQuestion, type ReaderContext } from '../../machines/reader-context.ts'
import type { RequestQueueContext } from '../../machines/request-queue.ts'
import type { Fact } from '../core/facts.ts'
import { unsyncedWrites } from '../stepped/disk.ts'
import type { NodeState, NodeStep } from '../stepped/state.ts'
import { checkQueue, outcomesIn } from '../verify/queue.ts'
import { type CheckedCluster, startSeed } from './cluster.ts'
import { type Datagrams, instanceOf } from './datagrams.ts'
import type { CheckedEvent } from './events.ts'
import { Interner } from './interner.ts'
import type { KnowledgeTable } from './knowledge.ts'
import type { Networks } from './networks.ts'
import type { Nodes } from './nodes.ts'
import { marksOf } from './witnesses.ts'

/** The result of an event at a node. Nodes, datagrams, facts and events are numbers. */
export interface Move {
  readonly event: number
  readonly next: number
  /** The datagrams that the node sends, in order of number, without duplicates. */
  readonly datagrams: readonly number[]
  /** The same by receiver: the sets that are not empty. */
  readonly sends: readonly { readonly to: NodeId; readonly set: number }[]
  /** The number of the list of facts that a judgement depends on; 0 for the empty list. */
  readonly facts: number
  /** The requests that the node answers, one bit each. */
  readonly answers: number
  /** The witness marks of the move, one bit each. */
  readonly marks: number
  readonly isCrash: boolean
  /** The move changes nothing, sends nothing and reports no facts. */
  readonly isIdle: boolean
  /** The move leaves the bounds, so the search does not follow it. */
  readonly isBeyond: boolean
  /** The failed assertion of a role, or the violation of the request queue. */
  readonly failure: Error | null
}

export class Moves {
  readonly events = new Interner<CheckedEvent>()
  readonly #cluster: CheckedCluster
  readonly #nodes: Nodes
  readonly #datagrams: Datagrams
  readonly #knowledge: KnowledgeTable
  readonly #networks: Networks
  /** By node and place of the datagram at its receiver. */
  readonly #onDatagram: (Move | undefined)[][] = []
  /** By node and index of the request in the bounds. */
  readonly #onRequest: (Move | undefined)[][] = []
  /** By node and index of the read in the bounds. */
  readonly #onRead: (Move | undefined)[][] = []
  /** By node. */
  readonly #own: (readonly Move[] | undefined)[] = []
  readonly #keep: (state: NodeState) => NodeState

  /** `keep` transforms the state of a node before the search continues from it. */
  constructor(
    cluster: CheckedCluster,
    nodes: Nodes,
    datagrams: Datagrams,
    networks: Networks,
    knowledge: KnowledgeTable,
    keep: (state: NodeState) => NodeState,
  ) {
    this.#cluster = cluster
    this.#nodes = nodes
    this.#datagrams = datagrams
    this.#networks = networks
    this.#knowledge = knowledge
    this.#keep = keep
  }

  onDatagram(node: number, datagram: number): Move {
    this.#onDatagram[node] ??= []
    const moves = this.#onDatagram[node]
    const place = this.#datagrams.placeOf(datagram)
    let move = moves[place]
    if (move === undefined) {
      const { from, to, names, message } = this.#datagrams.valueOf(datagram)
      move = this.#take(node, { type: 'deliver', server: to, from, names, message })
      moves[place] = move
    }
    return move
  }

  /** `place` is the index of the request in the bounds. */
  onRequest(node: number, place: number): Move {
    return this.#remembered(this.#onRequest, node, place, () => {
      const request = this.#cluster.bounds.requests[place]
      if (request === undefined) throw new Error(`there is no request ${place}`)
      const { client, seq } = request
      return { type: 'request', server: this.#nodes.valueOf(node).server, client, seq }
    })
  }

  /** `place` is the index of the read in the bounds. */
  onRead(node: number, place: number): Move {
    return this.#remembered(this.#onRead, node, place, () => {
      const read = this.#cluster.bounds.reads?.[place]
      if (read === undefined) throw new Error(`there is no read ${place}`)
      return { type: 'read', server: read.server, client: read.client }
    })
  }

  /** The move of a node at what a client sends, which is computed once. */
  #remembered(known: (Move | undefined)[][], node: number, place: number, event: () => CheckedEvent): Move {
    known[node] ??= []
    const moves = known[node]
    let move = moves[place]
    if (move === undefined) {
      move = this.#take(node, event())
      moves[place] = move
    }
    return move
  }

  /** The moves of a node that need no message: a timer fires, a sync ends, the node crashes or starts. */
  ownMoves(node: number): readonly Move[] {
    let moves = this.#own[node]
    if (moves === undefined) {
      const { server, state } = this.#nodes.valueOf(node)
      moves = this.#ownEvents(server, state).map((event) => this.#take(node, event))
      this.#own[node] = moves
    }
    return moves
  }

  #ownEvents(server: NodeId, { disk, running }: NodeState): CheckedEvent[] {
    const { crashes, crashing } = this.#cluster.bounds
    if (running === null) return [{ type: 'start', server }]
    const mayCrash = crashes > 0 && crashing.includes(server)
    const survivals = Array.from(
      { length: mayCrash ? unsyncedWrites(disk) + 1 : 0 },
      (_, survived) => survived,
    )
    return [
      ...running.timers.map(({ role, id }): CheckedEvent => ({ type: 'timer', server, role, id })),
      ...(disk.syncing.length > 0 ? [{ type: 'sync' as const, server }] : []),
      ...survivals.map((survived): CheckedEvent => ({ type: 'crash', server, survived })),
    ]
  }

  #take(node: number, event: CheckedEvent): Move {
    const { server, state } = this.#nodes.valueOf(node)
    const eventId = this.events.idOf(JSON.stringify(event), event)
    const isCrash = event.type === 'crash'
    try {
      const step = this.#cluster.apply(server, state, this.#cluster.nodeEvent(event))
      checkHeld(server, state, step)
      return { event: eventId, isCrash, ...this.#outcomeOf(node, event, step) }
    } catch (error) {
      if (!(error instanceof Error)) throw error
      const nothing = { datagrams: [], sends: [], facts: 0, answers: 0, marks: 0 }
      const failed = { next: node, isIdle: false, isBeyond: false, failure: error }
      return { event: eventId, isCrash, ...nothing, ...failed }
    }
  }

  #outcomeOf(node: number, event: CheckedEvent, step: NodeStep): Omit<Move, 'event' | 'isCrash'> {
    const { server, state } = this.#nodes.valueOf(node)
    const next = this.#nodes.idOf(server, this.#keep(step.state))
    const datagrams = this.#datagramsOf(server, step)
    const facts = this.#factsOf(event, step)
    return {
      next,
      datagrams,
      sends: this.#byReceiver(datagrams),
      facts: this.#knowledge.factsId(facts),
      answers: this.#answersOf(step),
      marks: marksOf(state, step, this.#cluster.founders),
      isIdle: next === node && datagrams.length === 0 && facts.length === 0,
      isBeyond: step.facts.some((fact) => this.#isBeyond(fact)) || this.#asksTooOften(server, step.state),
      failure: null,
    }
  }

  /** Adds the fact that the client sent the request or the read. A second arrival of the same adds no knowledge. */
  #factsOf(event: CheckedEvent, { facts }: NodeStep): readonly Fact[] {
    if (event.type === 'read') {
      const { uid, reads } = this.#cluster.readMessage(event.client)
      return [...reads.map((read): Fact => ({ type: 'read.asked', uid, ...read })), ...facts]
    }
    if (event.type !== 'request') return facts
    const requests = namedRequests(this.#cluster.requestMessage(event.client, event.seq, event.server))
    return [...requests.map((request): Fact => ({ type: 'requested', request })), ...facts]
  }

  #datagramsOf(from: NodeId, { sends }: NodeStep): readonly number[] {
    const ids = sends
      .filter(({ message }) => instanceOf(message) < this.#cluster.bounds.instances)
      .map(({ to, names, message }) => this.#datagrams.idOf(from, to, names, message))
    return [...new Set(ids)].sort((a, b) => a - b)
  }

  #byReceiver(datagrams: readonly number[]): Move['sends'] {
    const lists = new Map<NodeId, number[]>()
    for (const datagram of datagrams) {
      const { to } = this.#datagrams.valueOf(datagram)
      const list = lists.get(to)
      if (list === undefined) lists.set(to, [datagram])
      else list.push(datagram)
    }
    return [...lists].map(([to, list]) => ({ to, set: this.#networks.idOf(list) }))
  }

  #answersOf({ responses }: NodeStep): number {
    let answers = 0
    for (const { to, message } of responses) {
      if (message.type !== 'response') continue
      for (const answer of message.answers) {
        const place = this.#cluster.bounds.requests.findIndex(
          ({ client, seq }) => client === to && seq === answer.seq,
        )
        if (place >= 0) answers |= 1 << place
      }
    }
    return answers
  }

  #isBeyond(fact: Fact): boolean {
    const { rounds } = this.#cluster.bounds
    return fact.type === 'said' && fact.message.type === 'prepare' && fact.message.ballot.round > rounds
  }

  /** The search has no randomness, so each run of a reader has the same first question. */
  #asksTooOften(server: NodeId, { running }: NodeState): boolean {
    if (running === null) return false
    const { question }: ReaderContext = running.roles.reader.context
    const { reads = [] } = this.#cluster.bounds
    return question > firstQuestion(startSeed(server)).question + reads.length
  }
}

/** Invariant 9, which needs the content of the request queue. A crash ends a queue. */
function checkHeld(server: NodeId, { running }: NodeState, { state, facts }: NodeStep): void {
  if (running === null || state.running === null) return
  const before: RequestQueueContext = running.roles.requestQueue.context
  const after: RequestQueueContext = state.running.roles.requestQueue.context
  checkQueue(server, before, after, outcomesIn(facts))
}
