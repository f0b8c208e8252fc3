/**
 * Judges the invariants that facts can break, 1 to 8, 10, 14 and 16, fact by fact. The memory that this needs grows by a few numbers for
 * each instance and with the number of open requests, but not with the number of messages.
 *
 * Invariant 9 needs the content of the request queue (`queue.ts`). Invariants 11 and 12 need knowledge that only an engine has
 * (`liveness.ts`), and so does 13 (`leases.ts`, `replicated-clock.ts`).
 */
import type { Instance, NodeId } from '../../machines/batch.ts'
import type { Member } from '../../machines/members.ts'
import type { Accept, Accepted, Chosen, NodeMessage } from '../../machines/messages.ts'
import type { SnapshotName } from '../../machines/snapshot-name.ts'
import type { DurableState } from '../core/durable.ts'
import type { Fact } from '../core/facts.ts'
import { judgedBy } from '../core/invariants.ts'
import { Violation } from '../core/violation.ts'
import { inOrderOfId } from '../services/membership.ts'
import { Acceptors, type DurableVote } from './acceptors.ts'
import { Choices, type Electorate } from './choices.ts'
import { checkConcerned } from './concerned.ts'
import { Executions } from './executions.ts'
import { Locks } from './locks.ts'
import { MembersByInstance } from './members-by-instance.ts'
import { noReads, Reads } from './reads.ts'
import { Requests } from './requests.ts'

export interface InvariantsOptions {
  /** The members at instance 0. */
  readonly founders: readonly Member[]
  /** The name of the service that runs: some invariants apply to one service only. */
  readonly service: string
  /** False when no client of the run reads. By default clients may read. */
  readonly mayRead?: boolean
}

/**
 * The start of a judgement of a run that is already in progress. The data describe one moment. The judgement sees every event
 * after that moment, and every message that was sent before it and is received after it.
 */
export interface LaterBeginning {
  /** The name of the service that runs. */
  readonly service: string
  /**
   * Instances below this one are not judged. At the moment of the start, no server has issued an accept for this instance or a
   * higher one. It is two above the highest instance that a quorum of `members` shows to be chosen or accepted: a proposer
   * issues an accept for an instance only after the instance before it is chosen, and a quorum of the members that may have
   * chosen that instance shows it.
   */
  readonly first: Instance
  /** `members` are the members from instance `from` on, as far as instances are executed. */
  readonly from: Instance
  readonly members: readonly Member[]
  /** The servers that are observed, with the durable state of their disks. */
  readonly servers: readonly {
    readonly node: NodeId
    readonly incarnation: string
    readonly isRunning: boolean
    readonly durable: DurableState
  }[]
}

/** The knowledge, in parts that are copied and serialized independently. */
interface Parts {
  readonly members: MembersByInstance
  readonly acceptors: Acceptors
  readonly choices: Choices
  readonly executions: Executions
  readonly requests: Requests
  readonly reads: Reads
  readonly locks: Locks
}

/** All knowledge, as plain data. */
export type Knowledge = { readonly service: string } & {
  readonly [Name in keyof Parts]: ReturnType<Parts[Name]['toJson']>
}

/** By type of a message: whether a judgement depends on a server having sent it. */
const isJudgedMessage: Readonly<Record<NodeMessage['type'], boolean>> = {
  prepare: false,
  promise: true,
  accept: true,
  accepted: true,
  denial: false,
  learn: false,
  chosen: true,
  compacted: true,
  fetch: false,
  chunk: false,
  settled: true,
  handOver: false,
  compare: false,
  compared: false,
  exposure: false,
  confirm: false,
  confirmed: false,
}

/** False for a fact that no judgement depends on: `observe` ignores it. */
export function isJudged(fact: Fact): boolean {
  if (fact.type === 'said') return isJudgedMessage[fact.message.type]
  return fact.type !== 'responded' || fact.message.type === 'response'
}

/** The names of the parts, in the order of their JSON. */
const partNames = [
  'members',
  'acceptors',
  'choices',
  'executions',
  'requests',
  'reads',
  'locks',
] as const satisfies readonly (keyof Parts)[]

type Changing = { -readonly [Name in keyof Parts]: Parts[Name] }

export class Invariants {
  readonly #service: string
  /** 0 for a run that is judged from its start. Otherwise earlier requests of clients are not known. */
  readonly #first: Instance
  readonly #judgesRequests: boolean
  readonly #judgesLocks: boolean
  readonly #parts: Changing
  /** The parts that no other copy shares. A shared part is copied before it changes, so `copy` costs almost nothing. */
  readonly #own: Set<keyof Parts>
  /** Reads the parts at the time of each call. */
  readonly #electorate: Electorate

