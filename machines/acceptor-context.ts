/** What an acceptor knows, and what it begins with. */
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
  /** What storage held at the start. */
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

  // Durable: each change is persisted before it is spoken of.
  /** Invariant: never decreases, and is at least the ballot of everything in `accepted`. */
  readonly promised: Ballot | null
  /**
   * Invariant: in order of instance, one record an instance, none below `firstUnchosen`, none at or above `firstUnchosen` +
   * `limits.acceptedWindow`. So every instance in the window can be accepted, also when others are held: a helper can always have
   * the instance accepted at which it helps.
   */
  readonly accepted: readonly AcceptedRecord[]

  // Volatile.
  /** What the learner knows: everything below is chosen, and is the learner's to tell. */
  readonly firstUnchosen: Instance
  /** What changed since the sync under way began. Invariant: nothing is settled, since what is settled is the learner's to persist. */
  readonly unsaved: { readonly promised: boolean; readonly accepted: readonly AcceptedRecord[] }
  /** Answers that the sync under way makes true. */
  readonly saying: readonly Reply[]
  /** Answers that wait for the sync after it. Invariant: none says of a settled instance that something is accepted there. */
  readonly later: readonly Reply[]
}

export const nothingUnsaved = { promised: false, accepted: [] } as const

/** What an acceptor begins with: it has answered nothing since the start. */
export function acceptorContext(input: AcceptorInput): AcceptorContext {
  return { ...input, unsaved: nothingUnsaved, saying: [], later: [] }
}
