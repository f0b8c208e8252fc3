/** The state of the lock service while one command changes it. Each method keeps the indexes in agreement. */

import type { LockToken } from '../lock-commands.ts'
import { numberKey } from '../number-key.ts'
import { countBelow, drop, entriesOf, get, put, type SortedMap, sizeOf } from '../sorted-map.ts'
import { lockLimits } from './limits.ts'
import {
  type Demand,
  type Grant,
  type Lock,
  type LockState,
  nothingOwned,
  type Owner,
  type Party,
  type Ref,
  unusedLock,
  type Waiter,
} from './state.ts'

export class LockTable {
  readonly #before: LockState
  #nextToken: LockToken
  #nextArrival: number
  #grants: SortedMap<Grant>
  #waiters: SortedMap<Waiter>
  #locks: SortedMap<Lock>
  #owners: SortedMap<Owner>
  /** Names at which waiters may fit since something was freed. */
  unsettled: SortedMap<true>
  leaving: SortedMap<true>

  constructor(state: LockState) {
    this.#before = state
    this.#nextToken = state.nextToken
    this.#nextArrival = state.nextArrival
    this.#grants = state.grants
    this.#waiters = state.waiters
    this.#locks = state.locks
    this.#owners = state.owners
    this.unsettled = state.unsettled
    this.leaving = state.leaving
  }

  /** The state with all changes. */
  get state(): LockState {
    return {
      nextToken: this.#nextToken,
      nextArrival: this.#nextArrival,
      grants: this.#grants,
      waiters: this.#waiters,
      locks: this.#locks,
      owners: this.#owners,
      unsettled: this.unsettled,
      leaving: this.leaving,
    }
  }

