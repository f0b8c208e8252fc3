/** The context of a lease, and its events and outputs. */

/** Each `atMs` is the time of the event in milliseconds, by a monotonic clock that counts the time that the machine sleeps, too. */
export type LeaseEvent =
  /** The client now holds something in its session, or waits for something. */
  | { readonly type: 'need.began'; readonly atMs: number }
  /** The answer to `clock`. `isNeeded`: the client still holds something or waits. */
  | { readonly type: 'clock.read'; readonly atMs: number; readonly isNeeded: boolean }
  /** The answer to a touch. It was first sent at `sentAtMs` or later. */
  | {
      readonly type: 'touch.answered'
      readonly sentAtMs: number
      readonly atMs: number
      readonly isRevoked: boolean
    }
  /** The cluster refused a request because the session has ended. */
  | { readonly type: 'session.ended' }

export type LeaseEmitted =
  /** Read the clock, and answer with `clock.read`. */
  | { readonly type: 'clock' }
  /** Submit a touch in the session. */
  | { readonly type: 'touch' }
  /** From now on the client must not believe that it holds anything in the session. */
  | { readonly type: 'lost'; readonly reason: LossReason }

/** `unproved`: no touch was answered in time; `revoked`: an operator or another client had it revoked; `ended`: the cluster ended it. */
export type LossReason = 'unproved' | 'revoked' | 'ended'

export interface LeaseInput {
  readonly ttlMs: number
  /** The session was opened at this time or later. */
  readonly provenAtMs: number
}

export interface LeaseContext extends LeaseInput {
  // All fields are volatile: a client that restarts opens another session.
  /** When the last sign of life that the cluster has acknowledged was sent, at the latest. Invariant: never decreases. */
  readonly provenAtMs: number
  /** The time of the last event. Invariant: never decreases. */
  readonly nowMs: number
  /** True while a touch has no answer. */
  readonly isTouching: boolean
  /** Why the lease was lost; `null` while it was not. Invariant: `null` in every state but `lost`. */
  readonly lostBecause: LossReason | null
}
