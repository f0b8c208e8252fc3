/**
 * The message dictionary: everything that servers say to each other, and what clients and servers say.
 * Who says it, what it means and who hears it stands at each; machines/README.md has the table.
 */
import type { Ballot } from './ballot.ts'
import type { AcceptedRecord, Batch, Instance, Json, NodeId, Request } from './batch.ts'
import type { FounderName, FoundingPlan, Member, ShownMember } from './members.ts'
import type { Outcome } from './outcome.ts'

/** Phase 1a. A proposer: I would lead from instance `from` on; what have you accepted there? Heard by acceptors. */
export interface Prepare {
  readonly type: 'prepare'
  readonly ballot: Ballot
  readonly from: Instance
}

/**
 * Phase 1b. An acceptor: I take nothing below this ballot; here is what I accepted at or above `from`, and how far I know
 * what was chosen. Heard by the proposer of the ballot.
 */
export interface PromiseMessage {
  readonly type: 'promise'
  readonly ballot: Ballot
  readonly from: Instance
  readonly accepted: readonly AcceptedRecord[]
  readonly firstUnchosen: Instance
}

/**
 * Phase 2a. A proposer: accept this. Instances are serial, so it also says: everything below `instance` is chosen.
 * Heard by acceptors.
 */
export interface Accept {
  readonly type: 'accept'
  readonly ballot: Ballot
  readonly instance: Instance
  readonly batch: Batch
}

/** Phase 2b. An acceptor: accepted, and synced. Heard by the proposer of the ballot. */
export interface Accepted {
  readonly type: 'accepted'
  readonly ballot: Ballot
  readonly instance: Instance
}

/**
 * An acceptor: I have promised more than `ballot`; or `instance` is settled (it is below `firstUnchosen`): catch up.
 * Heard by the proposer of the ballot.
 */
export interface Denial {
  readonly type: 'denial'
  readonly ballot: Ballot
  readonly instance: Instance
  readonly promised: Ballot | null
  readonly firstUnchosen: Instance
}

/** A learner: what was chosen from `from` on? Heard by learners. */
export interface Learn {
  readonly type: 'learn'
  readonly from: Instance
}

/**
 * A learner, or the proposer that had it chosen: `batches` were chosen at `from` and after; I know what was chosen below
 * `firstUnchosen`. `unsettled`: at or above that, something is accepted of which I do not know whether it is chosen.
 * Heard by learners.
 */
export interface Chosen {
  readonly type: 'chosen'
  readonly from: Instance
  readonly batches: readonly Batch[]
  readonly firstUnchosen: Instance
  readonly unsettled: boolean
}

/** What servers say to each other. */
export type NodeMessage = Prepare | PromiseMessage | Accept | Accepted | Denial | Learn | Chosen

/** A client: execute this. Heard by the request queue. */
export interface RequestMessage extends Request {
  readonly type: 'request'
}

/** A question that the server itself answers, or its answer. */
interface WithNonce {
  /**
   * The answer repeats it, so that whoever asked knows it for the answer wherever it comes from: a server that listens on
   * all addresses of its machine may answer from another one than was asked.
   */
  readonly nonce?: string
}

/** A client, before its first request: who are you? Answered by the server itself, not by a role. */
export interface Hello extends WithNonce {
  readonly type: 'hello'
}

/** Somebody looking: how are you? Answered by the server itself with a `report`. */
export interface Inquire extends WithNonce {
  readonly type: 'inquire'
}

/** What clients say to servers. */
export type ClientMessage = RequestMessage | Hello | Inquire

/** The request queue: how the request ended. Heard by the client. */
export interface Response {
  readonly type: 'response'
  readonly uid: string
  readonly seq: number
  readonly outcome: Outcome
}

/** The request queue: I hold your request and it is delayed; no need to ask another server. Heard by the client. */
export interface Queued {
  readonly type: 'queued'
  readonly uid: string
  readonly seq: number
}

/**
 * The request queue: I do not take your request. `busy`: my queue is full, your request is delayed and there are as many such
 * as there may be, or so are sessions and yours is new; come back later. `notMember`: I do not count in the cluster;
 * `stopping`: I am about to stop. For the last two, ask another server. Heard by the client.
 */
export interface Busy {
  readonly type: 'busy'
  readonly uid: string
  readonly seq: number
  readonly reason: 'busy' | 'notMember' | 'stopping'
}

/**
 * A server to a client that said hello. `instance` stamps the client's session: sessions opened long ago are refused.
 */
export interface Welcome extends WithNonce {
  readonly type: 'welcome'
  readonly cluster: string
  readonly node: NodeId
  readonly instance: Instance
  readonly members: readonly ShownMember[]
  readonly commandBytes: number
}

/** A server to somebody who inquired: a status, as `paxos status --json` prints it. */
export interface Report extends WithNonce {
  readonly type: 'report'
  readonly status: Json
}

/** What servers say to clients. */
export type ServerMessage = Response | Queued | Busy | Welcome | Report

/**
 * A server that joins, once it was added to the members: who founded the cluster? The envelope names its incarnation. Answered by the
 * server itself, with `invitation` at the address by which the sender was added, or with `notInvited`.
 */
export interface Join {
  readonly type: 'join'
}

/**
 * A server to one that joins. `founders` are the members at instance 0, from which the server that joins executes everything. `to`
 * is the incarnation that asked, and `incarnation` that of the server that answers.
 */
export interface Invitation {
  readonly type: 'invitation'
  readonly to: string
  readonly incarnation: string
  readonly founders: readonly Member[]
}

/**
 * A server to one that asks to join: as far as I know, the cluster has not agreed to that. `missing`: your id is not among the members,
 * or it is there with another incarnation than yours, `to`.
 */
export interface NotInvited {
  readonly type: 'notInvited'
  readonly to: string
  readonly missing: 'member' | 'incarnation'
}

/**
 * A founder, to each of the others: I found a cluster of `members`, named `cluster` if that is given, and `incarnation` is mine. Is
 * this what you found, and who are you? Answered by the server itself, also when its cluster exists already, with `founder` or
 * `notFounder`.
 */
export interface Found extends FoundingPlan {
  readonly type: 'found'
  readonly incarnation: string
}

/**
 * A founder to another, `to`, which it counts: `incarnation` is mine. `founders` is the list of all that I hold durably, `null` while
 * I do not know them all. `isFounded`: all of them hold that list.
 */
export interface Founder {
  readonly type: 'founder'
  readonly to: string
  readonly incarnation: string
  readonly founders: readonly FounderName[] | null
  readonly isFounded: boolean
}

/**
 * A founder to a server, `to`, which it does not count: the cluster that I found, or have founded if `isFounded`, is another one, or
 * it knows another incarnation of yours.
 */
export interface NotFounder extends FoundingPlan {
  readonly type: 'notFounder'
  readonly to: string
  readonly isFounded: boolean
}

/** What a server says, and is answered, before it takes part: no role hears it. */
export type BeginningMessage = Join | Invitation | NotInvited | Found | Founder | NotFounder

/**
 * A server's transport to whoever sends to it: echo this cookie in the envelope, which shows that you receive what is sent to
 * your address. `withheld` counts the answers that were too long to be sent without that: ask again. Heard by the transport
 * of the other end, not by a role.
 */
export interface Challenge {
  readonly type: 'challenge'
  readonly cookie: string
  readonly withheld: number
  /** Of a question that it answers, if it has one. */
  readonly nonce?: string
}

/** Everything that a datagram may carry. */
export type Message = NodeMessage | ClientMessage | ServerMessage | BeginningMessage | Challenge
