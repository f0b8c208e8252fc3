/** The state as bytes. Equal states have equal bytes. */

import { textOf, utf8 } from '../../core/bytes.ts'
import type { LockMode } from '../lock-commands.ts'
import { numberKey } from '../number-key.ts'
import { emptyMap, entriesOf, mapOf, type SortedMap } from '../sorted-map.ts'
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

interface Kept {
  readonly nextToken: number
  readonly nextArrival: number
  /** In order of token. */
  readonly grants: readonly GrantRow[]
  /** In order of place. */
  readonly waiters: readonly WaiterRow[]
  readonly unsettled: readonly string[]
  readonly leaving: readonly string[]
}

export function snapshot(state: LockState): Uint8Array {
  const kept: Kept = {
    nextToken: state.nextToken,
    nextArrival: state.nextArrival,
    grants: entriesOf(state.grants).map(([, grant]) => grantRow(grant)),
    waiters: entriesOf(state.waiters).map(([, waiter]) => waiterRow(waiter)),
    unsettled: entriesOf(state.unsettled).map(([name]) => name),
    leaving: entriesOf(state.leaving).map(([uid]) => uid),
  }
  return utf8(JSON.stringify(kept))
}

export function restore(bytes: Uint8Array): LockState {
  const { nextToken, nextArrival, unsettled, leaving, ...rows }: Kept = JSON.parse(textOf(bytes))
  const grants = rows.grants.map(grantIn)
  const waiters = rows.waiters.map(waiterIn)
  const table = new LockTable({
    nextToken,
    nextArrival,
    grants: mapOf(grants.map((grant) => [numberKey(grant.token), grant])),
    waiters: mapOf(waiters.map((waiter) => [waiter.place, waiter])),
    locks: locksOf(grants, waiters),
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

/** The locks by name, with nobody parked. The lists are in order of token and of place. */
function locksOf(grants: readonly Grant[], waiters: readonly Waiter[]): SortedMap<Lock> {
  const users = new Map<string, { permits: number | null; holders: Grant[]; line: Waiter[] }>()
  const usersOf = (name: string, permits: number | null) => {
    const known = users.get(name) ?? { permits, holders: [], line: [] }
    users.set(name, known)
    return known
  }
  for (const grant of grants) for (const name of grant.names) usersOf(name, grant.permits).holders.push(grant)
  for (const waiter of waiters)
    for (const name of waiter.names) usersOf(name, waiter.permits).line.push(waiter)
  return mapOf(
    [...users].map(([name, { permits, holders, line }]): [string, Lock] => [
      name,
      {
        permits,
        holders: keySet(holders.map(({ token }) => numberKey(token))),
        isExclusive: holders.some(excludesAll),
        line: keySet(line.map(({ place }) => place)),
        exclusives: keySet(line.filter(({ mode }) => mode === 'exclusive').map(({ place }) => place)),
        parked: emptyMap,
      },
    ]),
  )
}

function ownersOf(grants: readonly Grant[], waiters: readonly Waiter[]): SortedMap<Owner> {
  const owners = new Map<string, { names: [string, Ref][]; requests: [string, Ref][] }>()
  const add = (of: Grant | Waiter, seqs: readonly number[], ref: Ref) => {
    const names = ownNames(of)
    if (names.length === 0 && seqs.length === 0) return
    const owned = owners.get(of.owner) ?? { names: [], requests: [] }
    for (const name of names) owned.names.push([name, ref])
    for (const seq of seqs) owned.requests.push([numberKey(seq), ref])
    owners.set(of.owner, owned)
  }
  for (const grant of grants) add(grant, grant.uncollected, { token: grant.token })
  for (const waiter of waiters) add(waiter, waiter.seqs, { place: waiter.place })
  return mapOf(
    [...owners].map(([owner, { names, requests }]): [string, Owner] => [
      owner,
      { names: mapOf(names), requests: mapOf(requests) },
    ]),
  )
}

function keySet(keys: readonly string[]): SortedMap<true> {
  return mapOf(keys.map((key) => [key, true as const]))
}

function grantRow(grant: Grant): GrantRow {
  const { token, uid, ttlMs, names, mode, permits, grantedAtMs, entries, uncollected, isRevoked } = grant
  return [token, uid, ttlMs, names, mode, permits, grantedAtMs, entries, uncollected, isRevoked]
}

function grantIn(row: GrantRow): Grant {
  const [token, uid, ttlMs, names, mode, permits, grantedAtMs, entries, uncollected, isRevoked] = row
  const owner = ownerOf({ uid, ttlMs, seq: uncollected[0] ?? 0 })
  return { token, uid, owner, ttlMs, names, mode, permits, grantedAtMs, entries, uncollected, isRevoked }
}

function waiterRow({ place, uid, ttlMs, names, mode, permits, sinceMs, seqs }: Waiter): WaiterRow {
  return [place, uid, ttlMs, names, mode, permits, sinceMs, seqs]
}

function waiterIn([place, uid, ttlMs, names, mode, permits, sinceMs, seqs]: WaiterRow): Waiter {
  const owner = ownerOf({ uid, ttlMs, seq: seqs[0] ?? 0 })
  return { place, uid, owner, ttlMs, names, mode, permits, sinceMs, seqs }
}
