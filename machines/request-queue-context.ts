/** What a request queue knows, and what it begins with. */
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

/** All of it volatile: a client that is not answered asks again. */
export interface RequestQueueContext {
  readonly self: NodeId
  readonly incarnation: string
  readonly members: readonly Member[]
  readonly limits: Limits
  /** Invariant: nothing while this server is not counted, since it can have nothing chosen. */
  readonly held: HeldRequests
  /** Ids of the batch that the proposer has. Invariant: all of them are in `held.ready`. */
  readonly offered: readonly string[]
  /** The proposer leads and is free. */
  readonly isWanted: boolean
  /** Ids of delayed requests that were asked for again, to be answered once a quorum has been asked for news. */
  readonly askedAgain: readonly string[]
  readonly isStopping: boolean
}

/** What a request queue begins with: it holds nothing. */
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
