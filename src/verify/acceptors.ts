/**
 * Invariant 3: a server's promise never decreases, it accepts nothing below it, what it said survives a crash, and it says
 * nothing before it is durable. *Paxos Made Simple*, sections 2.2 and 2.5.
 */
import { type Ballot, compareBallots } from '../../machines/ballot.ts'
import type { Instance, NodeId } from '../../machines/batch.ts'
import type { Member } from '../../machines/members.ts'
import type { Accepted, PromiseMessage } from '../../machines/messages.ts'
import type { DurableState } from '../core/durable.ts'
import { batchFingerprint } from '../core/fingerprint.ts'
import { Violation } from '../core/violation.ts'
import type { MembersByInstance } from './members-by-instance.ts'
import { ballotText } from './text.ts'

/** What a disk holds of an instance that is not known to be chosen; `batch` is its fingerprint. */
export interface DurableVote {
  readonly instance: Instance
  readonly ballot: Ballot
  readonly batch: number
}

/** What is known of the acceptor that a directory of a server holds. */
export interface AcceptorRecord {
  readonly node: NodeId
  readonly incarnation: string
  readonly isRunning: boolean
  /** It says nothing below: what it said last, or what it had promised when it began. */
  readonly floor: Ballot | null
  readonly promised: Ballot | null
  readonly firstUnchosen: Instance
  /** In order of instance. */
  readonly accepted: readonly DurableVote[]
}

export class Acceptors {
  /** By server and directory: an old directory may come back, and the one that took its place after it. */
  readonly #records: Map<string, AcceptorRecord>
  /** The directory under which each server last began. */
  readonly #current: Map<NodeId, string>

  constructor(
    records: readonly AcceptorRecord[] = [],
    current: readonly (readonly [NodeId, string])[] = records.map(({ node, incarnation }) => [
      node,
      incarnation,
    ]),
  ) {
    this.#records = new Map(records.map((record) => [keyOf(record), record]))
    this.#current = new Map(current)
  }

  /** Of servers that are under way: what they said before is not known. */
  static holding(
    servers: readonly {
      readonly node: NodeId
      readonly incarnation: string
      readonly isRunning: boolean
      readonly durable: DurableState
    }[],
  ): Acceptors {
    return new Acceptors(
      servers.map(({ node, incarnation, isRunning, durable }) => ({
        node,
        incarnation,
        isRunning,
        floor: isRunning ? null : durable.promised,
        ...heldBy(durable),
      })),
    )
  }

  /** What `toJson` gave. */
  static fromJson(records: ReturnType<Acceptors['toJson']>): Acceptors {
    const current = records.filter(({ isCurrent }) => isCurrent)
    return new Acceptors(
      records.map(({ isCurrent: _, ...record }) => record),
      current.map(({ node, incarnation }) => [node, incarnation]),
    )
  }

  /** A server begins. Returns what its disk shows to be accepted and was not seen before. */
  started(node: NodeId, incarnation: string, durable: DurableState): readonly DurableVote[] {
    const known = this.#records.get(keyOf({ node, incarnation }))
    const floor = durable.promised
    this.#current.set(node, incarnation)
    return this.#hold({ node, incarnation, isRunning: true, floor, ...heldBy(durable) }, known)
  }

  /** Nothing below what the disk holds may be said after a crash, so what was said before it matters no more. */
  crashed(node: NodeId): void {
    const record = this.#currentOf(node)
    if (record !== undefined) {
      this.#records.set(keyOf(record), { ...record, isRunning: false, floor: record.promised })
    }
  }

  /** A sync has ended. Returns what it shows to be accepted and was not seen before. */
  synced(node: NodeId, durable: DurableState): readonly DurableVote[] {
    const before = this.#running(node, 'synced a write')
    return this.#hold({ ...before, ...heldBy(durable) }, before)
  }

  /** A server says that it promised or accepted. Returns true when it may say less from now on than before. */
  said(node: NodeId, message: PromiseMessage | Accepted, members: MembersByInstance): boolean {
    const record = this.#running(node, `said ${textOf(message)}`)
    checkIsAdmitted(members, record, message)
    checkIsNotBelow(record, message)
    checkIsDurable(record, message)
    if (message.type === 'promise') checkShowsAll(record, message)
    if (compareBallots(message.ballot, record.floor) === 0) return false
    this.#records.set(keyOf(record), { ...record, floor: message.ballot })
    return true
  }

  /** The directory under which `node` last began, `null` if it never did. */
  incarnationOf(node: NodeId): string | null {
    return this.#current.get(node) ?? null
  }

  /** True when `member` may yet say that it accepted at `ballot`. Once false, it stays so. */
  mayStillAccept({ id, incarnation }: Member, ballot: Ballot): boolean {
    if (incarnation === null) return true
    const record = this.#records.get(keyOf({ node: id, incarnation }))
    return record === undefined || compareBallots(ballot, record.floor) >= 0
  }

