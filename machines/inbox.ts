/** What each role hears. A bare word came over the network, with its sender; a dotted one from inside the node. */
import type { Ballot } from './ballot.ts'
import type { Address, Batch, ChosenBatch, Instance, NodeId } from './batch.ts'
import type { Member } from './members.ts'
import type {
  Accept,
  Accepted,
  Chosen,
  Denial,
  Learn,
  NodeMessage,
  Prepare,
  PromiseMessage,
  RequestMessage,
} from './messages.ts'
import type { Execution, Full, Outcome } from './outcome.ts'

export type RoleName = 'acceptor' | 'proposer' | 'learner' | 'requestQueue'

/** What stands around a message on its way between servers. The core of the node writes and reads it, so no role can leave it out. */
export interface Names {
  /** Names the directory of the sender: what is counted comes only from the one that stands in the members. */
  readonly incarnation: string
  /**
   * The directory that is meant: that of the addressee in the members of the sender, or the one that is answered; `null` where the
   * sender knows none. Strangers are not told it, so a server that names it is one of the cluster.
   */
  readonly addressee: string | null
}

/** A message as a role hears it: with the server that sent it, and whether that server named the directory of this one. */
export type Heard<M> = M & {
  readonly sender: NodeId
  readonly incarnation: string
  readonly knowsUs: boolean
}

/** A `chosen` as the learner hears it: `concernsUs` when a delayed request waits at this server, for which it may be sent unasked. */
export type HeardChosen = Heard<Chosen> & { readonly concernsUs: boolean }

/** A server to be asked for what was chosen, and the directory that is meant: an answer of another one is not taken. */
export interface Informant {
  readonly id: NodeId
  readonly incarnation: string
}

/** The members changed; said to every role but the proposer, which learns it from `batch.executed`. */
export interface MembersChanged {
  readonly type: 'members.changed'
  readonly members: readonly Member[]
}

/** The replica executed a chosen batch. */
export interface BatchExecuted extends Execution {
  readonly type: 'batch.executed'
}

export type AcceptorEvent =
  | Heard<Prepare>
  | Heard<Accept>
  /** What was asked to be persisted is synced. */
  | { readonly type: 'persisted' }
  /** The learner knows what was chosen below `firstUnchosen`. */
  | { readonly type: 'firstUnchosen.advanced'; readonly firstUnchosen: Instance }
  | MembersChanged

export type ProposerEvent =
  | Heard<PromiseMessage>
  | Heard<Accepted>
  | Heard<Denial>
  /** The request queue has something to propose. */
  | { readonly type: 'requests.ready' }
  /** The request queue answers `batch.wanted`. On the way, the core fills in the time that the batch brings. */
  | { readonly type: 'batch.offered'; readonly batch: Batch }
  /** The learner found something accepted that nobody knows to be chosen, and nobody at work on it. */
  | { readonly type: 'settle.wanted' }
  /** This node's acceptor promised a higher ballot to another proposer. */
  | { readonly type: 'rival.promised'; readonly ballot: Ballot }
  | BatchExecuted

export type LearnerEvent =
  | Heard<Learn>
  | HeardChosen
  /** This node's proposer had a batch chosen. */
  | ({ readonly type: 'batch.chosen' } & ChosenBatch)
  /**
   * This node's acceptor heard an accept. Everything below its instance is chosen; `implied` is what was chosen at the
   * instance before, where the acceptor accepted it at the same ballot.
   */
  | {
      readonly type: 'accept.heard'
      readonly informant: Informant
      readonly instance: Instance
      readonly implied: Batch | null
    }
  /** The informant knows what was chosen below `firstUnchosen`, and it is needed here. */
  | { readonly type: 'behind.noticed'; readonly firstUnchosen: Instance; readonly informant: Informant }
  /** A client asks again for a delayed request, or no quorum answers the proposer: is there news that has not reached this server? */
  | { readonly type: 'news.wanted' }
  /** Storage answers `read`. */
  | {
      readonly type: 'chosen.read'
      readonly to: NodeId
      readonly incarnation: string
      readonly from: Instance
      readonly batches: readonly Batch[]
    }
  | MembersChanged

export type RequestQueueEvent =
  | (RequestMessage & {
      readonly replyTo: Address
      /** Milliseconds since 1970 at which it arrived here, for those who look on. */
      readonly receivedAtMs: number
      readonly commandBytes: number
      /** How it ended, when the replica has executed it already, or that the replica has no room for its session. */
      readonly recorded: Outcome | Full | null
    })
  /** The proposer leads and is free: hand it a batch, now or when there is one. */
  | { readonly type: 'batch.wanted' }
  /** The proposer has given up for now; is there still work? */
  | { readonly type: 'work.wanted' }
  /** The learner asked a quorum for news: what is delayed here is truly waiting. */
  | { readonly type: 'news.checked' }
  /** The node is about to stop: take no more requests. */
  | { readonly type: 'node.stopping' }
  | BatchExecuted
  | MembersChanged

export type RoleEvent = AcceptorEvent | ProposerEvent | LearnerEvent | RequestQueueEvent

/** The role that hears each message of the network. */
export function hearerOf(message: NodeMessage): Exclude<RoleName, 'requestQueue'> {
  switch (message.type) {
    case 'prepare':
    case 'accept':
      return 'acceptor'
    case 'promise':
    case 'accepted':
    case 'denial':
      return 'proposer'
    case 'learn':
    case 'chosen':
      return 'learner'
  }
  message satisfies never
}
