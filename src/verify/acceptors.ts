/**
 * Invariant 3: the promise of a server never decreases. The server accepts nothing below its promise. It sends a promise or an
 * accepted only after the record is durable, so the record survives a crash. *Paxos Made Simple*, sections 2.2 and 2.5.
 */
import { type Ballot, compareBallots } from '../../machines/ballot.ts'
import type { Instance, NodeId } from '../../machines/batch.ts'
import type { Member } from '../../machines/members.ts'
import type { Accepted, PromiseMessage } from '../../machines/messages.ts'
import type { DurableState } from '../core/durable.ts'
import { batchFingerprint } from '../core/fingerprint.ts'
import { Violation } from '../core/violation.ts'
import type { MembersByInstance } from './members-by-instance.ts'
import { Part } from './part.ts'
import { ballotText } from './text.ts'

/** The accepted record on a disk for an instance that is not known to be chosen. `batch` is the fingerprint of the batch. */
export interface DurableVote {
  readonly instance: Instance
  readonly ballot: Ballot
  readonly batch: number
}

/** The known state of the acceptor in one data directory of a server. */
export interface AcceptorRecord {
  readonly node: NodeId
  readonly incarnation: string
  readonly isRunning: boolean
  /** The acceptor sends no ballot below this one: the last ballot that it sent, or its durable promise when it started. */
  readonly floor: Ballot | null
  readonly promised: Ballot | null
  readonly firstUnchosen: Instance
  /** In order of instance. */
  readonly accepted: readonly DurableVote[]
}

export class Acceptors extends Part {
  /** By server and directory: a server may run again with an old directory, and later with the newer one. */
  #records: Map<string, AcceptorRecord>
  /** The directory with which each server last started. */
  #current: Map<NodeId, string>
  /** A copy has the same maps: they are copied before the next change. */
  #isShared = false

  constructor(
    records: readonly AcceptorRecord[] = [],
    current: readonly (readonly [NodeId, string])[] = records.map(({ node, incarnation }) => [
      node,
      incarnation,
    ]),
  ) {
    super()
    this.#records = new Map(records.map((record) => [keyOf(record), record]))
    this.#current = new Map(current)
  }

  /** For servers that already run: the messages that they sent before are not known. */
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

  /** Restores the result of `toJson`. */
  static fromJson(records: ReturnType<Acceptors['toJson']>): Acceptors {
    const current = records.filter(({ isCurrent }) => isCurrent)
    return new Acceptors(
      records.map(({ isCurrent: _, ...record }) => record),
      current.map(({ node, incarnation }) => [node, incarnation]),
    )
  }

  /** A server starts. Returns the accepted records on its disk that were not seen before. */
  started(node: NodeId, incarnation: string, durable: DurableState): readonly DurableVote[] {
    const known = this.#records.get(keyOf({ node, incarnation }))
    const floor = durable.promised
    this.#own()
    this.#current.set(node, incarnation)
    return this.#hold({ node, incarnation, isRunning: true, floor, ...heldBy(durable) }, known)
  }

  /** A server crashed. From now on its floor is its durable promise; the messages that it sent before no longer matter. */
  crashed(node: NodeId): void {
    const record = this.#currentOf(node)
    if (record !== undefined) {
      this.#put({ ...record, isRunning: false, floor: record.promised })
    }
  }

  /** A sync has ended. Returns the accepted records on the disk that were not seen before. */
  synced(node: NodeId, durable: DurableState): readonly DurableVote[] {
    const before = this.#running(node, 'synced a write')
    return this.#hold({ ...before, ...heldBy(durable) }, before)
  }

  /** A server sends a promise or an accepted. Returns true when this raises the lowest ballot that it may still send. */
  sent(node: NodeId, message: PromiseMessage | Accepted, members: MembersByInstance): boolean {
    const record = this.#running(node, `sent ${textOf(message)}`)
    checkIsAdmitted(members, record, message)
    checkIsNotBelow(record, message)
    checkIsDurable(record, message)
    if (message.type === 'promise') checkShowsAll(record, message)
    if (compareBallots(message.ballot, record.floor) === 0) return false
    this.#put({ ...record, floor: message.ballot })
    return true
  }

  /** The directory with which `node` last started, `null` if it never started. */
  incarnationOf(node: NodeId): string | null {
    return this.#current.get(node) ?? null
  }

  /** True when `member` may still send an accepted at `ballot`. Once false, the result stays false. */
  mayStillAccept({ id, incarnation }: Member, ballot: Ballot): boolean {
    if (incarnation === null) return true
    const record = this.#records.get(keyOf({ node: id, incarnation }))
    return record === undefined || compareBallots(ballot, record.floor) >= 0
  }

