/** The state as rows: a head, then a row for each grant and each request that waits. */
import type { Json } from '../../../machines/batch.ts'
import type { LockMode } from '../lock-commands.ts'
import { numberKey } from '../number-key.ts'
import { each, emptyMap, mapOfKeys, put, type SortedMap } from '../sorted-map.ts'
import { type Grant, type Lock, type LockState, type Owner, ownerOf, type Ref, type Waiter } from './state.ts'
import { excludesAll, LockTable, ownNames } from './table.ts'

type GrantRow = readonly [
  token: number,
  uid: string,
  ttlMs: number | null,
  names: readonly string[],
  mode: LockMode,
  permits: number | null,
  grantedAtMs: number,
  entries: number,
  uncollected: readonly number[],
  isRevoked: boolean,
]

type WaiterRow = readonly [
  place: string,
  uid: string,
  ttlMs: number | null,
  names: readonly string[],
  mode: LockMode,
  permits: number | null,
  sinceMs: number,
  seqs: readonly number[],
]

/** The first row. */
type Head = readonly [nextToken: number, nextArrival: number]

/** The grants are in order of token, the waiters in order of place. */
type Row =
  | readonly ['grant', ...GrantRow]
  | readonly ['waiter', ...WaiterRow]
  | readonly ['unsettled', name: string]
  | readonly ['leaving', uid: string]

export function* snapshot(state: LockState): Generator<Json, void> {
  yield [state.nextToken, state.nextArrival] satisfies Head
  for (const [, grant] of each(state.grants)) yield ['grant', ...grantRow(grant)] satisfies Row
  for (const [, waiter] of each(state.waiters)) yield ['waiter', ...waiterRow(waiter)] satisfies Row
  for (const [name] of each(state.unsettled)) yield ['unsettled', name] satisfies Row
  for (const [uid] of each(state.leaving)) yield ['leaving', uid] satisfies Row
}

export function restore(rows: Iterable<Json>): LockState {
  const [[nextToken, nextArrival] = [1, 0], ...others] = rows as Iterable<unknown> as [Head, ...Row[]]
  const grants: Grant[] = []
  const waiters: Waiter[] = []
  const unsettled: string[] = []
  const leaving: string[] = []
  for (const row of others) {
    switch (row[0]) {
      case 'grant':
        grants.push(grantIn(row))
        continue
      case 'waiter':
        waiters.push(waiterIn(row))
        continue
      case 'unsettled':
        unsettled.push(row[1])
        continue
      case 'leaving':
        leaving.push(row[1])
        continue
    }
    row satisfies never
    throw new Error(
      `a row of the lock service is ${JSON.stringify(row).slice(0, 100)}, which this version does not know`,
    )
  }
  const keys = grants.map(({ token }) => numberKey(token))
  const places = waiters.map(({ place }) => place)
  const table = new LockTable({
    nextToken,
    nextArrival,
    grants: mapOfKeys(keys, (_, place) => grants[place] as Grant),
    waiters: mapOfKeys(places, (_, place) => waiters[place] as Waiter),
    locks: locksOf(grants, keys, waiters),
    owners: ownersOf(grants, waiters),
    unsettled: keySet(unsettled),
    leaving: keySet(leaving),
  })
  for (const waiter of waiters) {
    // Where several names keep it from being granted, any of them will do.
    const obstacle = table.obstacleOf(waiter, waiter.place, true) ?? waiter.names[0]
    if (obstacle !== undefined) table.park(waiter.place, obstacle)
  }
  return table.state
}

const none: string[] = []

/** Who holds a name, by the keys of their tokens, and who waits for it, by place: each list in order. */
interface Users {
  readonly permits: number | null
  holders: string[]
  isExclusive: boolean
  line: string[]
  exclusives: string[]
}

/**
 * The locks by name, with nobody parked. Most names have one holder and nobody who waits, and a snapshot may have a hundred thousand: no
 * list is made for what is not there.
 */
