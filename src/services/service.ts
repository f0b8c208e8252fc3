import type { Instance, Json } from '../../machines/batch.ts'

/** When a command is executed: the same on every server. (instance, index) is a fencing token: it only grows. */
export interface Moment {
  readonly instance: Instance
  readonly index: number
  /**
   * The replicated clock: milliseconds since the cluster was founded, as far as batches have brought them. It never goes back,
   * and is never ahead of real time. No service reads a clock of its own.
   */
  readonly clockMs: number
  /** The session that asks. */
  readonly uid: string
}

/** The command ran. `freed` names the keys that requests may have been waiting for. */
export interface Executed<State, Result> {
  readonly kind: 'executed'
  readonly state: State
  readonly result: Result
  readonly freed?: readonly string[]
}

/**
 * The command cannot run yet. With a `key`, it is tried again when that key is freed; without, when anything executes.
 * A freed key wakes the longest waiting request of each server; a service whose key admits several names it as freed
 * again when one of them executes.
 */
export interface Delayed<State> {
  readonly kind: 'delayed'
  readonly state: State
  readonly key?: string
}

/** What there is to see of a service's state: tables for a reader, of a bounded size; or its JSON, cut short. */
export type ServiceView = { readonly tables: readonly ServiceTable[] } | { readonly json: Json }

export interface ServiceTable {
  readonly name: string
  readonly columns: readonly string[]
  readonly rows: readonly (readonly Json[])[]
  /** Rows that are not shown. */
  readonly more: number
  /** The column that holds the key which a delayed request waits for, if there is one. */
  readonly keyColumn: number | null
}

/** Rows that a view shows of a table, at most. */
export const viewRows = 50

/**
 * A replicated service. It is not known to the protocol: it is given each chosen command, in order, on every server.
 *
 * `execute` must be deterministic: no clock, no randomness, no I/O; the same state, command and moment give the same outcome.
 * It answers at once: no promise. A state is a read-only value: `execute` returns another one and never writes into the one
 * that it was given, so that the state of before stays where the request fails. Where a copy of the whole would grow with the
 * state, use a persistent map (`sortedMap`). `readOnly` of `paxos-made-simpler/testing` finds a service that writes into it.
 *
 * A request fails, with the same reason on every server and without another consequence, when `parse` or `execute` throws or
 * `execute` returns what cannot be kept: no answer, a result that JSON cannot carry without loss (a Map, NaN, -0, `undefined`
 * as a value, half of a surrogate pair), one beyond `serviceLimits`, or a promise anywhere, also within the state. The reason
 * says what of the result that is; or it is the message of what was thrown, and of an error that the engine itself throws (a
 * TypeError, a RangeError) only its kind, since the engine's words are not the same on every server. So throw an Error, or a
 * class of your own, to say more.
 */
export interface Service<State = unknown, Command = Json, Result extends Json = Json> {
  readonly name: string
  /** Never `undefined`: a service without a state has `null`. */
  initial(): State
  /** The command that `body` is. Throws, with what is wrong and the value received, when it is none. */
  parse(body: Json): Command
  execute(state: State, command: Command, at: Moment): Executed<State, Result> | Delayed<State>
  /**
   * Whether `result`, with which `command` was executed, still says what is the case. It is asked where a client is known by its
   * address alone, before the result is repeated: who asks may be another client. Without it, every result holds for ever.
   */
  stillHolds?(state: State, command: Command, result: Result): boolean
  snapshot(state: State): Uint8Array
  restore(bytes: Uint8Array): State
  /** For the inspector; without it, the snapshot is shown where it is JSON. Its cost must not grow with the state. */
  view?(state: State): { readonly tables: readonly ServiceTable[] }
}
