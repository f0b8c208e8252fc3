/**
 * The invariants that facts can break, 1 to 8 and 10, judged as the facts come. What is kept grows with the number of
 * instances, by a few numbers each, and with the requests that are open; not with what was said.
 *
 * Invariant 9 needs a look into the request queue (`queue.ts`), and 11 and 12 an engine's knowledge (`calm.ts`).
 */
import type { Instance, NodeId } from '../../machines/batch.ts'
import type { Member } from '../../machines/members.ts'
import type { Accept, Chosen, NodeMessage } from '../../machines/messages.ts'
import { inOrderOfId } from '../services/membership.ts'
import { type AcceptorRecord, Acceptors, type DurableVote } from './acceptors.ts'
import type { RequestName } from './calm.ts'
import { type Choice, Choices, type Electorate, type Proposal } from './choices.ts'
import { Executions } from './executions.ts'
import type { Fact } from './facts.ts'
import { type LockRecord, Locks } from './locks.ts'
import { Requests, type SessionRecord } from './requests.ts'
import { type Reign, Roster } from './roster.ts'
import { Violation } from './violation.ts'

export interface InvariantsOptions {
  /** The members at instance 0. */
  readonly founders: readonly Member[]
  /** The name of the service that runs: invariant 10 is judged when it is `lock`. */
  readonly service: string
}

/** All that is known, as plain data: equal knowledge is equal JSON, in whatever order it was learned. */
export interface Knowledge {
  readonly service: string
  readonly reigns: readonly Reign[]
  readonly acceptors: readonly AcceptorRecord[]
  readonly chosen: readonly Choice[]
  readonly open: readonly (readonly [Instance, readonly Proposal[]])[]
  readonly given: readonly number[]
  readonly states: readonly (number | null)[]
  readonly sessions: readonly SessionRecord[]
  readonly locks: readonly LockRecord[]
}

interface Parts {
  readonly service: string
  readonly roster: Roster
  readonly acceptors: Acceptors
  readonly executions: Executions
  readonly choices: Choices
  readonly requests: Requests
  readonly locks: Locks
}

export class Invariants {
  readonly #parts: Parts

  private constructor(parts: Parts) {
    this.#parts = parts
  }

  /** Of a run that begins, before its first fact. */
  static begin({ founders, service }: InvariantsOptions): Invariants {
    const roster = new Roster([{ from: 0, members: inOrderOfId(founders) }])
    const acceptors = new Acceptors(roster)
    const executions = new Executions(roster)
    const choices = new Choices(electorate(roster, acceptors, executions))
    return new Invariants({
      service,
      roster,
      acceptors,
      executions,
      choices,
      requests: new Requests(),
      locks: new Locks(),
    })
  }

  /** From what `toJson` gave. */
  static fromJson(text: string): Invariants {
    const known: Knowledge = JSON.parse(text)
    const roster = new Roster(known.reigns)
    const acceptors = new Acceptors(roster, known.acceptors)
    const executions = new Executions(roster, known.given, known.states)
    return new Invariants({
      service: known.service,
      roster,
      acceptors,
      executions,
      choices: new Choices(electorate(roster, acceptors, executions), known.chosen, known.open),
      requests: new Requests(known.sessions),
      locks: new Locks(known.locks),
    })
  }

  /** Takes the next fact. Throws a `Violation` when it breaks an invariant. */
  observe(fact: Fact): void {
    const { acceptors, choices, executions, requests, locks, service } = this.#parts
    switch (fact.type) {
      case 'requested':
        requests.requested(fact.request)
        return
      case 'started': {
        const { node, incarnation, durable, members } = fact
        this.#shown(node, acceptors.started(node, incarnation, durable))
        choices.stored(node, durable.firstUnchosen)
        executions.started(node, durable.firstUnchosen, members)
        choices.prune()
        return
      }
      case 'crashed':
        acceptors.crashed(fact.node)
        choices.prune()
        return
      case 'said':
        this.#said(fact.node, fact.message)
        return
      case 'synced':
        this.#shown(fact.node, acceptors.synced(fact.node, fact.durable))
        choices.stored(fact.node, fact.durable.firstUnchosen)
        return
      case 'executed': {
        const { node, instance, batch, execution, digest } = fact
        choices.taken(node, instance, batch, 'executed')
        if (!executions.executed(node, instance, execution, digest)) return
        requests.executed(instance, batch, execution)
        if (service === 'lock') locks.executed(instance, batch, execution)
        return
      }
      case 'responded':
        if (fact.message.type === 'response') requests.responded(fact.node, fact.message)
        return
    }
    fact satisfies never
  }

  /** The requests that clients sent and that have not been executed, cancelled or acknowledged, in order. */
  open(): readonly RequestName[] {
    return this.#parts.requests.open()
  }

  /** The same knowledge, which changes by itself. */
  copy(): Invariants {
    const { service, ...parts } = this.#parts
    const roster = parts.roster.copy()
    const acceptors = parts.acceptors.copy(roster)
    const executions = parts.executions.copy(roster)
    return new Invariants({
      service,
      roster,
      acceptors,
      executions,
      choices: parts.choices.copy(electorate(roster, acceptors, executions)),
      requests: parts.requests.copy(),
      locks: parts.locks.copy(),
    })
  }

  /** What is known, as `JSON.stringify` of `knowledge`. */
  toJson(): string {
    return JSON.stringify(this.knowledge())
  }

  knowledge(): Knowledge {
    const { service, roster, acceptors, choices, executions, requests, locks } = this.#parts
    return {
      service,
      reigns: roster.toJson(),
      acceptors: acceptors.toJson(),
      ...choices.toJson(),
      ...executions.toJson(),
      sessions: requests.toJson(),
      locks: locks.toJson(),
    }
  }

  #said(node: NodeId, message: NodeMessage): void {
    const { acceptors, choices } = this.#parts
    switch (message.type) {
      case 'promise':
        if (acceptors.said(node, message)) choices.prune()
        return
      case 'accepted': {
        const saysLess = acceptors.said(node, message)
        choices.accepted(node, message.instance, message.ballot, null)
        if (saysLess) choices.prune()
        return
      }
      case 'accept':
        this.#issued(node, message)
        return
      case 'chosen':
        this.#told(node, message)
        return
      case 'prepare':
      case 'denial':
      case 'learn':
        return
    }
    message satisfies never
  }

  #issued(node: NodeId, message: Accept): void {
    if (message.ballot.node !== node) {
      throw new Violation(4, `server ${node} issued an accept at a ballot of server ${message.ballot.node}`)
    }
    this.#parts.choices.issued(node, message)
  }

  #told(node: NodeId, { from, batches }: Chosen): void {
    batches.forEach((batch, offset) => {
      this.#parts.choices.taken(node, from + offset, batch, 'told as chosen')
    })
  }

  #shown(node: NodeId, votes: readonly DurableVote[]): void {
    for (const { instance, ballot, batch } of votes) {
      this.#parts.choices.accepted(node, instance, ballot, batch)
    }
  }
}

function electorate(roster: Roster, acceptors: Acceptors, executions: Executions): Electorate {
  return {
    get executed() {
      return executions.count
    },
    membersAt: (instance) => roster.at(instance),
    incarnationOf: (node) => acceptors.incarnationOf(node),
    mayStillAccept: (member, ballot) => acceptors.mayStillAccept(member, ballot),
  }
}
