/** The context of an acceptor, and its initial value. */
import type { Ballot } from './ballot.ts'
import type { AcceptedRecord, Instance, NodeId } from './batch.ts'
import type { Limits } from './limits.ts'
import type { Member } from './members.ts'
import type { Accepted, PromiseMessage } from './messages.ts'

export interface AcceptorInput {
  readonly self: NodeId
  readonly incarnation: string
  readonly members: readonly Member[]
  readonly limits: Limits
  /** The stored promise at the start. */
  readonly promised: Ballot | null
  readonly accepted: readonly AcceptedRecord[]
  readonly firstUnchosen: Instance
}

/** An answer, and the server that it is for. */
export interface Reply {
  readonly to: NodeId
  readonly message: PromiseMessage | Accepted
}

export interface AcceptorContext {
  readonly self: NodeId
  readonly incarnation: string
  readonly members: readonly Member[]
  readonly limits: Limits

  // Durable: each change is persisted before an answer mentions it.
  /** Invariant: never decreases, and is at least the ballot of everything in `accepted`. */
  readonly promised: Ballot | null
  /**
   * Invariant: in order of instance, one record for each instance, none below `firstUnchosen`, none at or above `firstUnchosen` +
   * `limits.acceptedWindow`. So the acceptor can accept at every instance in the window, regardless of its other records: a
   * proposer that helps always finds room for the instance at which it helps.
   */
  readonly accepted: readonly AcceptedRecord[]

  // Volatile.
  /** The learner's value: everything below is chosen, and the learner answers for it. */
  readonly firstUnchosen: Instance
  /** The changes since the current sync began. Invariant: contains no settled instance, because the learner persists those. */
  readonly unsaved: { readonly promised: boolean; readonly accepted: readonly AcceptedRecord[] }
  /** The answers that may be sent after the current sync. */
  readonly saying: readonly Reply[]
  /** The answers that wait for the next sync. Invariant: none reports a settled instance as accepted. */
  readonly later: readonly Reply[]
}

export const nothingUnsaved = { promised: false, accepted: [] } as const

/** The initial context: the acceptor has answered nothing since the start. */
export function acceptorContext(input: AcceptorInput): AcceptorContext {
  return { ...input, unsaved: nothingUnsaved, saying: [], later: [] }
}