  /** `isCurrent` marks the directory with which a server runs or last ran. Each server has at most one. */
  override toJson(): readonly (AcceptorRecord & { readonly isCurrent: boolean })[] {
    return [...this.#records.values()]
      .map((record) => ({ ...record, isCurrent: this.#current.get(record.node) === record.incarnation }))
      .sort((a, b) => a.node - b.node || (a.incarnation < b.incarnation ? -1 : 1))
  }

  protected override duplicate(): Acceptors {
    const copy = new Acceptors()
    copy.#records = this.#records
    copy.#current = this.#current
    copy.#isShared = true
    this.#isShared = true
    return copy
  }

  #put(record: AcceptorRecord): void {
    this.#own()
    this.#records.set(keyOf(record), record)
  }

  /** To be called before each change. */
  #own(): void {
    this.changed()
    if (!this.#isShared) return
    this.#isShared = false
    this.#records = new Map(this.#records)
    this.#current = new Map(this.#current)
  }

  #currentOf(node: NodeId): AcceptorRecord | undefined {
    const incarnation = this.#current.get(node)
    return incarnation === undefined ? undefined : this.#records.get(keyOf({ node, incarnation }))
  }

  #hold(after: AcceptorRecord, before: AcceptorRecord | undefined): readonly DurableVote[] {
    checkOutranks(after)
    if (before !== undefined) checkKeeps(before, after)
    this.#put(after)
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

/** An accept also raises the promise. Otherwise the acceptor could accept a lower ballot after it. */
function checkOutranks({ node, promised, accepted }: AcceptorRecord): void {
  for (const { instance, ballot } of accepted) {
    if (compareBallots(promised, ballot) >= 0) continue
    throw new Violation(
      3,
      `server ${node} accepted ${ballotText(ballot)} at instance ${instance} but holds only the promise ${ballotText(promised)}`,
    )
  }
}

/** The disk lost no record, and no new record is below the promise that the disk held before. */
function checkKeeps(before: AcceptorRecord, after: AcceptorRecord): void {
  const { node } = after
  if (compareBallots(after.promised, before.promised) < 0) {
    throw new Violation(
      3,
      `server ${node} had promised ${ballotText(before.promised)} and now holds the promise ${ballotText(after.promised)}`,
    )
  }
  if (after.firstUnchosen < before.firstUnchosen) {
    throw new Violation(
      3,
      `server ${node} held the chosen batches below ${before.firstUnchosen} and now holds only those below ${after.firstUnchosen}`,
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

/** A directory that was never counted must not vote: its promises can be in no quorum. */
function checkIsAdmitted(
  members: MembersByInstance,
  record: AcceptorRecord,
  message: PromiseMessage | Accepted,
): void {
  const { node, incarnation } = record
  if (members.wasCounted(node, incarnation)) return
  throw new Violation(3, `server ${node} sent ${textOf(message)} as ${incarnation}, which was never counted`)
}

function checkIsNotBelow({ node, floor }: AcceptorRecord, message: PromiseMessage | Accepted): void {
  if (compareBallots(message.ballot, floor) >= 0) return
  throw new Violation(3, `server ${node} sent ${textOf(message)} after it had promised ${ballotText(floor)}`)
}

/**
 * The same sync may have replaced the accepted record with one at a higher ballot, or with the chosen record. The promise
 * must be on the disk in both cases.
 */
function checkIsDurable(record: AcceptorRecord, message: PromiseMessage | Accepted): void {
  const { node, promised, accepted, firstUnchosen } = record
  if (compareBallots(promised, message.ballot) < 0) {
    throw new Violation(
      3,
      `server ${node} sent ${textOf(message)} while its disk held the promise ${ballotText(promised)}`,
    )
  }
  if (message.type === 'promise' || message.instance < firstUnchosen) return
  const vote = voteAt(accepted, message.instance)
  if (vote !== undefined && compareBallots(vote.ballot, message.ballot) >= 0) return
  throw new Violation(
    3,
    `server ${node} sent ${textOf(message)} for instance ${message.instance} before its disk held the record`,
  )
}

/**
 * A record below the promised ballot was accepted before the promise. The promise must contain the record, unless its instance
 * is known to be chosen.
 */
function checkShowsAll({ node, accepted }: AcceptorRecord, message: PromiseMessage): void {
  for (const vote of accepted) {
    if (vote.instance < Math.max(message.from, message.firstUnchosen)) continue
    if (compareBallots(vote.ballot, message.ballot) >= 0) continue
    const shown = voteAt(message.accepted, vote.instance)
    if (shown !== undefined && compareBallots(shown.ballot, vote.ballot) >= 0) continue
    throw new Violation(
      3,
      `server ${node} sent ${textOf(message)} without the record that it had accepted ${ballotText(vote.ballot)} at instance ${vote.instance}`,
    )
  }
}