  private constructor(service: string, parts: Parts, own: Iterable<keyof Parts>, first: Instance) {
    this.#service = service
    this.#first = first
    const judged = judgedBy({ evidence: ['facts'], isWholeHistory: first === 0, service })
    this.#judgesRequests = judged.includes(2)
    this.#judgesLocks = judged.includes(10)
    this.#parts = { ...parts }
    this.#own = new Set(own)
    this.#electorate = electorateOf(this.#parts)
  }

  /** For a run that starts, before its first fact. */
  static begin({ founders, service, mayRead = true }: InvariantsOptions): Invariants {
    return Invariants.#of(service, {
      members: new MembersByInstance([{ from: 0, members: inOrderOfId(founders) }]),
      acceptors: new Acceptors(),
      choices: new Choices(),
      executions: new Executions(),
      requests: new Requests(),
      reads: mayRead ? new Reads() : new Reads(noReads),
      locks: new Locks(service),
    })
  }

  /**
   * For a run that is already in progress. Judges only what does not need the whole history, from the instance `first` on; `first`
   * is above 0.
   */
  static beginLater({ service, first, from, members, servers }: LaterBeginning): Invariants {
    // A server that voted earlier may have been counted then.
    const voters = servers.map(({ node: id, incarnation }) => ({ id, address: '', incarnation }))
    const parts: Parts = {
      members: new MembersByInstance([
        { from: -1, members: voters },
        { from, members: inOrderOfId(members) },
      ]),
      acceptors: Acceptors.holding(servers),
      choices: new Choices([], [], first),
      executions: new Executions([], [], first),
      requests: new Requests(),
      reads: new Reads(),
      locks: new Locks(service),
    }
    return Invariants.#of(service, parts, first)
  }

  /** From the result of `toJson` for a run that was judged from its start. */
  static fromJson(text: string): Invariants {
    const known: Knowledge = JSON.parse(text)
    return Invariants.#of(known.service, {
      members: new MembersByInstance(known.members),
      acceptors: Acceptors.fromJson(known.acceptors),
      choices: new Choices(known.choices.chosen, known.choices.open),
      executions: new Executions(known.executions.given, known.executions.states),
      requests: new Requests(known.requests),
      reads: new Reads(known.reads),
      locks: new Locks(known.service, known.locks),
    })
  }

  static #of(service: string, parts: Parts, first: Instance = 0): Invariants {
    return new Invariants(service, parts, partNames, first)
  }

  /** Takes the next fact. Throws a `Violation` when it breaks an invariant. */
  observe(fact: Fact): void {
    if (!isJudged(fact)) return
    switch (fact.type) {
      case 'requested':
        if (this.#judgesRequests) this.#change('requests').requested(fact.request)
        return
      case 'started': {
        const { node, incarnation, durable, members } = fact
        this.#foundOnDisk(node, this.#change('acceptors').started(node, incarnation, durable))
        this.#parts.choices.stored(node, durable.firstUnchosen)
        this.#parts.executions.started(node, durable.firstUnchosen, members, this.#parts.members)
        this.#prune()
        return
      }
      case 'crashed':
        this.#change('acceptors').crashed(fact.node)
        this.#prune()
        return
      case 'said':
        this.#sent(fact.node, fact.message)
        return
      case 'synced':
        this.#foundOnDisk(fact.node, this.#change('acceptors').synced(fact.node, fact.durable))
        this.#parts.choices.stored(fact.node, fact.durable.firstUnchosen)
        return
      case 'executed':
        this.#executed(fact)
        return
      case 'stored':
        this.#named(fact.node, fact.snapshot)
        return
      case 'installed':
        this.#named(fact.node, fact.snapshot)
        this.#parts.executions.started(fact.node, fact.snapshot.instance, fact.members, this.#parts.members)
        return
      case 'recalled':
        return
      case 'responded':
        this.#responded(fact)
        return
      case 'read.asked':
        this.#change('reads').asked(fact.uid, fact.seq)
        return
    }
    fact satisfies never
  }

  /** A copy that changes independently. */
  copy(): Invariants {
    this.#own.clear()
    return new Invariants(this.#service, this.#parts, [], this.#first)
  }

  /** `knowledge` as JSON. Equal knowledge gives equal text, independent of the order of the facts. */
  toJson(): string {
    const { texts } = this
    const parts = partNames.map((name, place) => `,"${name}":${texts[place]}`)
    return `{"service":${JSON.stringify(this.#service)}${parts.join('')}}`
  }

  /** Each part of the knowledge as JSON, in a fixed order. A part that did not change since a copy keeps its text. */
  get texts(): readonly string[] {
    return partNames.map((name) => this.#parts[name].text)
  }

  knowledge(): Knowledge {
    return JSON.parse(this.toJson())
  }

  /** The part to be changed, copied first if another copy shares it. */
  #change<Name extends keyof Parts>(name: Name): Parts[Name] {
    if (!this.#own.has(name)) {
      const copied = this.#parts[name].copy() as Parts[Name]
      this.#parts[name] = copied
      this.#own.add(name)
    }
    return this.#parts[name]
  }

  #sent(node: NodeId, message: NodeMessage): void {
    switch (message.type) {
      case 'promise':
        if (this.#change('acceptors').sent(node, message, this.#parts.members)) this.#prune()
        return
      case 'accepted':
        this.#sentAccepted(node, message)
        return
      case 'accept':
        this.#issued(node, message)
        return
      case 'chosen':
        this.#sentChosen(node, message)
        return
      case 'settled':
        this.#parts.choices.announced(node, message)
        return
      case 'compacted':
        this.#named(node, message.snapshot)
        return
      case 'prepare':
      case 'denial':
      case 'learn':
      case 'fetch':
      case 'chunk':
      case 'handOver':
      case 'compare':
      case 'compared':
      case 'exposure':
      case 'confirm':
      case 'confirmed':
        return
    }
    message satisfies never
  }

  #sentAccepted(node: NodeId, message: Accepted): void {
    const { instance, ballot } = message
    const isFloorRaised = this.#change('acceptors').sent(node, message, this.#parts.members)
    this.#change('choices').accepted(node, instance, ballot, null, this.#electorate)
    if (isFloorRaised) this.#prune()
  }

  #issued(node: NodeId, message: Accept): void {
    if (message.ballot.node !== node) {
      throw new Violation(4, `server ${node} issued an accept at a ballot of server ${message.ballot.node}`)
    }
    this.#change('choices').issued(node, message, this.#electorate)
  }

  #sentChosen(node: NodeId, { from, batches }: Chosen): void {
    batches.forEach((batch, offset) => {
      this.#parts.choices.taken(node, from + offset, batch, 'announced as chosen')
    })
  }

  #foundOnDisk(node: NodeId, votes: readonly DurableVote[]): void {
    for (const { instance, ballot, batch } of votes) {
      this.#change('choices').accepted(node, instance, ballot, batch, this.#electorate)
    }
  }

  #executed({ node, instance, batch, execution, digest }: Extract<Fact, { type: 'executed' }>): void {
    this.#parts.choices.taken(node, instance, batch, 'executed')
    if (instance < this.#first) {
      if (execution.members !== null) this.#change('members').changeOnce(instance + 1, execution.members)
      return
    }
    if (!this.#change('executions').executed(node, instance, execution, digest)) return
    if (execution.members !== null) this.#change('members').change(instance + 1, execution.members)
    checkConcerned(batch, execution, this.#parts.members.at(instance + 1))
    if (this.#judgesRequests) this.#change('requests').executed(instance, batch, execution)
    if (this.#judgesLocks) this.#change('locks').executed(instance, batch, execution)
  }

  #responded({ node, message }: Extract<Fact, { type: 'responded' }>): void {
    if (message.type !== 'response') return
    if (this.#judgesRequests) this.#parts.requests.responded(node, message)
    this.#change('reads').responded(node, message)
  }

  /** A server holds, or offers, a snapshot of everything below its instance. */
  #named(node: NodeId, { instance, digest }: SnapshotName): void {
    this.#parts.choices.stored(node, instance)
    this.#change('executions').pictured(node, instance, digest)
  }

  #prune(): void {
    this.#change('choices').prune(this.#electorate)
  }
}

function electorateOf(parts: Parts): Electorate {
  return {
    get executed() {
      return parts.executions.count
    },
    membersAt: (instance) => parts.members.at(instance),
    incarnationOf: (node) => parts.acceptors.incarnationOf(node),
    mayStillAccept: (member, ballot) => parts.acceptors.mayStillAccept(member, ballot),
  }
}
