import type { Instance, Json } from '../../machines/batch.ts'
import type { TimerChange } from './timers.ts'

export type { TimerChange } from './timers.ts'

/** The time at which something happens in a cluster, equal on every server. */
export interface Time {
  readonly instance: Instance
  /**
   * The replicated clock: milliseconds since the cluster was founded, as far as batches carried them. It never goes back,
   * and it is never ahead of real time. A service must read no other clock.
   */
  readonly clockMs: number
  /**
   * The version of the service's behaviour that is in force: 1 at first, and then what `paxos upgrade` chose. A method behaves as that version
   * does, also when the program has a later one.
   */
  readonly version: number
}

/** A request. Each session counts its own. */
export interface RequestName {
  /** The session of the request. */
  readonly uid: string
  readonly seq: number
}

/**
 * The moment at which a command is executed, equal on every server. (instance, index) only grows.
 */
export interface Moment extends Time, RequestName {
  readonly index: number
  /** The ttl of the session in milliseconds; `null` for a session that does not end by itself, as in plain text. */
  readonly ttlMs: number | null
}

/** A new state of the service. */
export interface Changed<State> {
  readonly state: State
  /** The keys for which delayed requests may wait. */
  readonly freed?: readonly string[]
  /** The timers to set and to cancel, in this order. */
  readonly timers?: readonly TimerChange[]
  /**
   * The uids of sessions to revoke: their touches are refused from now on, so each ends when its ttl has run since its last
   * touch. The replica ignores a uid that it does not know.
   */
  readonly revoked?: readonly string[]
}

/** The command ran. */
export interface Executed<State, Result> extends Changed<State> {
  readonly kind: 'executed'
  readonly result: Result
}

/**
 * The command cannot run yet. With a `key`, a server proposes it again when that key is freed; without a key, when the
 * service has executed any command. A freed key wakes the longest waiting request of each server. If a key admits several
 * requests, the service lists the key in `freed` again when one of them executes.
 */
export interface Delayed<State> extends Omit<Changed<State>, 'freed'> {
  readonly kind: 'delayed'
  readonly key?: string
}

/** A view of a service's state for readers: tables of bounded size, or the state as JSON, truncated. */
export type ServiceView = { readonly tables: readonly ServiceTable[] } | { readonly json: Json }

export interface ServiceTable {
  readonly name: string
  readonly columns: readonly string[]
  readonly rows: readonly (readonly Json[])[]
  /** Rows that are not shown. */
  readonly more: number
  /** The column that holds the keys for which delayed requests wait; `null` if there is none. */
  readonly keyColumn: number | null
}

/** A cluster that is lost has given out fewer numbers than this, since the state from which it is restored. */
export const lostNumbers = 2 ** 32

/** The most rows that a view shows of a table. */
export const viewRows = 50

/**
 * A replicated service. The protocol does not depend on it: every server executes each chosen command with it, in order.
 *
 * `execute` must be deterministic: no clock, no randomness, no I/O; the same state, command and moment give the same
 * outcome. It returns at once: no promise. A state is a read-only value: `execute` returns a new state and never writes
 * into the one that it received, so that the old state stays valid when the request fails. A copy of a large state is
 * expensive: use a persistent map (`sortedMap`). `readOnly` of `paxos-made-simpler/testing` finds a service that writes
 * into a state.
 *
 * A request fails when `parse` or `execute` throws, or when `execute` returns an invalid value: no answer, a result that
 * JSON cannot represent without loss (a Map, NaN, -0, `undefined` as a value, half of a surrogate pair), a result that
 * exceeds `serviceLimits`, or a promise anywhere, also within the state. It fails with the same reason on every server and
 * has no other effect. The reason names the invalid part of the value, or is the message of the thrown error. For an error
 * that the engine itself throws (a TypeError, a RangeError) the reason is only its kind, since the engine's texts differ
 * between servers. To give a more precise reason, throw an Error or a subclass of your own.
 */
