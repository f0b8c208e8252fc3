/**
 * The message dictionary: all messages between servers, and between clients and servers. Each comment names the sender, the
 * meaning (as spoken by the sender) and the receiver; machines/README.md has the table.
 */
import type { Ballot } from './ballot.ts'
import type { AcceptedRecord, Batch, Instance, Json, NodeId, RequestGroup } from './batch.ts'
import type { Proof } from './boot.ts'
import type { FounderName, FoundingPlan, Member, ShownMember } from './members.ts'
import type { Outcome, ReadOutcome } from './outcome.ts'
import type { SnapshotName } from './snapshot-name.ts'

/** Phase 1a. A proposer: I want to lead from instance `from` on; what have you accepted there? Received by acceptors. */
export interface Prepare {
  readonly type: 'prepare'
  readonly ballot: Ballot
  readonly from: Instance
}

/**
 * Phase 1b. An acceptor: I accept nothing below this ballot. Here is what I accepted at or above `from`; I know everything chosen
 * below `firstUnchosen`. Received by the proposer of the ballot.
 */
export interface PromiseMessage {
  readonly type: 'promise'
  readonly ballot: Ballot
  readonly from: Instance
  readonly accepted: readonly AcceptedRecord[]
  readonly firstUnchosen: Instance
}

/** Phase 2a. A proposer: accept this. Instances are serial, so everything below `instance` is chosen. Received by acceptors. */
export interface Accept {
  readonly type: 'accept'
  readonly ballot: Ballot
  readonly instance: Instance
  readonly batch: Batch
  /**
   * The running digest of the proposer's server after the instance below: its outcomes there and before. The core adds it on the way out;
   * absent at instance 0.
   */
  readonly digest?: string
}

/** Phase 2b. An acceptor: accepted and synced. Received by the proposer of the ballot. */
export interface Accepted {
  readonly type: 'accepted'
  readonly ballot: Ballot
  readonly instance: Instance
}

/**
 * An acceptor: I refuse, since I have promised more than `ballot`, or its round is too far above; or `instance` is settled (it is below
 * `firstUnchosen`: catch up) or beyond my window; or it has another batch at this ballot; or you are not counted. Received by the
 * proposer of the ballot.
 */
export interface Denial {
  readonly type: 'denial'
  readonly ballot: Ballot
  readonly instance: Instance
  readonly promised: Ballot | null
  readonly firstUnchosen: Instance
}

/** A learner: what was chosen from `from` on? Received by learners. */
export interface Learn {
  readonly type: 'learn'
  readonly from: Instance
}

/**
 * A learner, or the proposer that had them chosen: `batches` were chosen from `from` on; I know everything chosen below
 * `firstUnchosen`. `unsettled`: I know an accepted batch at or above that, and do not know whether it is chosen. Received by
 * learners.
 */
export interface Chosen {
  readonly type: 'chosen'
  readonly from: Instance
  readonly batches: readonly Batch[]
  readonly firstUnchosen: Instance
  readonly unsettled: boolean
}

/**
 * A learner: I do not hold the batches, or the chunks, that you asked for, or the batches would cost you more than this snapshot. It
 * contains what they did; I know everything chosen below `firstUnchosen`. Received by learners.
 */
export interface Compacted {
  readonly type: 'compacted'
  readonly snapshot: SnapshotName
  readonly firstUnchosen: Instance
}

/** A learner: send me the chunks of this snapshot from `offsetBytes` on. Received by learners. */
export interface Fetch {
  readonly type: 'fetch'
  readonly snapshot: SnapshotName
  readonly offsetBytes: number
}

/** A learner: these are the bytes of the snapshot at `offsetBytes`, in base64. Received by learners. */
export interface Chunk {
  readonly type: 'chunk'
  readonly snapshot: SnapshotName
  readonly offsetBytes: number
  readonly bytes: string
}

/**
 * A proposer, to the servers that a chosen batch concerns: the batch that I proposed at this instance and ballot is chosen. An
 * acceptor that accepted it knows the batch, so the message does not repeat it. Or a request queue, with `ballot` null: the
 * instance is chosen, and you need its batch. Received by acceptors.
 */
export interface Settled {
  readonly type: 'settled'
  readonly ballot: Ballot | null
  readonly instance: Instance
}

/**
 * A request queue, to the leader: I hold these requests for their clients, and you lead, so propose them. Received by the
 * request queue.
 */
export interface HandOver {
  readonly type: 'handOver'
  readonly groups: readonly RequestGroup[]
}

/**
 * An auditor: my running digest after `instance` is `digest`, and another server has a different one; what are yours? Received by
 * auditors.
 */
