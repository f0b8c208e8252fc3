/** The events of each role. A bare word is a network message with its sender; a dotted name is an event from inside the node. */
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

/** The envelope data of a message between servers. The core of the node writes and reads it, so that no role can omit it. */
export interface Names {
  /** The directory of the sender. Only messages of the directory that the members name are counted. */
  readonly incarnation: string
  /**
   * The directory of the intended receiver, from the members of the sender or from the message that is answered; `null` when the
   * sender knows none. Strangers never receive it, so a sender that names it belongs to the cluster.
   */
  readonly addressee: string | null
}

/** A message as a role receives it: with its sender, and whether the sender named this server's directory. */
export type Heard<M> = M & {
  readonly sender: NodeId
  readonly incarnation: string
  readonly knowsUs: boolean
}

/**
 * A `chosen` as the learner receives it. `concernsUs` is true when this server holds a delayed request, so that the message may
 * come without a question.
 */
export type HeardChosen = Heard<Chosen> & { readonly concernsUs: boolean }

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
}

export type AcceptorEvent =
  | Heard<Prepare>
  | Heard<Accept>
  /** The requested write is synced. */
  | { readonly type: 'persisted' }
  /** The learner knows everything chosen below `firstUnchosen`. */
  | { readonly type: 'firstUnchosen.advanced'; readonly firstUnchosen: Instance }
  | MembersChanged

export type ProposerEvent =
  | Heard<PromiseMessage>
  | Heard<Accepted>
  | Heard<Denial>
  /** The request queue has something to propose. */
  | { readonly type: 'requests.ready' }
  /** The request queue answers `batch.wanted`. The core sets the time that the batch adds. */
  | { readonly type: 'batch.offered'; readonly batch: Batch }
  /** The learner found an accepted batch that no server knows to be chosen and no proposer is working on. */
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
   * This node's acceptor received an accept. Everything below its instance is chosen. `implied` is the batch chosen at the
   * previous instance, if the acceptor accepted it at the same ballot.
   */
  | {
      readonly type: 'accept.heard'
      readonly informant: Informant
      readonly instance: Instance
      readonly implied: Batch | null
    }
  /** The informant knows everything chosen below `firstUnchosen`, and this server needs it. */
  | { readonly type: 'behind.noticed'; readonly firstUnchosen: Instance; readonly informant: Informant }
  /**
   * A client asks again for a delayed request, or no quorum answers the proposer: ask the others whether this server missed
   * something.
   */
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
      /** The arrival time in milliseconds since 1970, for display only. */
      readonly receivedAtMs: number
      readonly commandBytes: number
      /** The recorded outcome if the replica has executed it, or that the replica has no room for its session. */
      readonly recorded: Outcome | Full | null
    })
  /** The proposer leads and is free: offer it a batch, now or when there is one. */
  | { readonly type: 'batch.wanted' }
  /** The proposer has given up for now; is there still work? */
  | { readonly type: 'work.wanted' }
  /** The learner asked a quorum for news: the delayed requests really wait. */
  | { readonly type: 'news.checked' }
  /** The node is about to stop: accept no more requests. */
  | { readonly type: 'node.stopping' }
  | BatchExecuted
  | MembersChanged

export type RoleEvent = AcceptorEvent | ProposerEvent | LearnerEvent | RequestQueueEvent

/** The role that receives each network message. */
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