function locksOf(
  grants: readonly Grant[],
  keys: readonly string[],
  waiters: readonly Waiter[],
): SortedMap<Lock> {
  const users = new Map<string, Users>()
  const usersOf = (name: string, permits: number | null): Users => {
    const known = users.get(name)
    if (known !== undefined) return known
    const added = { permits, holders: none, isExclusive: false, line: none, exclusives: none }
    users.set(name, added)
    return added
  }
  for (const [index, grant] of grants.entries()) {
    for (const name of grant.names) {
      const of = usersOf(name, grant.permits)
      of.holders = withKey(of.holders, keys[index] ?? '')
      if (excludesAll(grant)) of.isExclusive = true
    }
  }
  for (const { names, permits, place, mode } of waiters) {
    for (const name of names) {
      const of = usersOf(name, permits)
      of.line = withKey(of.line, place)
      if (mode === 'exclusive') of.exclusives = withKey(of.exclusives, place)
    }
  }
  return mapOfKeys([...users.keys()].sort(), (name) => lockOf(users.get(name) as Users))
}

function lockOf({ permits, holders, isExclusive, line, exclusives }: Users): Lock {
  return {
    permits,
    holders: keySet(holders),
    isExclusive,
    line: keySet(line),
    exclusives: keySet(exclusives),
    parked: emptyMap,
  }
}

/** Adds the key to the list, in place unless it is that of nobody. */
function withKey(list: string[], key: string): string[] {
  if (list === none) return [key]
  list.push(key)
  return list
}

interface Owned {
  readonly names: Map<string, Ref>
  readonly requests: Map<string, Ref>
}

function ownersOf(grants: readonly Grant[], waiters: readonly Waiter[]): SortedMap<Owner> {
  const owners = new Map<string, Owned>()
  const add = (of: Grant | Waiter, seqs: readonly number[], ref: Ref) => {
    const names = ownNames(of)
    if (names.length === 0 && seqs.length === 0) return
    const owned = owners.get(of.owner) ?? { names: new Map(), requests: new Map() }
    for (const name of names) owned.names.set(name, ref)
    for (const seq of seqs) owned.requests.set(numberKey(seq), ref)
    owners.set(of.owner, owned)
  }
  for (const grant of grants) add(grant, grant.uncollected, { token: grant.token })
  for (const waiter of waiters) add(waiter, waiter.seqs, { place: waiter.place })
  return mapOfKeys([...owners.keys()].sort(), (owner) => {
    const { names, requests } = owners.get(owner) as Owned
    return { names: refsOf(names), requests: refsOf(requests) }
  })
}

function refsOf(refs: ReadonlyMap<string, Ref>): SortedMap<Ref> {
  return mapOfKeys([...refs.keys()].sort(), (key) => refs.get(key) as Ref)
}

function keySet(keys: readonly string[]): SortedMap<true> {
  const [first] = keys
  if (first === undefined) return emptyMap
  return keys.length === 1 ? put<true>(emptyMap, first, true) : mapOfKeys(keys, () => true)
}

function grantRow(grant: Grant): GrantRow {
  const { token, uid, ttlMs, names, mode, permits, grantedAtMs, entries, uncollected, isRevoked } = grant
  return [token, uid, ttlMs, names, mode, permits, grantedAtMs, entries, uncollected, isRevoked]
}

function grantIn(row: readonly ['grant', ...GrantRow]): Grant {
  const [, token, uid, ttlMs, names, mode, permits, grantedAtMs, entries, uncollected, isRevoked] = row
  const owner = ownerOf({ uid, ttlMs, seq: uncollected[0] ?? 0 })
  return { token, uid, owner, ttlMs, names, mode, permits, grantedAtMs, entries, uncollected, isRevoked }
}

function waiterRow({ place, uid, ttlMs, names, mode, permits, sinceMs, seqs }: Waiter): WaiterRow {
  return [place, uid, ttlMs, names, mode, permits, sinceMs, seqs]
}

function waiterIn(row: readonly ['waiter', ...WaiterRow]): Waiter {
  const [, place, uid, ttlMs, names, mode, permits, sinceMs, seqs] = row
  const owner = ownerOf({ uid, ttlMs, seq: seqs[0] ?? 0 })
  return { place, uid, owner, ttlMs, names, mode, permits, sinceMs, seqs }
}
