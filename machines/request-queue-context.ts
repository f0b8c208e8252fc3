/** The context of a request queue, and its initial value. */
import type { NodeId } from './batch.ts'
import { type HeldRequests, nothingHeld } from './held-requests.ts'
import type { Limits } from './limits.ts'
import type { Member } from './members.ts'

export interface RequestQueueInput {
  readonly self: NodeId
  readonly incarnation: string
  readonly members: readonly Member[]
  readonly limits: Limits
}

/** All fields are volatile: a client without an answer asks again. */
export interface RequestQueueContext {
  readonly self: NodeId
  readonly incarnation: string
  readonly members: readonly Member[]
  readonly limits: Limits
  /** Invariant: empty while this server is not counted, because nothing that it proposes can be chosen. */
  readonly held: HeldRequests
  /** The ids of the requests in the proposer's batch. Invariant: all of them are in `held.ready`. */
  readonly offered: readonly string[]
  /** The proposer leads and is free. */
  readonly isWanted: boolean
  /** The ids of delayed requests that clients asked for again. They are answered after a quorum was asked for news. */
  readonly askedAgain: readonly string[]
  readonly isStopping: boolean
}

/** The initial context: the queue is empty. */
export function requestQueueContext(input: RequestQueueInput): RequestQueueContext {
  return {
    ...input,
    held: nothingHeld,
    offered: [],
    isWanted: false,
    askedAgain: [],
    isStopping: false,
  }
}