  /** The number of names that are held or waited for. */
  get lockCount(): number {
    return sizeOf(this.#locks)
  }

  lock(name: string): Lock | undefined {
    return get(this.#locks, name)
  }

  owner(owner: string): Owner | undefined {
    return get(this.#owners, owner)
  }

  grant(token: LockToken): Grant | undefined {
    return get(this.#grants, numberKey(token))
  }

  waiter(place: string): Waiter | undefined {
    return get(this.#waiters, place)
  }

  /** The first holders of a lock, in the order of their grants. */
  holdersOf(lock: Lock, limit?: number): Grant[] {
    return entriesOf(lock.holders, limit).map(([key]) => found(get(this.#grants, key), key))
  }

  /** The first that wait for a lock, in order. */
  waitersOf(lock: Lock, limit?: number): Waiter[] {
    return entriesOf(lock.line, limit).map(([place]) => found(get(this.#waiters, place), place))
  }

  /** The number of the next request that comes to wait. */
  get nextArrival(): number {
    return this.#nextArrival
  }

  /**
   * The first of its names that keeps a request at `place` from being granted; `null` when it fits. For one that comes now, a name
   * that the last execution left unsettled keeps it: others may fit there who came before.
   */
  obstacleOf(demand: Demand, place: string, comesNow: boolean): string | null {
    for (const name of demand.names) {
      if (comesNow && get(this.#before.unsettled, name) === true) return name
      if (!this.isAdmitted(name, demand, place)) return name
    }
    return null
  }

  /**
   * Whether the holders of `name`, and those that wait for it before `place`, leave room. Of those that wait for one name, always
   * the first few are admitted. Only a change that frees something admits more.
   */
  isAdmitted(name: string, { mode, permits }: Demand, place: string): boolean {
    const lock = get(this.#locks, name)
    if (lock === undefined) return true
    const before = sizeOf(lock.holders) + countBelow(lock.line, place)
    if (permits !== null) return before < permits
    if (mode === 'exclusive') return before === 0
    if (lock.isExclusive || before >= lockLimits.holders) return false
    const firstExclusive = entriesOf(lock.exclusives, 1)[0]?.[0]
    return firstExclusive === undefined || firstExclusive > place
  }

  /** Grants the demand. `seqs` are the requests that have waited for it. */
  addGrant(demand: Demand & Party, nowMs: number, seqs: readonly number[]): Grant {
    const { names, mode, permits, uid, owner, ttlMs } = demand
    const token = this.#nextToken
    const grant: Grant = {
      token,
      uid,
      owner,
      ttlMs,
      names,
      mode,
      permits,
      grantedAtMs: nowMs,
      entries: Math.max(1, seqs.length),
      uncollected: seqs,
      isRevoked: false,
    }
    this.#nextToken += 1
    const key = numberKey(token)
    const isExclusive = excludesAll(demand)
    this.#grants = put(this.#grants, key, grant)
    for (const name of names) {
      const lock = get(this.#locks, name) ?? { ...unusedLock, permits }
      this.#locks = put(this.#locks, name, {
        ...lock,
        holders: put(lock.holders, key, true as const),
        isExclusive,
      })
    }
    this.#own(grant, seqs, { token })
    return grant
  }

  /** Changes the entries, the uncollected requests or the revocation of a grant. */
  changeGrant(grant: Grant, change: Partial<Pick<Grant, 'entries' | 'uncollected' | 'isRevoked'>>): void {
    this.#grants = put(this.#grants, numberKey(grant.token), { ...grant, ...change })
  }

  /** Ends a grant. Its names are unsettled then. */
  dropGrant(grant: Grant): void {
    const { token, names, uncollected } = grant
    const key = numberKey(token)
    this.#grants = drop(this.#grants, key)
    for (const name of names) {
      const lock = found(get(this.#locks, name), name)
      this.#change(name, { ...lock, holders: drop(lock.holders, key), isExclusive: false })
    }
    this.#disown(grant, uncollected)
  }

  /** Lets a request wait at the end of the lines of its names, parked at the name `obstacle`. */
  addWaiter(waiter: Waiter, obstacle: string): void {
    this.#nextArrival += 1
    const { place, names, mode, permits, seqs } = waiter
    this.#waiters = put(this.#waiters, place, waiter)
    for (const name of names) {
      const lock = get(this.#locks, name) ?? { ...unusedLock, permits }
      const line = put(lock.line, place, true as const)
      const exclusives = mode === 'exclusive' ? put(lock.exclusives, place, true as const) : lock.exclusives
      this.#locks = put(this.#locks, name, { ...lock, line, exclusives })
    }
    this.park(place, obstacle)
    this.#own(waiter, seqs, { place })
  }

  /** Adds or removes a request that waits with others. */
  changeWaiter(waiter: Waiter, seqs: readonly number[]): void {
    this.#waiters = put(this.#waiters, waiter.place, { ...waiter, seqs })
  }

  /** Removes one from the lines. Its names are unsettled then, unless it was granted. */
  dropWaiter(waiter: Waiter, isGranted = false): void {
    const { place, names, seqs } = waiter
    this.#waiters = drop(this.#waiters, place)
    for (const name of names) {
      const lock = found(get(this.#locks, name), name)
      const left = {
        ...lock,
        line: drop(lock.line, place),
        exclusives: drop(lock.exclusives, place),
        parked: drop(lock.parked, place),
      }
      if (isGranted) this.#locks = put(this.#locks, name, left)
      else this.#change(name, left)
    }
    this.#disown(waiter, seqs)
  }

  park(place: string, name: string): void {
    const lock = found(get(this.#locks, name), name)
    this.#locks = put(this.#locks, name, { ...lock, parked: put(lock.parked, place, true as const) })
  }

  unpark(place: string, name: string): void {
    const lock = found(get(this.#locks, name), name)
    this.#locks = put(this.#locks, name, { ...lock, parked: drop(lock.parked, place) })
  }

  addRequest(owner: string, seq: number, ref: Ref): void {
    const owned = get(this.#owners, owner) ?? nothingOwned
    this.#putOwner(owner, { ...owned, requests: put(owned.requests, numberKey(seq), ref) })
  }

  dropRequest(owner: string, seq: number): void {
    const owned = get(this.#owners, owner)
    if (owned !== undefined)
      this.#putOwner(owner, { ...owned, requests: drop(owned.requests, numberKey(seq)) })
  }

  /** Stores the lock, whose holders or line became shorter. */
  #change(name: string, lock: Lock): void {
    const isUsed = lock.holders !== null || lock.line !== null
    this.#locks = isUsed ? put(this.#locks, name, lock) : drop(this.#locks, name)
    this.unsettled = isUsed ? put(this.unsettled, name, true as const) : drop(this.unsettled, name)
  }

  #own(of: Demand & Party, seqs: readonly number[], ref: Ref): void {
    let owned = get(this.#owners, of.owner) ?? nothingOwned
    for (const name of ownNames(of)) owned = { ...owned, names: put(owned.names, name, ref) }
    for (const seq of seqs) owned = { ...owned, requests: put(owned.requests, numberKey(seq), ref) }
    this.#putOwner(of.owner, owned)
  }

  #disown(of: Demand & Party, seqs: readonly number[]): void {
    let owned = get(this.#owners, of.owner) ?? nothingOwned
    for (const name of ownNames(of)) owned = { ...owned, names: drop(owned.names, name) }
    for (const seq of seqs) owned = { ...owned, requests: drop(owned.requests, numberKey(seq)) }
    this.#putOwner(of.owner, owned)
  }

  #putOwner(owner: string, owned: Owner): void {
    const isEmpty = owned.names === null && owned.requests === null
    this.#owners = isEmpty ? drop(this.#owners, owner) : put(this.#owners, owner, owned)
  }
}

/** Whether a holder with this demand excludes all others. */
export function excludesAll({ mode, permits }: Demand): boolean {
  return permits === null && mode === 'exclusive'
}

/** The names that an owner has: a session without a ttl may demand what it holds. */
export function ownNames({ ttlMs, names }: Demand & Party): readonly string[] {
  return ttlMs === null ? [] : names
}

/** No command can make an index name something that is not there: it is a bug of this service. */
function found<T>(value: T | undefined, key: string): T {
  if (value === undefined)
    throw new Error(`the lock service has lost ${key}: this is a bug, please report it`)
  return value
}
