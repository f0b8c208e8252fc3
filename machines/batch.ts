import type { Ballot } from './ballot.ts'

/** Any JSON value. Commands, results and contexts consist of such values. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/** A server's number, unique in its cluster: 0 for the first. */
export type NodeId = number

/** A position in the sequence of decisions, counted from 0. Each chooses one batch. */
export type Instance = number

/** The address of a host: `host:port`. */
export type Address = string

/** The content of a request: a command of the service, a change of members, or the cancellation of an earlier request. */
export type Command =
  | { readonly kind: 'service'; readonly body: Json }
  | { readonly kind: 'members'; readonly change: MembershipChange }
  | { readonly kind: 'cancel'; readonly seq: number }

/**
 * A change of members, which is chosen like any command and applies from the next instance on. `add` names a server that will
 * join and is not counted yet. An operator sends it, or the server itself with the `incarnation` of its directory. `admit` counts
 * the server after it has caught up.
 */
export type MembershipChange =
  | {
      readonly action: 'add'
      readonly id: NodeId
      readonly address: Address
      readonly incarnation?: string
    }
  | { readonly action: 'admit'; readonly id: NodeId; readonly address: Address; readonly incarnation: string }
  | { readonly action: 'remove'; readonly id: NodeId }

/** A client's request, identified by (uid, seq). It is executed once, even if it is sent or chosen several times. */
export interface Request {
  readonly uid: string
  readonly seq: number
  /** The client has the answers to all lower seqs and will not ask for them again. */
  readonly ackedBelow: number
  readonly command: Command
}

/** The value that one instance chooses. */
export interface Batch {
  /** The server whose queue held the requests. It keeps the delayed ones. */
  readonly node: NodeId
  /**
   * The milliseconds, by the clock of `node`, since it first saw the batch that is chosen at the previous instance. The sum over
   * all chosen batches is the replicated clock.
   */
  readonly elapsedMs: number
  readonly requests: readonly Request[]
}

/** What an acceptor has accepted for one instance. */
export interface AcceptedRecord {
  readonly instance: Instance
  readonly ballot: Ballot
  readonly batch: Batch
}

/** A batch known to be chosen. */
export interface ChosenBatch {
  readonly instance: Instance
  readonly batch: Batch
}

/** True when `a` and `b` are equal as JSON, independent of the order of keys. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Array.isArray(a) !== Array.isArray(b)) return false
  const keys = Object.keys(a)
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && sameJson(a[key as keyof typeof a], b[key as keyof typeof b]))
  )
}

/** True when `a` and `b` are equal. They may come from different datagrams. */
export function sameBatch(a: Batch, b: Batch): boolean {
  return sameJson(a, b)
}