export interface Compare {
  readonly type: 'compare'
  readonly instance: Instance
  readonly digest: string
}

/**
 * An auditor that has executed `instance`: my running digests after each of the last instances up to it, in order. Received by the
 * auditor that asked.
 */
export interface Compared {
  readonly type: 'compared'
  readonly instance: Instance
  readonly digests: readonly string[]
}

/**
 * An auditor: these two boots prove that the directory with the incarnation `directory`, of the server `node`, was copied or put back. Received
 * by auditors, also by that of the exposed server.
 */
export interface Exposure extends Proof {
  readonly type: 'exposure'
  readonly node: NodeId
  readonly directory: string
}

/** A running digest of a server, after the last instance that it has executed. */
export interface DigestAfter {
  readonly instance: Instance
  readonly digest: string
}

/**
 * The reader of a server, which holds reads: below which instance have you accepted batches? The answer repeats `question`. Received by
 * acceptors.
 */
export interface Confirm {
  readonly type: 'confirm'
  readonly question: number
  /** The running digest of the sender; the core adds it. Missing before the first execution. */
  readonly after?: DigestAfter
}

/**
 * An acceptor: I have accepted nothing at or above `acceptedBelow`, synced or not, and I know everything chosen below `firstUnchosen`.
 * Received by the reader that asked.
 */
export interface Confirmed {
  readonly type: 'confirmed'
  readonly question: number
  /** As in `confirm`. */
  readonly after?: DigestAfter
  readonly firstUnchosen: Instance
  readonly acceptedBelow: Instance
}

/** The messages between the roles of servers. */
export type NodeMessage =
  | Prepare
  | PromiseMessage
  | Accept
  | Accepted
  | Denial
  | Learn
  | Chosen
  | Compacted
  | Fetch
  | Chunk
  | Settled
  | HandOver
  | Compare
  | Compared
  | Exposure
  | Confirm
  | Confirmed

/** A client: execute these requests of my session. Received by the request queue. */
export interface RequestMessage extends RequestGroup {
  readonly type: 'request'
  /** The client has just left this server, which did not answer or refused: do not hand the requests over to it. */
  readonly avoid?: NodeId
}

/** A command of the service that only reads. */
export interface ReadRequest {
  readonly seq: number
  readonly body: Json
}

/**
 * A client: read this. `uid` is a random name that the client has drawn, and no session. Unless `stale` is set, the state must contain
 * every request that was answered before the read was sent. With it, the server reads its present state. Received by the reader.
 */
export interface ReadMessage {
  readonly type: 'read'
  readonly uid: string
  readonly reads: readonly ReadRequest[]
  readonly stale: boolean
}

/** The messages of clients that a role receives. */
export type ClientAsk = RequestMessage | ReadMessage

/** A question that the server itself answers, or its answer. */
interface WithNonce {
  /**
   * The answer repeats it, so that the sender of the question recognises the answer from any address: a server that listens on
   * all addresses of its machine may answer from another one.
   */
  readonly nonce?: string
}

/** A client, before its first request: who are you? Answered by the server itself, not by a role. */
export interface Hello extends WithNonce {
  readonly type: 'hello'
}

/** An observer: what is your status? Answered by the server itself with a `report`. */
export interface Inquire extends WithNonce {
  readonly type: 'inquire'
}

/**
 * An operator: send me your replicated state, which must contain everything below `least`. With `part`, the next bytes of a state that you
 * offered. Answered by the server itself, with `offer`, `part` or `noBackup`.
 */
export interface Backup extends WithNonce {
  readonly type: 'backup'
  readonly least: Instance
  readonly part?: { readonly snapshot: SnapshotName; readonly offsetBytes: number }
}

/** The messages from clients to servers. */
export type ClientMessage = ClientAsk | Hello | Inquire | Backup

/** The outcome of one request of a session. */
export interface Answer {
  readonly seq: number
  readonly outcome: Outcome
}

/** The outcome of one read. */
export interface ReadAnswer {
  readonly seq: number
  readonly outcome: ReadOutcome
}

export type AnyAnswer = Answer | ReadAnswer

/**
 * The request queue: the outcomes of these requests of your session; or the server, for its reader: those of your reads. Received by the
 * client.
 */
export interface Response {
  readonly type: 'response'
  readonly uid: string
  readonly answers: readonly AnyAnswer[]
}

/** The request queue: I hold these requests and they are delayed; do not ask another server. Received by the client. */
export interface Queued {
  readonly type: 'queued'
  readonly uid: string
  readonly seqs: readonly number[]
  /** Ask me again after this time, in milliseconds: many requests wait here. Without it, after your own interval. */
  readonly askAgainMs?: number
}

