/** Counts the situations that a run met: a run without interesting situations proves little. */
import type { AcceptorContext } from '../../machines/acceptor.ts'
import { compareBallots, sameBallot } from '../../machines/ballot.ts'
import { type NodeId, requestsOf } from '../../machines/batch.ts'
import { requestId } from '../../machines/held-requests.ts'
import type { LearnerContext } from '../../machines/learner.ts'
import { peersOf } from '../../machines/members.ts'
import type { NodeMessage, ServerMessage } from '../../machines/messages.ts'
import { isOfRead } from '../../machines/outcome.ts'
import type { ProposerContext } from '../../machines/proposer.ts'
import type { RequestQueueContext } from '../../machines/request-queue.ts'
import type { Fact } from '../core/facts.ts'
import type { SteppedNode } from '../stepped/node.ts'
import type { SimulatedDatagram } from './datagram.ts'
import type { Wire } from './network.ts'
import type { SimulatedServer } from './server.ts'
import { type Counts, noCounts, type Situation } from './situations.ts'

/** The first chosen batch that contains a request: its instance, and the server that proposed it. */
interface Fate {
  readonly instance: number
  readonly node: NodeId
}

export class Coverage {
  readonly #counts: Record<Situation, number> = { ...noCounts }
  readonly #heard = new WeakSet<SimulatedDatagram>()
  /** The server that first received each request. */
  readonly #asked = new Map<string, NodeId>()
  readonly #answered = new Set<string>()
  readonly #fates = new Map<string, Fate>()
  /** Servers whose learner catches up while every server that it knows is stopped for good. */
  readonly #lost = new Set<NodeId>()
  readonly #isGone: (id: NodeId) => boolean
  #instances = 0

  /** `isGone` is true for a server that is stopped for good. */
  constructor(isGone: (id: NodeId) => boolean) {
    this.#isGone = isGone
  }

  get counts(): Counts {
    return this.#counts
  }

  /** The number of instances that were chosen and executed. */
  get instances(): number {
    return this.#instances
  }

  count(situation: Situation): void {
    this.#counts[situation] += 1
  }

  /** Wraps `wire` to count the messages that it sends in pieces. */
  overWire(wire: Wire): Wire {
    return {
      open: () => wire.open(),
      pack: (datagram) => {
        const packed = wire.pack(datagram)
        if (packed.length > 1) this.count('a message sent in pieces')
        return packed
      },
    }
  }

  /** A running server is about to receive a datagram. */
  heard({ id, node }: SimulatedServer, datagram: SimulatedDatagram): void {
    const { sender, message } = datagram
    const isCopy = this.#heard.has(datagram)
    this.#heard.add(datagram)
    if (node === null) return
    if (sender !== null) this.#heardMessage(node, message as NodeMessage, isCopy)
    else if (message.type === 'request') {
      if (isCopy) this.count('a duplicate request')
      for (const { seq } of message.requests) {
        const name = requestId({ uid: message.uid, seq })
        const first = this.#asked.get(name) ?? id
        if (first !== id) this.count('a failover')
        this.#asked.set(name, first)
      }
    }
  }

  /** `node` is the node that reported the fact, `null` when it does not run. */
  observe(fact: Fact, node: SteppedNode | null): void {
    switch (fact.type) {
      case 'said':
        this.#sent(fact.node, fact.to, fact.message, node)
        return
      case 'executed':
        if (fact.instance === this.#instances) this.#executed(fact)
        if (node?.roles.reader.matches('catchingUp')) this.count('a read that waited for an execution')
        return
      case 'responded':
        this.#responded(fact.message)
        return
      case 'stored':
        this.count('a snapshot taken or received')
        return
      case 'installed':
        this.count('a snapshot installed')
        return
      case 'recalled':
      case 'requested':
      case 'read.asked':
      case 'started':
      case 'crashed':
      case 'synced':
        return
    }
    fact satisfies never
  }

  #heardMessage(node: SteppedNode, message: NodeMessage, isCopy: boolean): void {
    const { ballot } = node.roles.proposer.context as ProposerContext
    switch (message.type) {
      case 'promise':
        if (isCopy) this.count('a duplicate promise')
        if (!sameBallot(message.ballot, ballot)) this.count('a promise for an older prepare')
        return
      case 'accepted':
        if (isCopy) this.count('a duplicate accepted')
        return
      case 'denial':
        if (!sameBallot(message.ballot, ballot) || compareBallots(message.promised, ballot) <= 0) return
        if (node.roles.proposer.matches('preparing')) this.count('a prepare denied for a rival')
        if (node.roles.proposer.matches('accepting')) this.count('an accept denied for a rival')
        return
      case 'accept': {
        const { promised, accepted, firstUnchosen, limits } = node.roles.acceptor.context as AcceptorContext
        if (compareBallots(message.ballot, promised) > 0) this.count('an accept above the promise')
        const { instance } = message
        const isHole = instance >= firstUnchosen && accepted.every((record) => record.instance !== instance)
        if (isHole && accepted.some((record) => record.instance > instance)) {
          this.count('filling a hole below accepted records')
          if (accepted.length >= limits.acceptedWindow - 1) {
            this.count('filling a hole below a full window of accepted records')
          }
        }
        if (instance >= firstUnchosen + limits.acceptedWindow) {
          this.count('an accept beyond the window of the acceptor')
        }
        return
      }
      case 'learn':
        if (!node.roles.requestQueue.matches('empty')) this.count('learning during load')
        return
      default:
        // The arrival of the other messages alone shows no situation.
        return
    }
  }

