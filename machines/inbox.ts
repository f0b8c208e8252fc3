/** The events of each role. A bare word is a network message with its sender; a dotted name is an event from inside the node. */
import type { Ballot } from './ballot.ts'
import type { Address, Batch, ChosenBatch, Instance, NodeId } from './batch.ts'
import type { ShownBoot } from './boot.ts'
import type { Member } from './members.ts'
import type {
  Accept,
  Accepted,
  Answer,
  Chosen,
  Chunk,
  Compacted,
  Compare,
  Compared,
  Confirm,
  Confirmed,
  Denial,
  Exposure,
  Fetch,
  HandOver,
  Learn,
  NodeMessage,
  Prepare,
  PromiseMessage,
  ReadMessage,
  RequestMessage,
  Settled,
} from './messages.ts'
import type { Execution, RequestOutcome } from './outcome.ts'
import type { SnapshotName } from './snapshot-name.ts'

export type RoleName =
  | 'acceptor'
  | 'proposer'
  | 'learner'
  | 'requestQueue'
  | 'timekeeper'
  | 'auditor'
  | 'reader'

/** The envelope data of a message between servers. The core of the node writes and reads it, so that no role can omit it. */
export interface Names {
  /** The directory of the sender. Only messages of the directory that the members name are counted. */
  readonly incarnation: string
  /**
   * The directory of the intended receiver, from the members of the sender or from the message that is answered; `null` when the
   * sender knows none. Strangers never receive it, so a sender that names it belongs to the cluster.
   */
  readonly addressee: string | null
  /** The present boot of that directory. Engines that never copy a directory omit it. */
  readonly boot?: ShownBoot
}

/** A message as a role receives it: with its sender, and whether the sender named this server's directory. */
export type Heard<M> = M & {
  readonly sender: NodeId
  readonly incarnation: string
  readonly knowsUs: boolean
  /** When it arrived, by the monotonic clock of this server, in milliseconds. */
  readonly atMs: number
}

/** A server to ask for chosen batches, and its directory. Answers from another directory are ignored. */
export interface Informant {
  readonly id: NodeId
  readonly incarnation: string
}

/** The members changed. Every role receives it except the proposer, which gets the change from `batch.executed`. */
export interface MembersChanged {
  readonly type: 'members.changed'
  readonly members: readonly Member[]
}

/** The replica executed a chosen batch. */
export interface BatchExecuted extends Execution {
  readonly type: 'batch.executed'
  /** The time of the execution, by the monotonic clock of this server, in milliseconds. */
  readonly atMs: number
}

/**
 * A snapshot replaced the replicated state: everything below `firstUnexecuted` is executed, and nobody knows the outcomes of the
 * batches between.
 */
export interface StateReplaced {
  readonly type: 'state.replaced'
  readonly firstUnexecuted: Instance
  readonly members: readonly Member[]
}

/** This server promised to `leader`, or another server did: requests are handed over to that server. */
export interface LeaderChanged {
  readonly type: 'leader.changed'
  readonly leader: NodeId
}

/** `leader` has executed some of the requests that were handed over to it, and this server has not yet. */
export interface LeaderAnswered {
  readonly type: 'leader.answered'
  readonly leader: NodeId
}

/** What the replica knows about the requests of a group before they are proposed. */
export interface Recalled {
  /** The outcomes of those that have ended or are refused. */
  readonly ended: readonly Answer[]
  /** True when the replica has no room for the session. */
  readonly isFull: boolean
}

/** The outcomes of held requests that ended below a snapshot. */
export interface RequestsRecalled {
  readonly type: 'requests.recalled'
  readonly ended: readonly RequestOutcome[]
}

/** Requests of a client. */
export interface RequestArrived extends RequestMessage {
  readonly replyTo: Address
  /** The arrival time in milliseconds since 1970, for display only. */
  readonly receivedAtMs: number
  /** The arrival time by the monotonic clock of this server, in milliseconds. */
  readonly atMs: number
  /** The size of each command (`queuedBytes`). */
  readonly commandBytes: readonly number[]
  readonly recalled: Recalled
}

/** Requests that another server hands over, because this server leads. */
export interface HandOverArrived extends Heard<HandOver> {
  /** For each group: the size of each command. */
  readonly commandBytes: readonly (readonly number[])[]
  /** For each group. */
  readonly recalled: readonly Recalled[]
  /** This server has executed every instance below. */
  readonly firstUnexecuted: Instance
}