/**
 * The request queue, or the reader: I do not accept these requests or reads. `busy`: my queue is full; or they are delayed and the limit of delayed
 * requests is reached; or your session is new and the limit of sessions is reached. Ask again later. `notMember`: I am not
 * counted in the cluster. `stopping`: I am about to stop. `noSpace`: my disk has little room left. For the last three, ask another server. Received by the client.
 */
export interface Busy {
  readonly type: 'busy'
  readonly uid: string
  readonly seqs: readonly number[]
  readonly reason: 'busy' | 'notMember' | 'stopping' | 'noSpace'
}

/**
 * A server to a client that sent `hello`. `instance` is the first instance that the server has not executed: a server that joins catches
 * up to it before it asks for its vote. `service` is the name of the service that the cluster runs; a composed one has the names of its parts, joined by `+`.
 */
export interface Welcome extends WithNonce {
  readonly type: 'welcome'
  readonly cluster: string
  readonly service: string
  readonly node: NodeId
  readonly instance: Instance
  readonly members: readonly ShownMember[]
  readonly commandBytes: number
}

/** A server to an observer: the status, as `paxos status --json` prints it. */
export interface Report extends WithNonce {
  readonly type: 'report'
  readonly status: Json
}

/**
 * A server to an operator who sent `backup`: the replicated state before `snapshot.instance`. `snapshot` names what the server stores. Its
 * first line is not sent, because it names the directories of the members; `head` has its other fields. `lengthBytes` and `digest` are
 * those of the lines after it.
 */
export interface Offer extends WithNonce {
  readonly type: 'offer'
  readonly snapshot: SnapshotName
  readonly lengthBytes: number
  readonly digest: string
  readonly cluster: string
  readonly service: string
  readonly head: Json
  readonly members: readonly ShownMember[]
}

/** A server to an operator: bytes of the offered lines from `offsetBytes` on, in base64. */
export interface Part extends WithNonce {
  readonly type: 'part'
  readonly snapshot: SnapshotName
  readonly offsetBytes: number
  readonly bytes: string
}

/**
 * A server to an operator: I have no backup for you. `drawing`: ask again, I take a snapshot. `behind`: I have not executed everything
 * below `least`, so ask another server. `gone`: I have deleted what I offered, so begin again. `nothing`: nothing was chosen yet.
 */
export interface NoBackup extends WithNonce {
  readonly type: 'noBackup'
  readonly reason: 'drawing' | 'behind' | 'gone' | 'nothing'
}

/** The messages from servers to clients. */
export type ServerMessage = Response | Queued | Busy | Welcome | Report | Offer | Part | NoBackup

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
 * A server to one that asks to join: as far as I know, the cluster has not agreed to that. `missing`: your id is not among the
 * members, or it is there with another incarnation than yours, `to`.
 */
export interface NotInvited {
  readonly type: 'notInvited'
  readonly to: string
  readonly missing: 'member' | 'incarnation'
}

/**
 * A founder to each of the others: I found a cluster of `members`, with the name `cluster` if given, and `incarnation` is mine.
 * Do you found the same, and what is your incarnation? Answered by the server itself, also when its cluster exists already, with
 * `founder` or `notFounder`.
 */
export interface Found extends FoundingPlan {
  readonly type: 'found'
  readonly incarnation: string
}

/**
 * A founder to another, `to`, which it counts: `incarnation` is mine. `founders` is the list of all founders that I hold durably,
 * `null` until I know them all. `isFounded`: all of them hold that list.
 */
export interface Founder {
  readonly type: 'founder'
  readonly to: string
  readonly incarnation: string
  readonly founders: readonly FounderName[] | null
  readonly isFounded: boolean
}

/**
 * A founder to a server, `to`, which it does not count: the cluster that I found, or have founded if `isFounded`, is another one,
 * or knows another incarnation of yours.
 */
export interface NotFounder extends FoundingPlan {
  readonly type: 'notFounder'
  readonly to: string
  readonly isFounded: boolean
}

/** The messages of a server before it takes part, and their answers. No role receives them. */
export type BeginningMessage = Join | Invitation | NotInvited | Found | Founder | NotFounder

/**
 * A server's transport to a sender: echo this cookie in the envelope, to show that you receive datagrams at your address.
 * `withheld` counts the answers that were too long to send without that: ask again. Received by the transport of the other end,
 * not by a role.
 */
export interface Challenge {
  readonly type: 'challenge'
  readonly cookie: string
  readonly withheld: number
  /** The nonce of the question that it answers, if it has one. */
  readonly nonce?: string
}

/** Everything that a datagram may carry. */
export type Message = NodeMessage | ClientMessage | ServerMessage | BeginningMessage | Challenge