export interface Service<State = unknown, Command = unknown, Result extends Json = Json> {
  readonly name: string
  /** The latest version of behaviour that it has, a whole number from 1 on; 1 when it is left out. */
  readonly version?: number
  /** The oldest version of behaviour that it still has; 1 when it is left out. */
  readonly oldestVersion?: number
  /** Must not return `undefined`: a service without a state returns `null`. */
  initial(): State
  /**
   * Reads the command from `body`. Throws an error that names the problem and the received value when `body` is not a
   * command.
   */
  parse(body: Json): Command
  execute(state: State, command: Command, at: Moment): Executed<State, Result> | Delayed<State>
  /**
   * Reads what `command` asks for, and returns the result; `at` is the state's place in the order and its clock. Clients have it called by
   * `read`, which writes nothing: no server records the command or its result. It must be deterministic as `execute` is, and it cannot
   * change the state, which it does not return. Throws an error, whose message is the reason for the client, when `command` is not one that
   * only reads. Without this method the service has no reads.
   */
  read?(state: State, command: Command, at: Time): Result
  /**
   * The timer `name` has reached its deadline and is not set any more. It fires before the requests of the first batch that
   * brings the replicated clock to the deadline, in the order of deadlines; when more than a thousand are due, the others follow
   * in the next batches. When nothing else is proposed, a server proposes an empty batch at the deadline, so a timer is late by
   * little while a quorum runs. If this throws or returns an invalid value, the state stays as it was. A service that sets timers
   * must have it.
   */
  timerFired?(state: State, name: string, at: Time): Changed<State>
  /**
   * The version in force becomes `at.version`; it was `from` until now. Returns the state in the form that this version needs, and is called
   * at one instance on every server. If it throws or returns an invalid value, the version in force stays. Without it, the state stays.
   */
  upgraded?(state: State, from: number, at: Time): Changed<State>
  /**
   * A delayed request has ended without its execution: its client gave it up, or `execute` refused it after the wait. A
   * service that keeps the requests that wait in its state removes it. If this throws or returns an invalid value, the state
   * stays as it was.
   */
  requestEnded?(state: State, request: RequestName, at: Time): Changed<State>
  /**
   * The session `uid` has ended: its client has sent no sign of life for its ttl, or has ended it. Its delayed requests have ended
   * before this. A service that gives something to sessions takes it back. If this throws or returns an invalid value, the state
   * stays as it was.
   */
  sessionEnded?(state: State, uid: string, at: Time): Changed<State>
  /**
   * Returns whether the service keeps something for the session `uid` until it ends. Then a server proposes an empty batch at the
   * end of the session, so that `sessionEnded` is called in time; the session of a client that vanished ends otherwise with the
   * next batch. The replica asks after each request of the session. Without it, a service with `sessionEnded` keeps something
   * for every session. Its cost must not grow with the state.
   */
  holds?(state: State, uid: string): boolean
  /**
   * Returns whether `result`, the result of `command`, is still true. The replica calls it before it repeats a result to a
   * client that is known by its address alone: another client may send from that address now. Without it, every result
   * stays true.
   */
  stillHolds?(state: State, command: Command, result: Result): boolean
  /**
   * Returns the size of the state in bytes: a whole number that may be an estimate, and that equal states share. It counts for the quota of
   * the replicated state: a request that makes it larger than the quota allows is refused. Its cost must not grow with the state. Without it
   * the replica compares the parts in which a new state differs from the one before, which costs little where both share the other parts.
   */
  sizeBytes?(state: State): number
  /**
   * Yields the state as rows, in one order for equal states: each is a JSON value (as a result is) of at most a few kilobytes, such as an
   * entry of a map. A small state is one row: `snapshot: (state) => [state]`. The replica draws the rows of a large state little by little,
   * while it executes requests with later states: yield them from a generator (`sortedMap.each` walks a map), and read nothing
   * but `state`, which never changes.
   */
  snapshot(state: State): Iterable<Json>
  /** Returns the state from the rows that `snapshot` yielded for it. Throws an Error when they are none. */
  restore(rows: Iterable<Json>): State
  /**
   * The state is restored from a backup, or from one server of a cluster that is lost: executions that came after it are forgotten, and
   * their results are not. Returns the state with which the service goes on. A service that gives out numbers which must never
   * come twice, as tokens, skips more of them than can be lost (`lostNumbers`). Without this method the state goes on as it is.
   */
  afterLoss?(state: State): State
  /** For the inspector, which otherwise shows the first rows of the snapshot. Its cost must not grow with the state. */
  view?(state: State): { readonly tables: readonly ServiceTable[] }
}
