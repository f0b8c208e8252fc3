import type { Instance, Json, NodeId } from './batch.ts'
import type { Member } from './members.ts'

/** Where a request was executed: with it, (instance, index) is a fencing token. */
export interface Position {
  readonly instance: Instance
  readonly index: number
}

/** How a request ended: what a client is answered, the same from every server. */
export type Outcome =
  | ({ readonly kind: 'executed'; readonly result: Json } & Position)
  /** The service refused or threw: the request took its place in the order and changed nothing. */
  | ({ readonly kind: 'failed'; readonly error: string } & Position)
  /** The client gave it up before it was executed: it never will be. */
  | ({ readonly kind: 'cancelled' } & Position)
  /**
   * Not executed now, and never will be under this name. `expired`: its session was forgotten, and with it whether it was
   * executed before; `stale`: the client had said that it needs this seq no more; `conflict`: the same (uid, seq) stands
   * for another command; `forgotten`: the session keeps too many results that its client has not acknowledged, so it is not
   * known whether this one was executed; `repeated`: in plain text, it was executed under another uid, and that still holds.
   */
  | { readonly kind: 'refused'; readonly reason: RefusalReason }

export type RefusalReason = 'expired' | 'stale' | 'conflict' | 'forgotten' | 'repeated'

/**
 * There is no room: as many sessions as there may be are open, or as many requests wait. Nothing was executed and nothing is
 * recorded, so the same request may be asked again later: its client is told `busy`.
 */
export interface Full {
  readonly kind: 'full'
  readonly of: 'sessions' | 'waiting'
}

/** What became of one request of a chosen batch. */
export interface RequestOutcome {
  readonly uid: string
  readonly seq: number
  /** `delayed`: it cannot run yet; `key` is what it waits for, `null` for anything at all to happen. */
  readonly outcome: Outcome | Full | { readonly kind: 'delayed'; readonly key: string | null }
}

/** What the replica says when it has executed a chosen batch. Plain data, the same on every server. */
export interface Execution {
  readonly instance: Instance
  readonly outcomes: readonly RequestOutcome[]
  /** Keys that became free, in order, each once. */
  readonly freed: readonly string[]
  /** True when a request was executed by the service: then what waits for anything at all may be tried again. */
  readonly progressed: boolean
  /** Servers that hold a delayed request which may now run: they need to know of this instance. */
  readonly concerned: readonly NodeId[]
  /** The members from the next instance on, when they changed. */
  readonly members: readonly Member[] | null
}
