/** What frees locks: `unlock`, `force`, and the ends of requests and sessions. */

import type { ForceCommand, ForceResult, FreeCommand, FreeResult } from '../lock-commands.ts'
import { numberKey } from '../number-key.ts'
import type { RequestName } from '../service.ts'
import { drop, entriesOf, get, put } from '../sorted-map.ts'
import { lockLimits } from './limits.ts'
import { shownHolder } from './show.ts'
import { endlessOwner, type Grant, type Ref } from './state.ts'
import type { LockTable } from './table.ts'

export function free(table: LockTable, { token, name, names }: FreeCommand): FreeResult {
  const named = names ?? (name === undefined ? [] : [name])
  const grant = token === undefined ? endlessGrantOf(table, named[0]) : table.grant(token)
  const isMeant = grant !== undefined && isKnown(grant) && named.every((each) => grant.names.includes(each))
  if (isMeant) leave(table, grant)
  return { freed: isMeant }
}

/** Whether a client received the token. A client cannot mean a grant that no client knows, so that grant is not freed. */
function isKnown({ entries, uncollected }: Grant): boolean {
  return uncollected.length < entries
}

/** The first grant of the lock to a session without a ttl whose client knows it. */
function endlessGrantOf(table: LockTable, name: string | undefined): Grant | undefined {
  const lock = name === undefined ? undefined : table.lock(name)
  return lock === undefined
    ? undefined
    : table.holdersOf(lock).find((grant) => grant.ttlMs === null && isKnown(grant))
}

/** One of the requests of a grant frees it; the last one ends it. */
function leave(table: LockTable, grant: Grant): void {
  if (grant.entries === 1) table.dropGrant(grant)
  else table.changeGrant(grant, { entries: grant.entries - 1 })
}

export function force(
  table: LockTable,
  { name, now }: ForceCommand,
  nowMs: number,
  revoke: (uid: string) => void,
): ForceResult {
  const lock = table.lock(name)
  const grants = lock === undefined ? [] : table.holdersOf(lock)
  for (const grant of grants) {
    if (grant.ttlMs !== null) revoke(grant.uid)
    if (grant.ttlMs === null || now) table.dropGrant(grant)
    else table.changeGrant(grant, { isRevoked: true })
  }
  return {
    holders: grants.slice(0, lockLimits.shown).map((grant) => shownHolder(grant, nowMs)),
    more: Math.max(0, grants.length - lockLimits.shown),
    freed: grants.length > 0 && grants.every(({ ttlMs }) => ttlMs === null || now),
  }
}

/** A request that waited has ended. What it was granted and never collected is freed. */
export function forget(table: LockTable, { uid, seq }: RequestName): void {
  for (const owner of [uid, endlessOwner(uid, seq)]) {
    const ref = get(table.owner(owner)?.requests ?? null, numberKey(seq))
    if (ref === undefined) continue
    table.dropRequest(owner, seq)
    forgetAt(table, ref, seq)
  }
}

function forgetAt(table: LockTable, ref: Ref, seq: number): void {
  if ('place' in ref) {
    const waiter = table.waiter(ref.place)
    const left = waiter?.seqs.filter((other) => other !== seq) ?? []
    if (waiter === undefined) return
    if (left.length === 0) table.dropWaiter(waiter)
    else table.changeWaiter(waiter, left)
    return
  }
  const grant = table.grant(ref.token)
  if (grant === undefined) return
  const uncollected = grant.uncollected.filter((other) => other !== seq)
  if (grant.entries === 1) table.dropGrant(grant)
  else table.changeGrant(grant, { uncollected, entries: grant.entries - 1 })
}

/** A session has ended: it leaves all its locks and lines. */
export function beginToLeave(table: LockTable, uid: string): void {
  if (table.owner(uid) !== undefined) table.leaving = put(table.leaving, uid, true as const)
}

/** Frees locks of the sessions that have ended, at most `lockLimits.freesAtOnce`. */
export function freeOfLeaving(table: LockTable): void {
  let left: number = lockLimits.freesAtOnce
  for (const [uid] of entriesOf(table.leaving, left)) {
    for (let owned = table.owner(uid); owned !== undefined; owned = table.owner(uid)) {
      if (left === 0) return
      left -= 1
      const ref = entriesOf(owned.names, 1)[0]?.[1]
      if (ref === undefined)
        throw new Error(`the lock service has lost what ${uid} has: this is a bug, please report it`)
      const grant = 'token' in ref ? table.grant(ref.token) : undefined
      const waiter = 'place' in ref ? table.waiter(ref.place) : undefined
      if (grant !== undefined) table.dropGrant(grant)
      if (waiter !== undefined) table.dropWaiter(waiter)
    }
    table.leaving = drop(table.leaving, uid)
  }
}