/** Reads of a client. */
export interface ReadArrived extends ReadMessage {
  readonly replyTo: Address
  /** The arrival time by the monotonic clock of this server, in milliseconds. */
  readonly atMs: number
  /** The size of each body (`queuedBytes`). */
  readonly bodyBytes: readonly number[]
}

export type AcceptorEvent =
  | Heard<Prepare>
  | Heard<Accept>
  | Heard<Settled>
  | Heard<Confirm>
  /** The requested write is synced. */
  | { readonly type: 'persisted' }
  /** The learner knows everything chosen below `firstUnchosen`, and not from this acceptor. */
  | { readonly type: 'firstUnchosen.advanced'; readonly firstUnchosen: Instance }
  | MembersChanged

export type ProposerEvent =
  | Heard<PromiseMessage>
  | Heard<Accepted>
  | Heard<Denial>
  /** The request queue has something to propose. */
  | { readonly type: 'requests.ready' }
  /**
   * The request queue answers `batch.wanted`. The core sets the time that the batch adds, and `atMs`, the time of the offer by the
   * monotonic clock of this server in milliseconds.
   */
  | { readonly type: 'batch.offered'; readonly batch: Batch; readonly atMs: number }
  /** The learner found an accepted batch that no server knows to be chosen and no proposer is working on. */
  | { readonly type: 'settle.wanted' }
  /** The directory of a member was exposed as a copy: what this server counted from it proves nothing. */
  | { readonly type: 'server.exposed'; readonly sender: NodeId }
  /** This node's acceptor promised a higher ballot to another proposer. */
  | { readonly type: 'rival.promised'; readonly ballot: Ballot }
  | BatchExecuted
  | StateReplaced

export type LearnerEvent =
  | Heard<Learn>
  | Heard<Chosen>
  | Heard<Compacted>
  | Heard<Fetch>
  | Heard<Chunk>
  /** This node's proposer had a batch chosen. */
  | ({ readonly type: 'batch.chosen' } & ChosenBatch)
  /**
   * This node's acceptor received an accept or a `settled` for the instance `heard`. Everything below `firstUnchosen` is chosen.
   * `implied` is the batch that is chosen at the first unchosen instance, if that is the one below and the acceptor accepted that
   * batch at the ballot of the message. The acceptor has then advanced beyond it.
   */
  | {
      readonly type: 'choice.implied'
      readonly informant: Informant
      readonly heard: Instance
      readonly firstUnchosen: Instance
      readonly implied: Batch | null
      /** When the message arrived. */
      readonly atMs: number
    }
  /** The informant knows everything chosen below `firstUnchosen`, and this server needs it. */
  | {
      readonly type: 'behind.noticed'
      readonly firstUnchosen: Instance
      readonly informant: Informant
      /** The time of the notice; `null` when it is not known. */
      readonly atMs: number | null
    }
  /**
   * A client asks again for a delayed request, or no quorum answers the proposer: ask the others whether this server missed
   * something.
   */
  | { readonly type: 'news.wanted' }
  /** Storage answers `read`. `batches` is `null` when it no longer holds the batch at `from`. */
  | {
      readonly type: 'chosen.read'
      readonly to: NodeId
      readonly incarnation: string
      readonly from: Instance
      readonly batches: readonly Batch[] | null
    }
  /** Storage answers `readChunks`, with chunks in base64; `null` when it no longer holds the snapshot. */
  | {
      readonly type: 'chunks.read'
      readonly to: NodeId
      readonly incarnation: string
      readonly snapshot: SnapshotName
      readonly offsetBytes: number
      readonly chunks: readonly string[] | null
    }
  /** Storage answers `resumeSnapshot`: it holds the first `keptBytes` of the snapshot, from before a restart; 0 for none. */
  | { readonly type: 'snapshot.resumed'; readonly snapshot: SnapshotName; readonly keptBytes: number }
  /** Storage answers `keepChunk`: it holds the bytes of the snapshot below `endBytes`. */
  | { readonly type: 'chunk.kept'; readonly snapshot: SnapshotName; readonly endBytes: number }
  /**
   * The core answers `checkSnapshot`. The kept bytes are durable, and a picture of this service's replicated state: `isSound`.
   * Otherwise they were dropped.
   */
  | { readonly type: 'snapshot.checked'; readonly snapshot: SnapshotName; readonly isSound: boolean }
  /** A backup is wanted: take a snapshot of the present state, unless one is being taken or holds that state. */
  | { readonly type: 'snapshot.wanted' }
  /** The core answers `takeSnapshot`: the picture is drawn, and its bytes are durable. `null` when the service failed to give its state. */
  | { readonly type: 'snapshot.drawn'; readonly snapshot: SnapshotName | null }
  /** Storage answers the write of a snapshot: it holds the snapshot from now on. */
  | { readonly type: 'snapshot.held'; readonly snapshot: SnapshotName }
  | MembersChanged

