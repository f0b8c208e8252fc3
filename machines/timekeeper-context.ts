/** The context of a timekeeper. */
import type { NodeId } from './batch.ts'
import type { Member } from './members.ts'
import type { Timing } from './timing.ts'

/** All fields are volatile: the deadlines are in the replicated state. */
export interface TimekeeperContext {
  readonly self: NodeId
  readonly incarnation: string
  readonly members: readonly Member[]
  readonly timing: Timing
  /**
   * The server that proposed the last executed batch, and so leads, or led last; at the start, the server of the highest promise of this
   * node's acceptor. `null` when none is known. It has the first turn.
   */
  readonly firstInTurn: NodeId | null
  /**
   * The time until the earliest deadline in milliseconds, by this server's reckoning when the current wait began; `null` when there is
   * none. Invariant: `null` in `idle` and in no other state; 0 when the deadline has passed.
   */
  readonly dueInMs: number | null
}

/** The chart begins with this context. */
export type TimekeeperInput = TimekeeperContext