  #sent(self: NodeId, to: NodeId, message: NodeMessage, node: SteppedNode | null): void {
    switch (message.type) {
      case 'prepare': {
        const isFirst = (node?.roles.proposer.context as ProposerContext | undefined)?.tries === 0
        const queue = node?.roles.requestQueue.context as RequestQueueContext | undefined
        if (isFirst && queue?.held.ready.length === 0) this.count('preparing for what nobody finished')
        return
      }
      case 'accept':
        if (message.batch.node !== self) this.count("helping with another server's batch")
        return
      case 'learn':
        if (message.from === 0) this.count('learning from instance 0')
        if (node?.roles.learner.matches('catchingUp')) this.#learns(self, node)
        return
      case 'chosen':
        if (message.batches.length > 1) this.count('learning several instances at once')
        return
      case 'denial':
        if (node?.replica.members.every(({ id }) => id !== to))
          this.count('a server denied that is no member')
        return
      case 'handOver':
        this.count('requests handed over to the leader')
        return
      case 'settled':
        if (message.ballot === null) this.count('requests handed over that had ended')
        return
      case 'promise':
        if (message.accepted.length > 0) this.count('a promise that shows a batch')
        return
      default:
        return
    }
  }

  #learns(self: NodeId, node: SteppedNode): void {
    const { members, informant } = node.roles.learner.context as LearnerContext
    const known = informant === null ? peersOf(members, self) : [...peersOf(members, self), informant.id]
    if (!known.every(this.#isGone)) this.#lost.delete(self)
    else if (!this.#lost.has(self)) {
      this.#lost.add(self)
      this.count('a learner that lost all its informants')
    }
  }

  #executed({ instance, batch, execution }: Extract<Fact, { type: 'executed' }>): void {
    this.#instances += 1
    const requests = requestsOf(batch)
    if (requests.length > 1) this.count('a batch of several requests')
    for (const request of requests) {
      const fate = this.#fates.get(requestId(request))
      if (fate === undefined) this.#fates.set(requestId(request), { instance, node: batch.node })
      else this.count(fate.node === batch.node ? 'a request chosen twice' : 'a request chosen by two servers')
      if (request.command.kind !== 'members') continue
      const { change } = request.command
      if (execution.members === null) continue
      if (change.action === 'admit') this.count('a member added')
      if (change.action === 'remove') this.count('a member removed')
      if (change.action === 'remove' && change.id === batch.node) this.count('a proposer that removes itself')
    }
    if (execution.outcomes.some(({ outcome }) => outcome.kind === 'delayed')) this.count('a delayed request')
    if (execution.outcomes.some(({ outcome }) => outcome.kind === 'overQuota')) {
      this.count('a request refused for want of room')
    }
    const holders = [batch.node, ...batch.groups.map(({ heldBy }) => heldBy)]
    if (execution.concerned.some((id) => !holders.includes(id))) {
      this.count('a delayed request woken from another server')
    }
  }

  #responded(message: ServerMessage): void {
    switch (message.type) {
      case 'response': {
        for (const { seq, outcome } of message.answers) {
          if (isOfRead(outcome)) continue
          if (outcome.kind === 'refused' && outcome.reason === 'expired') {
            this.count('a retry refused after its session was forgotten')
          }
          const name = requestId({ uid: message.uid, seq })
          if (this.#answered.has(name)) this.count('a recorded result told again')
          this.#answered.add(name)
        }
        return
      }
      case 'busy':
        if (message.reason === 'notMember') this.count('a request turned away by a server that is no member')
        return
      case 'queued':
        this.count('a client told that its request is held')
        return
      default:
        return
    }
  }
}
