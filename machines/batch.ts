import type { Ballot } from './ballot.ts'

/** Anything that JSON can carry: what commands, results and contexts are made of. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/** A server's number, unique in its cluster: 0 for the first. */
export type NodeId = number

/** A position in the sequence of decisions, counted from 0. Each chooses one batch. */
export type Instance = number

/** Where a datagram came from or goes to: `host:port`. */
export type Address = string

/** What a request asks for: something of the service, a change of members, or to give up an earlier request. */
export type Command =
  | { readonly kind: 'service'; readonly body: Json }
  | { readonly kind: 'members'; readonly change: MembershipChange }
  | { readonly kind: 'cancel'; readonly seq: number }

/**
 * A change of members, chosen like any command; it rules from the next instance on.
 * `add` names a server that is to join and is not counted yet, by an operator or, with the `incarnation` of its directory, by itself;
 * `admit` counts it, once it has caught up.
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

/** A client's ask. (uid, seq) names it: it is executed once, however often it is sent and chosen. */
export interface Request {
  readonly uid: string
  readonly seq: number
  /** The client has had the answer to everything below this seq and will not ask for it again. */
  readonly ackedBelow: number
  readonly command: Command
}

/** What one instance chooses. */
export interface Batch {
  /** The server whose queue the requests were in: it holds those that are delayed. */
  readonly node: NodeId
  /**
   * Milliseconds that passed, by the clock of `node`, since it first saw the batch that is chosen at the instance below. The
   * sum over all chosen batches is the replicated clock.
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

/** True when `a` and `b` are equal as JSON, whatever the order of their keys. */
function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Array.isArray(a) !== Array.isArray(b)) return false
  const keys = Object.keys(a)
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && sameJson(a[key as keyof typeof a], b[key as keyof typeof b]))
  )
}

/** True when `a` and `b` are the same batch, each of which may have come in a datagram of its own. */
export function sameBatch(a: Batch, b: Batch): boolean {
  return sameJson(a, b)
}
