/** The state as bytes. Equal states have equal bytes. */
import { textOf, utf8 } from '../../core/bytes.ts'
import type { LockMode } from '../lock-commands.ts'
import { entriesOf, mapOf } from '../sorted-map.ts'
import { type Grant, type LockState, noLocks, ownerOf, type Waiter } from './state.ts'
import { LockTable } from './table.ts'

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
  const { nextToken, nextArrival, grants, waiters, unsettled, leaving }: Kept = JSON.parse(textOf(bytes))
  const namesOf = (list: readonly string[]) => mapOf(list.map((name) => [name, true as const]))
  const table = new LockTable({ ...noLocks, unsettled: namesOf(unsettled), leaving: namesOf(leaving) })
  for (const row of grants) table.restoreGrant(grantIn(row))
  for (const row of waiters) table.restoreWaiter(waiterIn(row))
  return { ...table.state, nextToken, nextArrival }
}

function grantRow(grant: Grant): GrantRow {
  const { token, uid, ttlMs, names, mode, permits, grantedAtMs, entries, uncollected, isRevoked } = grant
  return [token, uid, ttlMs, names, mode, permits, grantedAtMs, entries, uncollected, isRevoked]
}

function grantIn(row: GrantRow): Grant {
  const [token, uid, ttlMs, names, mode, permits, grantedAtMs, entries, uncollected, isRevoked] = row
  const owner = ownerOf({ uid, ttlMs, seq: uncollected[0] ?? 0 })
  return {
    ...{ token, uid, owner, ttlMs, names, mode, permits },
    ...{ grantedAtMs, entries, uncollected, isRevoked },
  }
}

function waiterRow({ place, uid, ttlMs, names, mode, permits, sinceMs, seqs }: Waiter): WaiterRow {
  return [place, uid, ttlMs, names, mode, permits, sinceMs, seqs]
}

function waiterIn([place, uid, ttlMs, names, mode, permits, sinceMs, seqs]: WaiterRow): Waiter {
  const owner = ownerOf({ uid, ttlMs, seq: seqs[0] ?? 0 })
  return { place, uid, owner, ttlMs, names, mode, permits, sinceMs, seqs }
}
