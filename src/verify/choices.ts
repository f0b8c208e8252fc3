/**
 * What was issued, accepted and chosen. Invariants 1 (agreement), 4 (once a batch is chosen at a ballot, every accept of a
 * higher one carries it; *Paxos Made Simple*, section 2.2, P2b) and 5 (instances are serial; the seed, 2-2).
 */
import { type Ballot, compareBallots, sameBallot } from '../../machines/ballot.ts'
import type { Batch, Instance, NodeId } from '../../machines/batch.ts'
import { countedMembers, isCounted, type Member } from '../../machines/members.ts'
import type { Accept } from '../../machines/messages.ts'
import { isQuorum } from '../../machines/quorum.ts'
import { batchFingerprint } from '../core/fingerprint.ts'
import { Violation } from '../core/violation.ts'
import { ballotText } from './text.ts'

/** What one ballot issued at an instance, and who accepted it. */
export interface Proposal {
  readonly ballot: Ballot
  /** The fingerprint of the batch. */
  readonly batch: number
  /** In order of id. Invariant: members that are counted at the instance; nobody once it can never be chosen. */
  readonly voters: readonly NodeId[]
}

/** What is known of an instance that was chosen. */
export interface Choice {
  readonly batch: number
  /** The lowest ballot at which it is known to be chosen. */
  readonly ballot: Ballot
}

/** Who may vote: what the other records know. */
export interface Electorate {
  /** How many instances some server has executed: the members at any above are not known. */
  readonly executed: Instance
  membersAt(instance: Instance): readonly Member[]
  incarnationOf(node: NodeId): string | null
  mayStillAccept(member: Member, ballot: Ballot): boolean
}

export class Choices {
  /** What happens at instances below is not judged. */
  readonly #first: Instance
  /** From `#first` on. */
  readonly #chosen: Choice[]
  /** In order of ballot. Invariant: holds only what may yet decide whether something is right. */
  readonly #open: Map<Instance, readonly Proposal[]>

  constructor(
    chosen: readonly Choice[] = [],
    open: readonly (readonly [Instance, readonly Proposal[]])[] = [],
    first: Instance = 0,
  ) {
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
    this.#open.set(instance, [...proposals, proposal].sort(byBallot))
    this.#prune(instance, electorate)
  }

  /** A server has accepted at `ballot`: `batch` is the fingerprint of what its disk shows, `null` if it only said so. */
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
          `server ${node} accepted ${ballotText(ballot)} at instance ${instance}, where that ballot issued nothing`,
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
      this.#chosen[instance - this.#first] = { batch: proposal.batch, ballot }
      this.#open.set(
        instance,
        all.filter((one) => compareBallots(one.ballot, ballot) < 0),
      )
    } else {
      this.#open.set(instance, all)
    }
    this.#prune(instance, electorate)
  }

  /** `node` takes `batch` as chosen; `how` says what it does with it. */
  taken(node: NodeId, instance: Instance, batch: Batch, how: string): void {
    if (instance < this.#first) return
    const choice = this.#choiceAt(instance)
    if (choice === undefined) {
      throw new Violation(
        1,
        `server ${node} ${how} instance ${instance}, where no quorum has accepted anything`,
      )
    }
    if (choice.batch === batchFingerprint(batch)) return
    throw new Violation(
      1,
      `server ${node} ${how} another batch at instance ${instance} than the one chosen at ${ballotText(choice.ballot)}`,
    )
  }

  /** The disk of `node` says that everything below `firstUnchosen` is chosen. */
  stored(node: NodeId, firstUnchosen: Instance): void {
    if (firstUnchosen <= this.#end) return
    throw new Violation(
      1,
      `server ${node} stored instance ${firstUnchosen - 1} as chosen; only those below ${this.#end} are`,
    )
  }

  /** Some server may say less than before: forgets what can no longer be chosen. */
  prune(electorate: Electorate): void {
    for (const instance of this.#open.keys()) this.#prune(instance, electorate)
  }

  copy(): Choices {
    return new Choices(this.#chosen, [...this.#open], this.#first)
  }

  toJson() {
    return { chosen: this.#chosen, open: [...this.#open].sort(([a], [b]) => a - b) } as const
  }

  /** Everything below is chosen, as far as it is judged. */
  get #end(): Instance {
    return this.#first + this.#chosen.length
  }

  #choiceAt(instance: Instance): Choice | undefined {
    return this.#chosen[instance - this.#first]
  }

  /**
   * A proposal that can never be chosen needs no voters; and with nothing below it that can be, it can be wrong no more. A
   * server that said a ballot says none below it (invariant 3), so what cannot be chosen now never will be.
   */
  #prune(instance: Instance, electorate: Electorate): void {
    const kept: Proposal[] = []
    for (const proposal of this.#open.get(instance) ?? []) {
      if (mayBeChosen(instance, proposal, electorate)) kept.push(proposal)
      else if (kept.length > 0) kept.push({ ...proposal, voters: [] })
    }
    if (kept.length > 0) this.#open.set(instance, kept)
    else this.#open.delete(instance)
  }
}

/** True when those who voted and those who still may are a quorum. */
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

/** The one before is chosen, and executed somewhere: before that nobody knows whose votes count. */
function checkIsSerial(node: NodeId, instance: Instance, chosen: Instance, executed: Instance): void {
  if (instance <= chosen && instance <= executed) return
  const lacking =
    instance > chosen ? `only those below ${chosen} are chosen` : 'nobody has executed the one before'
  throw new Violation(5, `server ${node} issued an accept for instance ${instance}: ${lacking}`)
}

/** After a choice, every ballot that is not lower carries what was chosen. */
function checkIsKept(instance: Instance, ballot: Ballot, batch: number, choice: Choice): void {
  if (batch === choice.batch) return
  throw new Violation(
    4,
    `${ballotText(ballot)} issued another batch at instance ${instance} than the one chosen at ${ballotText(choice.ballot)}`,
  )
}

/** The same, for what was issued before the choice was made. */
function checkIsKeptAbove(instance: Instance, choice: Choice, proposals: readonly Proposal[]): void {
  for (const { ballot, batch } of proposals) {
    if (compareBallots(ballot, choice.ballot) > 0) checkIsKept(instance, ballot, batch, choice)
  }
}

/** A ballot carries one batch an instance. */
function checkIsOne(instance: Instance, { ballot, batch }: Proposal, other: number): void {
  if (batch === other) return
  throw new Violation(4, `${ballotText(ballot)} carries two batches at instance ${instance}`)
}
