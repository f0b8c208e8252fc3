/** A request for locks. */

import type { LockResult, TakeCommand } from '../lock-commands.ts'
import { numberKey } from '../number-key.ts'
import type { Moment } from '../service.ts'
import { get } from '../sorted-map.ts'
import { deadlockOf } from './deadlock.ts'
import { lockLimits } from './limits.ts'
import { busy } from './show.ts'
import { type Demand, ownerOf, type Party, placeOf, type Ref } from './state.ts'
import type { LockTable } from './table.ts'

/** The result of a request; `null` when it waits. */
export function take(
  table: LockTable,
  command: TakeCommand,
  at: Moment,
  revoke: (uid: string) => void,
): LockResult | null {
  const owner = ownerOf(at)
  const known = get(table.owner(owner)?.requests ?? null, numberKey(at.seq))
  if (known !== undefined) return 'token' in known ? collected(table, owner, known.token, at.seq) : null
  const { names, mode, permits } = demandOf(command)
  const asked = { names, mode, permits, uid: at.uid, owner, ttlMs: at.ttlMs }
  const own = ownOf(table, asked)
  if (own !== null) {
    if (command.reentrant) return entered(table, asked, own, at.seq)
    if (!(command.steal && 'token' in own.ref)) return alreadyHeld(own)
  }
  checkRoom(table, names)
  const differing = asked.names.find((name) => {
    const lock = table.lock(name)
    return lock !== undefined && lock.permits !== asked.permits
  })
  if (differing !== undefined) {
    return { refused: 'permitsDiffer', name: differing, permits: table.lock(differing)?.permits ?? null }
  }
  const place = placeOf(table.nextArrival, command.steal === true)
  if (command.steal) {
    const deadlock = deadlockOf(table, asked, place, 'steals')
    if (deadlock !== null) return deadlock
    takeAway(table, asked, revoke)
  }
  const obstacle = table.obstacleOf(asked, place, true)
  if (obstacle === null) return { token: table.addGrant(asked, at.clockMs, []).token }
  if (command.try) return busy(table, asked, at.clockMs)
  const deadlock = command.steal ? null : deadlockOf(table, asked, place, 'waits')
  if (deadlock !== null) return deadlock
  table.addWaiter({ ...asked, place, sinceMs: at.clockMs, seqs: [at.seq] }, obstacle)
  return null
}

/** Throws when the request would add names beyond the limit. */
function checkRoom(table: LockTable, names: readonly string[]): void {
  const { locks } = lockLimits
  if (table.lockCount + names.length <= locks) return
  const added = names.filter((name) => table.lock(name) === undefined).length
  if (table.lockCount + added <= locks) return
  throw new Error(
    `${table.lockCount} locks are held or waited for, and the limit is ${locks}: free some, and ask again`,
  )
}

function demandOf({ name, names, mode, permits }: TakeCommand): Demand {
  return { names: names ?? [name], mode: mode ?? 'exclusive', permits: permits ?? null }
}

/** The request was granted while it waited. */
function collected(table: LockTable, owner: string, token: number, seq: number): LockResult {
  const grant = table.grant(token)
  if (grant !== undefined) {
    table.changeGrant(grant, { uncollected: grant.uncollected.filter((other) => other !== seq) })
  }
  table.dropRequest(owner, seq)
  return { token }
}

interface Own {
  readonly name: string
  readonly ref: Ref
}

/** The first of the names that the owner holds or waits for. */
function ownOf(table: LockTable, { owner, names }: Demand & Party): Own | null {
  const owned = table.owner(owner)
  if (owned === undefined) return null
  for (const name of names) {
    const ref = get(owned.names, name)
    if (ref !== undefined) return { name, ref }
  }
  return null
}

function alreadyHeld({ name, ref }: Own): LockResult {
  return { refused: 'alreadyHeld', name, held: 'token' in ref ? ref.token : null }
}

/** The session enters once more what it holds or waits for, if that covers the whole request. */
function entered(table: LockTable, asked: Demand & Party, own: Own, seq: number): LockResult | null {
  const { ref } = own
  if ('token' in ref) {
    const grant = table.grant(ref.token)
    if (grant === undefined || !covers(grant, asked)) return alreadyHeld(own)
    checkEntries(grant.entries)
    table.changeGrant(grant, { entries: grant.entries + 1 })
    return { token: grant.token }
  }
  const waiter = table.waiter(ref.place)
  if (waiter === undefined || !covers(waiter, asked)) return alreadyHeld(own)
  checkEntries(waiter.seqs.length)
  table.changeWaiter(waiter, [...waiter.seqs, seq])
  table.addRequest(asked.owner, seq, ref)
  return null
}

function covers(has: Demand, asked: Demand): boolean {
  return (
    has.permits === asked.permits &&
    (has.mode === 'exclusive' || asked.mode === 'shared') &&
    asked.names.every((name) => has.names.includes(name))
  )
}

function checkEntries(entries: number): void {
  if (entries < lockLimits.entries) return
  throw new Error(`the session has entered ${entries} times: free the lock as often before you enter again`)
}

/** Takes the lock from its holders: at once from the session itself and from those without a ttl, from others when they end. */
function takeAway(table: LockTable, { names, owner }: Demand & Party, revoke: (uid: string) => void): void {
  for (const name of names) {
    const lock = table.lock(name)
    if (lock === undefined) continue
    for (const grant of table.holdersOf(lock)) {
      if (grant.owner === owner || grant.ttlMs === null) table.dropGrant(grant)
      else {
        table.changeGrant(grant, { isRevoked: true })
        revoke(grant.uid)
      }
    }
  }
}
