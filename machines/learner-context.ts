/** The context of a learner, and its initial value. */
import type { Batch, Instance, NodeId } from './batch.ts'
import type { Fetching } from './fetching.ts'
import type { Informant } from './inbox.ts'
import type { Limits } from './limits.ts'
import { type Member, peersOf } from './members.ts'
import type { RoundTrip } from './round-trip.ts'
import type { SnapshotName } from './snapshot-name.ts'
import type { Timing } from './timing.ts'
import type { Unsettled } from './unsettled.ts'

export interface LearnerInput {
  readonly self: NodeId
  readonly members: readonly Member[]
  readonly timing: Timing
  readonly limits: Pick<Limits, 'snapshotEvery'>
  readonly firstUnchosen: Instance
  /** The snapshot that storage holds; `null` for none. */
  readonly snapshot: SnapshotName | null
  /** The requests that were chosen since that snapshot, or since instance 0. */
  readonly requestsSince: number
  /** The highest instance at which this node's acceptor has accepted; -1 for none. */
  readonly highestHeard: Instance
}

export interface LearnerContext {
  readonly self: NodeId
  readonly members: readonly Member[]
  readonly timing: Timing
  readonly limits: Pick<Limits, 'snapshotEvery'>

  // Durable, but it may be synced later, because a quorum of acceptors holds it.
  /** Everything below is chosen and known here. Invariant: never decreases. */
  readonly firstUnchosen: Instance
  /** The latest snapshot that storage holds; `null` for none. Invariant: at or below `firstUnchosen`, and never an older one. */
  readonly snapshot: SnapshotName | null

  // Volatile.
  /** The requests that were chosen since the last snapshot was begun or installed. */
  readonly requestsSince: number
  /** True while a snapshot is drawn. */
  readonly isDrawing: boolean
  /** The snapshot that storage is asked to hold; `null` for none. Invariant: later than `snapshot`. */
  readonly writing: SnapshotName | null
  /**
   * The snapshot that this server fetches, or fetched last and did not install; `null` for none. Invariant: storage keeps no more bytes
   * than arrived, those from before a restart among them, and no more arrived than it has; none arrived before storage said what it kept.
   */
  readonly fetching: Fetching | null
  /** The batch at the instance below `firstUnchosen`; `null` when it was not learned since the start. */
  readonly lastChosen: Batch | null
  /**
   * A batch that other servers report as chosen instead of `lastChosen`, and the servers that report it. Invariant: distinct,
   * counted.
   */
  readonly contradiction: { readonly batch: Batch; readonly by: readonly NodeId[] } | null
  /** The highest instance of an accept that arrived here. */
  readonly highestHeard: Instance
  /** Another server knows everything below. Invariant: above `firstUnchosen` while behind or catching up. */
  readonly target: Instance
  /** The server to ask. */
  readonly peer: NodeId
  /**
   * The server that last showed that it knows everything below `target`. It is asked in turn with the members. A server that
   * joins late, or missed changes of members, may not know it as a member, and the members that it knows may be gone. Invariant:
   * not a removed member.
   */
  readonly informant: Informant | null
  /** The servers that were asked since the learner last was up to date. Only their answers are accepted. */
  readonly asked: readonly NodeId[]
  /** The page from this instance on was asked for in the present event, before the page that arrived is executed. Invariant: `null` between two events. */
  readonly askedAhead: Instance | null
  /** The number of tries without news. */
  readonly tries: number
  /** When the first message with news arrived since it was up to date, by the monotonic clock, in milliseconds. */
  readonly heardAtMs: number
  /** When `peer` was asked; `null` when it was asked again, or when the time is not known. */
  readonly askedAtMs: number | null
  /** The time from a question to its answer, as measured; `null` before the first measurement. */
  readonly roundTrip: RoundTrip | null
  /** The servers that answered the current inquiry. Invariant: distinct, counted; at its beginning only this node. */
  readonly answered: readonly NodeId[]
  /** True when an answer, or this node, showed an accepted batch that is not known to be chosen. */
  readonly unsettled: boolean
  /** When the last answer to the current inquiry arrived, by the monotonic clock, in milliseconds; `null` before the first. */
  readonly answeredAtMs: number | null
  /** The unsettled batch that the last inquiry found; `null` when it found none. */
  readonly unsettledSince: Unsettled | null
}

/** The initial context: the learner is up to date. */
export function learnerContext(input: LearnerInput): LearnerContext {
  return {
    ...input,
    isDrawing: false,
    writing: null,
    fetching: null,
    lastChosen: null,
    contradiction: null,
    target: input.firstUnchosen,
    peer: peersOf(input.members, input.self)[0] ?? input.self,
    informant: null,
    asked: [],
    askedAhead: null,
    tries: 0,
    heardAtMs: 0,
    askedAtMs: null,
    roundTrip: null,
    answered: [],
    unsettled: false,
    answeredAtMs: null,
    unsettledSince: null,
  }
}
