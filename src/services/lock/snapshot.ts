/** The state as rows: a head, then a row for each grant and each request that waits. */
import type { Json } from '../../../machines/batch.ts'
import type { LockMode } from '../lock-commands.ts'
import { numberKey } from '../number-key.ts'
import { each, emptyMap, mapOf, type SortedMap } from '../sorted-map.ts'
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
      case 'grant': {
        const [, ...fields] = row
        grants.push(grantIn(fields))
        continue
      }
      case 'waiter': {
        const [, ...fields] = row
        waiters.push(waiterIn(fields))
        continue
      }
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
