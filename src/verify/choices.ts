/**
 * The batches that were issued, accepted and chosen. Invariants 1 (agreement), 4 (after a batch is chosen at a ballot, every
 * accept at a higher ballot carries that batch; *Paxos Made Simple*, section 2.2, P2b) and 5 (instances are serial; the seed, 2-2).
 */
import { type Ballot, compareBallots, sameBallot } from '../../machines/ballot.ts'
import type { Batch, Instance, NodeId } from '../../machines/batch.ts'
import { countedMembers, isCounted, type Member } from '../../machines/members.ts'
import type { Accept, Settled } from '../../machines/messages.ts'
import { isQuorum } from '../../machines/quorum.ts'
import { batchFingerprint } from '../core/fingerprint.ts'
import { Violation } from '../core/violation.ts'
import { Part } from './part.ts'
import { ballotText } from './text.ts'

/** The batch that one ballot issued at an instance, and the members that accepted it. */
export interface Proposal {
  readonly ballot: Ballot
  /** The fingerprint of the batch. */
  readonly batch: number
  /** In order of id. Invariant: members that are counted at the instance; empty when the proposal can no longer be chosen. */
  readonly voters: readonly NodeId[]
}

/** The batch that was chosen at an instance. */
export interface Choice {
  readonly batch: number
  /** The lowest ballot at which it is known to be chosen. */
  readonly ballot: Ballot
}

/** The members that may vote, as the other records know them. */
export interface Electorate {
  /** The number of instances that some server has executed. The members at higher instances are not known. */
  readonly executed: Instance
  membersAt(instance: Instance): readonly Member[]
  incarnationOf(node: NodeId): string | null
  mayStillAccept(member: Member, ballot: Ballot): boolean
}

export class Choices extends Part {
  /** Instances below this one are not judged. */
  readonly #first: Instance
  /** From `#first` on. */
  #chosen: Choice[]
  /** In order of ballot. Invariant: holds only proposals that can still influence a judgement. */
  #open: Map<Instance, readonly Proposal[]>
  /** A copy has the same array and map: they are copied before the next change. */
  #isShared = false

  constructor(
    chosen: readonly Choice[] = [],
    open: readonly (readonly [Instance, readonly Proposal[]])[] = [],
    first: Instance = 0,
  ) {
    super()
    this.#first = first
    this.#chosen = [...chosen]
    this.#open = new Map(open)
  }