export type RequestQueueEvent =
  | RequestArrived
  | HandOverArrived
  | LeaderChanged
  | LeaderAnswered
  /** The core answers `recall`. */
  | RequestsRecalled
  /** The proposer leads and is free: offer it a batch, now or when there is one. */
  | { readonly type: 'batch.wanted' }
  /** The proposer has given up for now; is there still work? */
  | { readonly type: 'work.wanted' }
  /** The learner asked a quorum for news: the delayed requests really wait. */
  | { readonly type: 'news.checked' }
  /** The node is about to stop: accept no more requests. */
  | { readonly type: 'node.stopping' }
  | SpaceChanged
  /** A deadline of the replicated clock has passed: have an empty batch proposed, if nothing else is. */
  | { readonly type: 'time.wanted' }
  | BatchExecuted
  | StateReplaced
  | MembersChanged

/** The disk of this server has little room left (`isLow`), or has room again. */
export interface SpaceChanged {
  readonly type: 'space.changed'
  readonly isLow: boolean
}

export interface DeadlineReckoned {
  readonly type: 'deadline.reckoned'
  readonly dueInMs: number | null
  readonly proposedBy: NodeId
}

export type TimekeeperEvent =
  /**
   * A batch of the server `proposedBy` was executed, and there is or was a deadline. `dueInMs` is the time until the earliest one in
   * milliseconds, by the reckoning of this server, and 0 if it has passed; `null` when there is none.
   */
  DeadlineReckoned | MembersChanged

/** An accept of another server shows a different running digest after `instance`. */
export interface DifferenceNoticed {
  readonly type: 'difference.noticed'
  readonly instance: Instance
  /** The digests of this server up to there. */
  readonly own: readonly string[]
}

/** A question of another auditor. */
export interface CompareArrived extends Heard<Compare> {
  /** The digests of this server up to the instance; `null` when it has not executed it, or no longer knows its digest. */
  readonly own: readonly string[] | null
}

/** Servers must know of directories that this server has exposed. */
export interface ExposureWanted {
  readonly type: 'exposure.wanted'
  readonly to: readonly NodeId[]
  readonly exposures: readonly Exposure[]
}

export type AuditorEvent =
  | CompareArrived
  | Heard<Compared>
  | DifferenceNoticed
  | ExposureWanted
  | Heard<Exposure>
  | MembersChanged
export type ReaderEvent =
  | ReadArrived
  | Heard<Confirmed>
  /** The node is about to stop: accept no more reads. */
  | { readonly type: 'node.stopping' }
  | BatchExecuted
  | StateReplaced
  | MembersChanged

export type RoleEvent =
  | AcceptorEvent
  | ProposerEvent
  | LearnerEvent
  | RequestQueueEvent
  | TimekeeperEvent
  | AuditorEvent
  | ReaderEvent

/** The role that receives each network message. */
export function hearerOf(message: NodeMessage): RoleName {
  switch (message.type) {
    case 'prepare':
    case 'accept':
    case 'settled':
    case 'confirm':
      return 'acceptor'
    case 'promise':
    case 'accepted':
    case 'denial':
      return 'proposer'
    case 'learn':
    case 'chosen':
    case 'compacted':
    case 'fetch':
    case 'chunk':
      return 'learner'
    case 'handOver':
      return 'requestQueue'
    case 'compare':
    case 'compared':
    case 'exposure':
      return 'auditor'
    case 'confirmed':
      return 'reader'
  }
  message satisfies never
}
