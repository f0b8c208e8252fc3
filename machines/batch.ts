import type { Ballot } from './ballot.ts'

/** Any JSON value. Commands, results and contexts consist of such values. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/** A server's number, unique in its cluster: 0 for the first. */
export type NodeId = number

/** A position in the sequence of decisions, counted from 0. Each chooses one batch. */
export type Instance = number

/** The address of a host: `host:port`. */
export type Address = string

/** The content of a request: a command of the service, a change of members, of the quota or of the service's version, or a command about sessions and their requests. */
export type Command =
  | { readonly kind: 'service'; readonly body: Json }
  | { readonly kind: 'members'; readonly change: MembershipChange }
  /** Changes the quota of the replicated state. */
  | { readonly kind: 'quota'; readonly bytes: number }
  /**
   * From here on the service behaves as its version `version` says. `supportedBy` are the servers that reported that their programs have that
   * version: all that are counted must be among them.
   */
  | { readonly kind: 'upgrade'; readonly version: number; readonly supportedBy: readonly NodeId[] }
  /** Cancels an earlier request of the session. */
  | { readonly kind: 'cancel'; readonly seq: number }
  | SessionCommand

/** A command about sessions. */
export type SessionCommand =
  /** Opens a session, which ends without a sign of life for `ttlMs`. The request's uid is a random name, on which the execution builds the uid. */
  | { readonly kind: 'open'; readonly ttlMs: number }
  /** A sign of life of the session. */
  | { readonly kind: 'touch' }
  /**
   * Ends the session of the request at once. An operator ends another one, by its public id: it is revoked, so that it ends when its ttl
   * has run; or it ends at once with `now`, although its client may still believe that it lives.
   */
  | { readonly kind: 'end'; readonly session?: string; readonly now?: boolean }
  /** Lists the sessions after the one with the public id `after`, in the order of their opening. */
  | { readonly kind: 'sessions'; readonly after?: string }

/**
 * A change of members, which is chosen like any command and applies from the next instance on. `add` names a server that will
 * join and is not counted yet. An operator sends it, or the server itself with the `incarnation` of its directory. `admit` counts
 * the server after it has caught up. `move` gives members other addresses, all at once: they keep their ids and directories.
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
  | {
      readonly action: 'move'
      readonly servers: readonly { readonly id: NodeId; readonly address: Address }[]
    }

/** A request of a session. The uid of the session and the seq identify it. It is executed once, even if it is sent or chosen several times. */
export interface Request {
  readonly seq: number
  readonly command: Command
}

/** Requests of one session. */
export interface RequestGroup {
  readonly uid: string
  /** The client has the answers to all lower seqs and will not ask for them again. */
  readonly ackedBelow: number
  readonly requests: readonly Request[]
}

/** Requests of one session that follow each other in a batch. */
export interface BatchGroup extends RequestGroup {
  /** The server whose queue holds the requests for their client: it answers them, and keeps the delayed ones. */
  readonly heldBy: NodeId
}

/** The value that one instance chooses. */
export interface Batch {
  /** The server that first proposed it. */
  readonly node: NodeId
  /**
   * The milliseconds, by the clock of `node`, since it first saw the batch that is chosen at the previous instance. The sum over
   * all chosen batches is the replicated clock.
   */
  readonly elapsedMs: number
  /** In the order of execution. A session may have several groups. */
  readonly groups: readonly BatchGroup[]
}

/** A request with the data of its session. */
export interface NamedRequest extends Request {
  readonly uid: string
  readonly ackedBelow: number
}

/** The requests of a group with their names. */
export function namedRequests({ uid, ackedBelow, requests }: RequestGroup): NamedRequest[] {
  return requests.map(({ seq, command }) => ({ uid, seq, ackedBelow, command }))
}

/** The requests of a batch in the order of execution. The index of a request in this list is its index in `Position`. */
export function requestsOf(batch: Batch): NamedRequest[] {
  return batch.groups.flatMap(namedRequests)
}

/** The number of requests of a batch. */
export function requestCount(batch: Batch): number {
  return batch.groups.reduce((sum, { requests }) => sum + requests.length, 0)
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