  /** A proposer has issued an accept. */
  issued(node: NodeId, { ballot, instance, batch }: Accept, electorate: Electorate): void {
    if (instance < this.#first) return
    checkIsSerial(node, instance, this.#end, electorate.executed)
    const print = batchFingerprint(batch)
    const choice = this.#choiceAt(instance)
    if (choice !== undefined && compareBallots(ballot, choice.ballot) >= 0) {
      checkIsKept(instance, ballot, print, choice)
      return
    }
    const proposals = this.#open.get(instance) ?? []
    const issued = proposals.find((proposal) => sameBallot(proposal.ballot, ballot))
    if (issued !== undefined) {
      checkIsOne(instance, issued, print)
      return
    }
    const proposal = { ballot, batch: print, voters: [] }
    this.#put(instance, [...proposals, proposal].sort(byBallot))
    this.#prune(instance, electorate)
  }

  /**
   * A server has accepted at `ballot`. `batch` is the fingerprint of the record on its disk, `null` when only the message
   * `accepted` was seen.
   */
  accepted(
    node: NodeId,
    instance: Instance,
    ballot: Ballot,
    batch: number | null,
    electorate: Electorate,
  ): void {
    if (instance < this.#first) return
    const choice = this.#choiceAt(instance)
    if (choice !== undefined && compareBallots(ballot, choice.ballot) >= 0) return
    const proposals = this.#open.get(instance) ?? []
    const proposal = proposals.find((one) => sameBallot(one.ballot, ballot))
    if (proposal === undefined) {
      if (mayBeChosen(instance, { ballot, voters: [] }, electorate)) {
        throw new Violation(
          4,
          `server ${node} accepted ${ballotText(ballot)} at instance ${instance}, but that ballot issued nothing there`,
        )
      }
      return
    }
    if (batch !== null) checkIsOne(instance, proposal, batch)
    if (proposal.voters.includes(node) || !isVoter(node, instance, electorate)) return
    const voters = [...proposal.voters, node].sort((a, b) => a - b)
    const voted = { ...proposal, voters }
    const all = proposals.map((one) => (one === proposal ? voted : one))
    if (isQuorum(countedMembers(electorate.membersAt(instance)), voters)) {
      checkIsKeptAbove(instance, voted, all)
      if (choice !== undefined) checkIsKept(instance, choice.ballot, choice.batch, voted)
      this.#own()
      this.#chosen[instance - this.#first] = { batch: proposal.batch, ballot }
      this.#put(
        instance,
        all.filter((one) => compareBallots(one.ballot, ballot) < 0),
      )
    } else {
      this.#put(instance, all)
    }
    this.#prune(instance, electorate)
  }

  /** `node` treats `batch` as chosen. `how` is the verb for the error text: what `node` does with the batch. */
  taken(node: NodeId, instance: Instance, batch: Batch, how: string): void {
    if (instance < this.#first) return
    const choice = this.#choiceAt(instance)
    if (choice === undefined) {
      throw new Violation(
        1,
        `server ${node} ${how} instance ${instance}, but no quorum has accepted a batch there`,
      )
    }
    if (choice.batch === batchFingerprint(batch)) return
    throw new Violation(
      1,
      `server ${node} ${how} a batch at instance ${instance} that differs from the one chosen at ${ballotText(choice.ballot)}`,
    )
  }

  /** `node` announces that an instance is chosen, and the ballot at which it proposed the chosen batch. */
  announced(node: NodeId, { instance, ballot }: Settled): void {
    if (instance < this.#first) return
    const choice = this.#choiceAt(instance)
    if (choice === undefined) {
      throw new Violation(1, `server ${node} announced instance ${instance}, but no batch is chosen there`)
    }
    if (ballot === null || compareBallots(ballot, choice.ballot) >= 0) return
    throw new Violation(
      1,
      `server ${node} announced instance ${instance} as chosen at ${ballotText(ballot)}, but ${ballotText(choice.ballot)} is the lowest ballot at which a quorum accepted`,
    )
  }

  /** The disk of `node` records that all instances below `firstUnchosen` are chosen. */
  stored(node: NodeId, firstUnchosen: Instance): void {
    if (firstUnchosen <= this.#end) return
    throw new Violation(
      1,
      `server ${node} stored instance ${firstUnchosen - 1} as chosen; only instances below ${this.#end} are chosen`,
    )
  }

  /** Forgets the proposals that can no longer be chosen. To be called after the floor of a server rose. */
  prune(electorate: Electorate): void {
    for (const instance of this.#open.keys()) this.#prune(instance, electorate)
  }

  override toJson() {
    return { chosen: this.#chosen, open: [...this.#open].sort(([a], [b]) => a - b) } as const
  }

  protected override duplicate(): Choices {
    const copy = new Choices([], [], this.#first)
    copy.#chosen = this.#chosen
    copy.#open = this.#open
    copy.#isShared = true
    this.#isShared = true
    return copy
  }

  /** Sets the open proposals of an instance. */
  #put(instance: Instance, proposals: readonly Proposal[]): void {
    this.#own()
    if (proposals.length > 0) this.#open.set(instance, proposals)
    else this.#open.delete(instance)
  }

  /** To be called before each change. */
  #own(): void {
    this.changed()
    if (!this.#isShared) return
    this.#isShared = false
    this.#chosen = [...this.#chosen]
    this.#open = new Map(this.#open)
  }

  /** All judged instances below this one are chosen. */
  get #end(): Instance {
    return this.#first + this.#chosen.length
  }

  #choiceAt(instance: Instance): Choice | undefined {
    return this.#chosen[instance - this.#first]
  }

  /**
   * A proposal that can no longer be chosen needs no voters. When no lower proposal can be chosen either, it can no longer
   * contradict a choice, and is forgotten. A server that sent a ballot sends none below it (invariant 3), so a proposal that
   * cannot be chosen now can never be chosen.
   */
  #prune(instance: Instance, electorate: Electorate): void {
    const before = this.#open.get(instance) ?? []
    const kept: Proposal[] = []
    for (const proposal of before) {
      const needsVoters = proposal.voters.length > 0 || kept.length === 0
      if (!needsVoters || mayBeChosen(instance, proposal, electorate)) kept.push(proposal)
      else if (kept.length > 0) kept.push({ ...proposal, voters: [] })
    }
    const isSame = kept.length === before.length && kept.every((one, place) => one === before[place])
    if (!isSame) this.#put(instance, kept)
  }
}

/** True when the members that voted and those that may still vote form a quorum. */
function mayBeChosen(
  instance: Instance,
  { ballot, voters }: Pick<Proposal, 'ballot' | 'voters'>,
  electorate: Electorate,
): boolean {
  const members = electorate.membersAt(instance)
  const possible = members.filter(
    (member) => voters.includes(member.id) || electorate.mayStillAccept(member, ballot),
  )
  return isQuorum(countedMembers(members), countedMembers(possible))
}

function isVoter(node: NodeId, instance: Instance, electorate: Electorate): boolean {
  const incarnation = electorate.incarnationOf(node)
  return incarnation !== null && isCounted(electorate.membersAt(instance), node, incarnation)
}

function byBallot(a: Proposal, b: Proposal): number {
  return compareBallots(a.ballot, b.ballot)
}

/** The instance before must be chosen, and executed by some server: until then no server knows which members may vote. */
function checkIsSerial(node: NodeId, instance: Instance, chosen: Instance, executed: Instance): void {
  if (instance <= chosen && instance <= executed) return
  const lacking =
    instance > chosen ? `only those below ${chosen} are chosen` : 'no server has executed the one before'
  throw new Violation(5, `server ${node} issued an accept for instance ${instance}: ${lacking}`)
}

/** After a choice, every ballot that is not lower carries the chosen batch. */
function checkIsKept(instance: Instance, ballot: Ballot, batch: number, choice: Choice): void {
  if (batch === choice.batch) return
  throw new Violation(
    4,
    `${ballotText(ballot)} issued a batch at instance ${instance} that differs from the one chosen at ${ballotText(choice.ballot)}`,
  )
}

/** The same rule for the batches that were issued before the choice. */
function checkIsKeptAbove(instance: Instance, choice: Choice, proposals: readonly Proposal[]): void {
  for (const { ballot, batch } of proposals) {
    if (compareBallots(ballot, choice.ballot) > 0) checkIsKept(instance, ballot, batch, choice)
  }
}

/** A ballot carries one batch for each instance. */
function checkIsOne(instance: Instance, { ballot, batch }: Proposal, other: number): void {
  if (batch === other) return
  throw new Violation(4, `${ballotText(ballot)} carries two batches at instance ${instance}`)
}
