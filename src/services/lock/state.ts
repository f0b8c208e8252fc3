/** The state of the lock service: what was granted, what waits, and the indexes that make each command cost O(log n). */
import type { LockMode, LockToken } from '../lock-commands.ts'
import { numberKey } from '../number-key.ts'
import { emptyMap, type SortedMap, sizeOf } from '../sorted-map.ts'
import { lockSizes } from './limits.ts'

/** What a request demands of each of its names. */
export interface Demand {
  /** Each once. */
  readonly names: readonly string[]
  readonly mode: LockMode
  /** How many may hold each of the names at once; `null` for a lock that is no semaphore. */
  readonly permits: number | null
}

/** Whose request it is. */
export interface Party {
  readonly uid: string
  /** The key of the party in `LockState.owners`. */
  readonly owner: string
  readonly ttlMs: number | null
}

export interface Grant extends Demand, Party {
  readonly token: LockToken
  /** The replicated clock at the grant. */
  readonly grantedAtMs: number
  /** How many requests must still free it. Invariant: above 0, and at least the number of `uncollected`. */
  readonly entries: number
  /** The seqs of requests that waited, and have not been executed since the grant. */
  readonly uncollected: readonly number[]
  readonly isRevoked: boolean
}

export interface Waiter extends Demand, Party {
  /** The place in the order of all waiters (`placeOf`). */
  readonly place: string
  /** The replicated clock at the first execution. */
  readonly sinceMs: number
  /** The seqs of the requests that wait here together. Invariant: not empty. */
  readonly seqs: readonly number[]
}

/** A name that is held or waited for. Invariant: there is a holder or a waiter. */
export interface Lock {
  readonly permits: number | null
  /** The holders, by the key of their token. */
  readonly holders: SortedMap<true>
  /** True when the holder excludes all others. */
  readonly isExclusive: boolean
  /** The places of all that wait for this name. */
  readonly line: SortedMap<true>
  /** Those of them that demand it exclusively. */
  readonly exclusives: SortedMap<true>
  /**
   * Those of them that this name keeps from being granted. Invariant: each waiter is parked at one of its names, where it is not
   * admitted. So only a change of that name can make it fit.
   */
  readonly parked: SortedMap<true>
}

/** Where something of an owner is: a grant, or a waiter. */
export type Ref = { readonly token: LockToken } | { readonly place: string }

/** What a session has. A request of a session without a ttl is an owner of its own: it waits for what its session holds. */
export interface Owner {
  /** By name of the lock; none for a session without a ttl. */
  readonly names: SortedMap<Ref>
  /** Requests that wait or are granted and not collected, by the key of their seq. */
  readonly requests: SortedMap<Ref>
}

/** A read-only value. Grants, waiters, `unsettled` and `leaving` determine the rest. */
export interface LockState {
  readonly nextToken: LockToken
  readonly nextArrival: number
  /** By the key of the token. */
  readonly grants: SortedMap<Grant>
  /** By place. */
  readonly waiters: SortedMap<Waiter>
  readonly locks: SortedMap<Lock>
  readonly owners: SortedMap<Owner>
  /** Names at which waiters may fit whom the last execution had no room to grant. */
  readonly unsettled: SortedMap<true>
  /** Sessions that have ended and whose locks are not all free yet. */
  readonly leaving: SortedMap<true>
}

export const noLocks: LockState = {
  nextToken: 1,
  nextArrival: 0,
  grants: emptyMap,
  waiters: emptyMap,
  locks: emptyMap,
  owners: emptyMap,
  unsettled: emptyMap,
  leaving: emptyMap,
}

export const unusedLock: Omit<Lock, 'permits'> = {
  holders: emptyMap,
  isExclusive: false,
  line: emptyMap,
  exclusives: emptyMap,
  parked: emptyMap,
}

export const nothingOwned: Owner = { names: emptyMap, requests: emptyMap }

/** The place of the waiter that arrived as number `arrival`: before all later ones; one that steals before all that do not. */
export function placeOf(arrival: number, steals: boolean): string {
  return `${steals ? 'a' : 'b'}${numberKey(arrival)}`
}

/** The owner of a request. A uid that the cluster assigned holds no space. */
export function ownerOf({
  uid,
  seq,
  ttlMs,
}: {
  readonly uid: string
  readonly seq: number
  readonly ttlMs: number | null
}): string {
  return ttlMs === null ? endlessOwner(uid, seq) : uid
}

/** The owner of a request of a session without a ttl. */
export function endlessOwner(uid: string, seq: number): string {
  return `${seq} ${uid}`
}

/** The size for the quota of the replicated state, in bytes. */
export function sizeBytes({ locks, grants, waiters }: LockState): number {
  return sizeOf(locks) * lockSizes.name + (sizeOf(grants) + sizeOf(waiters)) * lockSizes.demand
}

/** The key for which a request waits: its own. */
export function waitKey(uid: string, seq: number): string {
  return `${uid}#${seq}`
}