  copy(): Acceptors {
    return new Acceptors([...this.#records.values()], [...this.#current])
  }

  /** Those that run, or ran last, are marked: of two directories of one server only one does. */
  toJson(): readonly (AcceptorRecord & { readonly isCurrent: boolean })[] {
    return [...this.#records.values()]
      .map((record) => ({ ...record, isCurrent: this.#current.get(record.node) === record.incarnation }))
      .sort((a, b) => a.node - b.node || (a.incarnation < b.incarnation ? -1 : 1))
  }

  #currentOf(node: NodeId): AcceptorRecord | undefined {
    const incarnation = this.#current.get(node)
    return incarnation === undefined ? undefined : this.#records.get(keyOf({ node, incarnation }))
  }

  #hold(after: AcceptorRecord, before: AcceptorRecord | undefined): readonly DurableVote[] {
    checkOutranks(after)
    if (before !== undefined) checkKeeps(before, after)
    this.#records.set(keyOf(after), after)
    return after.accepted.filter((vote) => !isIn(vote, before?.accepted ?? []))
  }

  #running(node: NodeId, what: string): AcceptorRecord {
    const record = this.#currentOf(node)
    if (record?.isRunning !== true) throw new Violation(3, `server ${node} ${what} while it was not running`)
    return record
  }
}

function keyOf({ node, incarnation }: { readonly node: NodeId; readonly incarnation: string }): string {
  return `${node} ${incarnation}`
}

function heldBy({ promised, firstUnchosen, accepted }: DurableState) {
  return {
    promised,
    firstUnchosen,
    accepted: accepted.map(({ instance, ballot, batch }) => ({
      instance,
      ballot,
      batch: batchFingerprint(batch),
    })),
  }
}

function voteAt(votes: readonly { instance: Instance; ballot: Ballot }[], instance: Instance) {
  return votes.find((vote) => vote.instance === instance)
}

function isIn(vote: DurableVote, votes: readonly DurableVote[]): boolean {
  return votes.some(
    (other) => other.instance === vote.instance && compareBallots(other.ballot, vote.ballot) === 0,
  )
}

function textOf({ type, ballot }: PromiseMessage | Accepted): string {
  return `${type} ${ballotText(ballot)}`
}

/** An accept raises the promise: otherwise a lower one could be accepted after it. */
function checkOutranks({ node, promised, accepted }: AcceptorRecord): void {
  for (const { instance, ballot } of accepted) {
    if (compareBallots(promised, ballot) >= 0) continue
    throw new Violation(
      3,
      `server ${node} accepted ${ballotText(ballot)} at instance ${instance} and holds only the promise ${ballotText(promised)}`,
    )
  }
}

/** Of what was on the disk nothing is lost, and what came to it is not below the promise that was there. */
function checkKeeps(before: AcceptorRecord, after: AcceptorRecord): void {
  const { node } = after
  if (compareBallots(after.promised, before.promised) < 0) {
    throw new Violation(
      3,
      `server ${node} had promised ${ballotText(before.promised)} and holds ${ballotText(after.promised)}`,
    )
  }
  if (after.firstUnchosen < before.firstUnchosen) {
    throw new Violation(
      3,
      `server ${node} held what was chosen below ${before.firstUnchosen} and holds only what is below ${after.firstUnchosen}`,
    )
  }
  for (const old of before.accepted) {
    if (old.instance < after.firstUnchosen) continue
    const kept = voteAt(after.accepted, old.instance)
    if (kept === undefined || compareBallots(kept.ballot, old.ballot) < 0) {
      throw new Violation(
        3,
        `server ${node} had accepted ${ballotText(old.ballot)} at instance ${old.instance} and lost it`,
      )
    }
  }
  for (const vote of after.accepted) {
    if (isIn(vote, before.accepted) || compareBallots(vote.ballot, before.promised) >= 0) continue
    throw new Violation(
      3,
      `server ${node} had promised ${ballotText(before.promised)} and accepted ${ballotText(vote.ballot)} at instance ${vote.instance}`,
    )
  }
}

/** A directory that was never counted has promised nothing that a quorum could rest on: it does not vote. */
function checkIsAdmitted(
  members: MembersByInstance,
  record: AcceptorRecord,
  message: PromiseMessage | Accepted,
): void {
  const { node, incarnation } = record
  if (members.wasCounted(node, incarnation)) return
  throw new Violation(3, `server ${node} said ${textOf(message)} as ${incarnation}, which was never counted`)
}

function checkIsNotBelow({ node, floor }: AcceptorRecord, message: PromiseMessage | Accepted): void {
  if (compareBallots(message.ballot, floor) >= 0) return
  throw new Violation(3, `server ${node} said ${textOf(message)} after it had promised ${ballotText(floor)}`)
}

/**
 * What is accepted may have been overwritten at a higher ballot in the same sync, or have become the chosen record; the
 * promise stands in either case.
 */
function checkIsDurable(record: AcceptorRecord, message: PromiseMessage | Accepted): void {
  const { node, promised, accepted, firstUnchosen } = record
  if (compareBallots(promised, message.ballot) < 0) {
    throw new Violation(
      3,
      `server ${node} said ${textOf(message)} while its disk held the promise ${ballotText(promised)}`,
    )
  }
  if (message.type === 'promise' || message.instance < firstUnchosen) return
  const vote = voteAt(accepted, message.instance)
  if (vote !== undefined && compareBallots(vote.ballot, message.ballot) >= 0) return
  throw new Violation(
    3,
    `server ${node} said ${textOf(message)} at instance ${message.instance} while its disk did not hold it`,
  )
}

/** What was accepted below the promised ballot was accepted before the promise: it is shown, unless it is settled. */
function checkShowsAll({ node, accepted }: AcceptorRecord, message: PromiseMessage): void {
  for (const vote of accepted) {
    if (vote.instance < Math.max(message.from, message.firstUnchosen)) continue
    if (compareBallots(vote.ballot, message.ballot) >= 0) continue
    const shown = voteAt(message.accepted, vote.instance)
    if (shown !== undefined && compareBallots(shown.ballot, vote.ballot) >= 0) continue
    throw new Violation(
      3,
      `server ${node} said ${textOf(message)} and did not show that it had accepted ${ballotText(vote.ballot)} at instance ${vote.instance}`,
    )
  }
}
