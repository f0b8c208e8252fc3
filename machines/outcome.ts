import type { Instance, Json, NodeId } from './batch.ts'
import type { Member } from './members.ts'

/** The place of a request's execution; (instance, index) only grows. */
export interface Position {
  readonly instance: Instance
  readonly index: number
}

/** Below 0 when `a` was executed before `b`, above 0 when after it. */
export function comparePositions(a: Position, b: Position): number {
  return a.instance - b.instance || a.index - b.index
}

/** The outcome of a request for its client, the same from every server. */
export type Outcome =
  | ({ readonly kind: 'executed'; readonly result: Json } & Position)
  /** The service refused or threw: the request has its place in the order and changed nothing. */
  | ({ readonly kind: 'failed'; readonly error: string } & Position)
  /**
   * The replicated state would have grown by `growthBytes` beyond its quota: the request has its place in the order and changed nothing.
   * `sizeBytes` is the size of the state.
   */
  | ({
      readonly kind: 'overQuota'
      readonly sizeBytes: number
      readonly growthBytes: number
      readonly quotaBytes: number
    } & Position)
  /** The client cancelled it before it was executed. It never will be executed. */
  | ({ readonly kind: 'cancelled' } & Position)
  /**
   * Not executed now, and never will be under this name. `expired`: its session has ended, and with it the knowledge whether it
   * was executed; `stale`: the client had acknowledged this seq; `conflict`: the same (uid, seq) names another command;
   * `forgotten`: the session has too many unacknowledged results, so it is unknown whether this request was executed; `repeated`:
   * in plain text, it was executed under another uid, and that result still holds; `disputed`: the servers differ about the service, and
   * this one proposes no request for it. Another server that was asked may have proposed it.
   */
  | { readonly kind: 'refused'; readonly reason: RefusalReason }

/** The outcome of a read. The state that was read contained everything that is executed below `instance`, and nothing else. */
export type ReadOutcome =
  | { readonly kind: 'read'; readonly result: Json; readonly instance: Instance }
  /** The service refused the command or threw. */
  | { readonly kind: 'unreadable'; readonly error: string; readonly instance: Instance }

/** True for the outcome of a read. */
export function isOfRead(outcome: Outcome | ReadOutcome): outcome is ReadOutcome {
  return outcome.kind === 'read' || outcome.kind === 'unreadable'
}

export type RefusalReason = 'expired' | 'stale' | 'conflict' | 'forgotten' | 'repeated' | 'disputed'

/**
 * There is no room: the limit of sessions or of waiting requests is reached. Nothing was executed or recorded, so the client may
 * send the same request again later. It receives `busy`.
 */
export interface Full {
  readonly kind: 'full'
  readonly of: 'sessions' | 'waiting'
}

/** The outcome of one request of a chosen batch. */
export interface RequestOutcome {
  readonly uid: string
  readonly seq: number
  /** `delayed`: it cannot run yet; `key` is the key that it waits for, `null` for any execution. */
  readonly outcome: Outcome | Full | { readonly kind: 'delayed'; readonly key: string | null }
}

/** A timer of the service that fired at an instance. */
export interface FiredTimer {
  readonly name: string
  /** The reason when the service failed at it, which then changed nothing; otherwise `null`. */
  readonly failed: string | null
}

/** The result of executing a chosen batch. Plain data, the same on every server. */
export interface Execution {
  readonly instance: Instance
  /** The timers that fired before the requests were executed, in order. */
  readonly fired: readonly FiredTimer[]
  /** The uids of the sessions that ended, in order. */
  readonly endedSessions: readonly string[]
  readonly outcomes: readonly RequestOutcome[]
  /** The freed keys, in order, each once. */
  readonly freed: readonly string[]
  /** True when the service executed a request, or a timer fired: requests that wait for any execution may then be tried again. */
  readonly progressed: boolean
  /**
   * The earliest deadline of a timer, or of a session for which the service keeps something, on the replicated clock in milliseconds;
   * `null` when there is none.
   */
  readonly deadlineMs: number | null
  /**
   * The servers that hold a request of the batch, or a delayed request that ended or may now run: they must learn this instance. All
   * servers, when the deadline has passed, or that of a timer is earlier now.
   * In order of id.
   */
  readonly concerned: readonly NodeId[]
  /** The members from the next instance on, if they changed; otherwise `null`. */
  readonly members: readonly Member[] | null
}
